/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux labels: whether one can be had, by a libselinux that is loaded only when one is asked
 * for. */
#pragma once

struct fail;

/* Refuses a label that could not be applied here. Returns 0 or -errno with the failure recorded. */
int label_check(const char *label, struct fail *f);
