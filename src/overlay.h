/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The overlay operations. */
#pragma once

struct op;
struct sandbox;

/* Opens the layers, and the upper and work directories, as O_PATH descriptors. Returns 0 or -errno
 * with the failure recorded. */
int overlay_source(struct sandbox *sb, const struct op *op);

/* Mounts the overlay on its destination; without an upper directory of the caller's, writes go to a
 * tmpfs hidden below it. Layers are named by descriptor, so mountinfo shows no host path. Returns 0
 * or -errno with the failure recorded. */
int overlay_attach(struct sandbox *sb, const struct op *op);

/* A detached overlay of two layers, descriptors of directories on attached mounts, that can only be
 * read; ATTRS are MOUNT_ATTR_*. Returns its descriptor or -errno. */
int overlay_of_two(struct sandbox *sb, int upper, int lower, unsigned attrs);
