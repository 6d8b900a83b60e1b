/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's environment. */
#pragma once

#include <stddef.h>

struct plan;

/* Applies the plan's edits, in order, to the NULL-terminated ENVIRON. On success *RET is a new list
 * with two free slots at its end, owned by the caller, whose strings are partly ENVIRON's own, and
 * *RET_N its length. Returns 0 or -ENOMEM. */
int env_build(const struct plan *p, char **environ, char ***ret, size_t *ret_n);
