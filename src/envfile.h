/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of variables for the command's environment. */
#pragma once

struct fail;
struct plan;

/* Puts the lines of every --env-file in its place among the edits of the environment. The plan owns
 * what was read. Returns 0, or -errno with F filled, which names the file and the line. */
int envfile_load(struct plan *p, struct fail *f);
