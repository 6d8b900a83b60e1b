/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux labels: whether one can be had. */
#pragma once

struct fail;

/* Refuses a label that could not be applied here. PREFIX begins the message: the option with a
 * blank after it, or nothing, where bubblewrap's words stand alone. Returns 0 or -errno with the
 * failure recorded. */
int label_check(const char *prefix, const char *label, struct fail *f);
