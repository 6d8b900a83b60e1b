/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp filters: the launcher's own, and those that the caller hands over compiled. */
#pragma once

#include <stddef.h>

struct fail;
struct plan;
struct policy;

struct seccomp_program {
	void *code; /* struct sock_filter[] */
	size_t length; /* in bytes */
	const char *option; /* for messages that name one of husk's own, or NULL */
};

/* Appends the filters that the plan names, that of the pretence, the policy's, and that of the
 * denied calls and families, to the list at TO of *N. Returns 0, or -errno with the failure
 * recorded. */
int seccomp_of_plan(const struct plan *p, struct seccomp_program *to, size_t *n, struct fail *f);

/* The filter of a pretence. */
struct seccomp_program seccomp_of_pretence(const struct policy *pretence);

/* How many filters those are. */
size_t seccomp_count(const struct plan *p);

/* Reads a compiled filter from FD to its end. OPTION is the word to name it by in messages, or NULL
 * for bubblewrap's, which name none. Returns 0, or -errno with the failure recorded. */
int seccomp_read(int fd, const char *option, struct seccomp_program *ret, struct fail *f);

/* Installs a filter that was read. Returns 0, or -errno with the failure recorded. seccomp(2). */
int seccomp_install(const struct seccomp_program *program, struct fail *f);

/* Refuses the ioctls that put input into a terminal (TIOCSTI, TIOCLINUX), on every ABI. Returns 0
 * or -errno. */
int seccomp_refuse_terminal(void);

/* Refuses add_key, keyctl and request_key, on every ABI. Returns 0 or -errno. */
int seccomp_refuse_keyring(void);

/* Installs the filter of a pretence that is answered by a supervisor. From then on each call that
 * it names waits for an answer. Returns the descriptor that they are handed over by, or -errno:
 * -EBUSY where the process has one already. seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER. */
int seccomp_listen(const struct policy *pretence);
