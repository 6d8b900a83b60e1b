/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The harbour: where mounts lie that must be attached, and that no path may meet. */
#pragma once

struct sandbox;

/* Makes the harbour, of which there is none yet, and in it an empty root: a directory of the same
 * tmpfs, since making and ending one of its own takes longer than fifty binds do. Returns a
 * descriptor of the root, which is the caller's, or -errno. */
int harbour_new_root(struct sandbox *sb);

/* Attaches the detached mount TREE in the harbour, on a new directory NAME, making the harbour when
 * there is none yet. Returns 0 or -errno. */
int harbour_attach(struct sandbox *sb, int tree, const char *name);

/* Detaches the harbour with all that lies in it. What is bound of that elsewhere stays. Returns 0
 * or -errno. */
int harbour_close(struct sandbox *sb);
