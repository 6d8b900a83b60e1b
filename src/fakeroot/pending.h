/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be known of a call that the kernel does itself, once it is done. */
#pragma once

#include "resolve.h"

struct pending *pending_new(void);

/* Frees it, and forgets what is gone. */
void pending_end(struct world *world);

/* The caller is about to unlink FILE's last name, as it says: the record goes when it is gone.
 * Takes the descriptor. */
void pending_unlink(const struct call *c, struct file *file);

/* The caller is about to make NAME in DIR: the record of that will be ATTRS. Takes the descriptor,
 * and nothing happens where the name is too long to be one. */
void pending_make(const struct call *c, int dir, const char *name, const struct store_attrs *attrs);

/* Lets go of all that is waited for: a record stays that could go, or one is not made. */
void pending_forget(const struct call *c);

/* Sees what has been done by now; C comes from a thread whose calls before it are. */
void pending_settle(const struct call *c);
