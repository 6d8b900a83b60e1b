/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Masks: hide a file or a directory of the new root, whatever it is. */
#pragma once

struct op;
struct sandbox;

/* The covers that a mask may need: one for a file, one for a directory. */
#define MASK_FDS 2

/* Makes both covers. Returns 0 or -errno with the failure recorded. */
int mask_source(struct sandbox *sb, const struct op *op);

/* Hides the destination of OP, and where it takes an overlay that of the masks beside it. Returns 0
 * or -errno with the failure recorded. */
int mask_attach(struct sandbox *sb, const struct op *op);

/* Keeps the covers of OP, which waits for the sandbox, in the hidden place. Returns 0 or -errno
 * with the failure recorded. */
int mask_keep(struct sandbox *sb, const struct op *op);

/* Takes the covers of OP from there, which is the working directory. */
void mask_fetch(struct sandbox *sb, const struct op *op);
