/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program, in a copy that nobody can write to. */
#pragma once

struct fail;
struct plan;

/* Executes the program anew, with the same words ARGV, environment and descriptors, from a sealed
 * copy in memory where P makes it run beside processes of others and its caller could write to its
 * file; what --args has read can be read once more. Returns 0 where that is not needed or has been
 * done, or -errno with F filled. memfd_create(2), execveat(2). */
int sealed_run(const struct plan *p, char **argv, struct fail *f);
