/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe of --self-test. */
#pragma once

/* Tries from inside what the words, three a check, promise; prints TAP 14 to standard output. WORDS
 * are those after the program's name. Returns the exit status: 0 when all of it holds, else 1. */
int probe_main(char **words);

/* Each of these tries a wall, and returns what is not as promised, or NULL. None keeps anything. */

/* OPERAND: the numbers of socket families, a space after each, of which there is to be no socket.
 */
const char *probe_families(const char *operand);

/* OPERAND: the number of a limit, and the soft and the hard value that it has at most. */
const char *probe_limit(const char *operand);

/* OPERAND: the name of a seccomp policy. */
const char *probe_policy(const char *operand);

/* OPERAND: the pid of a process outside, which is not to be signalled. */
const char *probe_signal(const char *operand);

/* Of TCP no port that the kernel chooses is to be had. OPERAND is not used. */
const char *probe_tcp(const char *operand);
