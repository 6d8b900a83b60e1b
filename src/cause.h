/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the searches for the cause of a failure have in common: diagnose.c has them in order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct caller;
struct fail;
struct plan;

struct diagnosis {
	const struct plan *plan;
	const struct caller *caller;
	int proc_fd; /* the host's /proc */
	struct fail *fail; /* what is to be explained */
};

/* Adds the cause, by FORMAT of printf(3), to the failure, whose own error becomes text, and HINT,
 * which is constant, as the way out. Returns true, as every cause does when it is the one. */
bool cause_found(struct diagnosis *d, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads the first line of the file PATH of /proc to BUF of SIZE bytes, without its end. Returns
 * false where there is none. */
bool cause_read_line(const struct diagnosis *d, const char *path, char *buf, size_t size);

/* Looks for a seccomp filter of the surroundings that refuses a call of husk's, and adds it.
 * Returns whether there is one. seccomp(2). */
bool cause_seccomp(struct diagnosis *d);

/* Looks for AppArmor as the cause of a refusal, and adds it. Returns whether it can be. */
bool cause_apparmor(struct diagnosis *d);

/* Adds who or what allows this process no user namespace, or who is left to suspect.
 * user_namespaces(7), kernel: create_user_ns(). */
void cause_of_permission(struct diagnosis *d);

/* Adds which limit of namespaces is reached, and where. Forks, to try what the launch wanted.
 * namespaces(7). */
void cause_of_limit(struct diagnosis *d);
