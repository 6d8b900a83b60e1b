/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux labels, by a libselinux that is loaded only when one is asked for. */
#pragma once

struct fail;

/* Sets the label for files that this process makes from now on; NULL for none. Returns 0 or -errno
 * with the failure recorded. */
int label_files(const char *label, struct fail *f);

/* Sets the label of the program that this process executes next. Returns 0 or -errno with the
 * failure recorded. */
int label_exec(const char *label, struct fail *f);

/* Refuses a label that could not be applied here. Returns 0 or -errno with the failure recorded. */
int label_check(const char *label, struct fail *f);
