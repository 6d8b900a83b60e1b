/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a verified /proc tells of processes. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the file PATH below the /proc at PROC_FD, as "self/status", into TEXT of SIZE bytes, which
 * ends it by a NUL; what does not fit is left out. Neither a mount on top nor a magic link can lead
 * it astray. Returns its length, or -errno. */
ssize_t procfile_read(int proc_fd, const char *path, char *text, size_t size);

/* The same of the file NAME of process PID. */
ssize_t procfile_read_of(int proc_fd, pid_t pid, const char *name, char *text, size_t size);

/* Reads the status file of the process WHO, a pid or "self", proc_pid_status(5), as
 * procfile_read(), but for its groups: there may be 65536 of them, as many as the process chooses,
 * before what tells of its walls. What does not fit then is -EOVERFLOW. */
ssize_t procfile_status(int proc_fd, const char *who, char *text, size_t size);

/* The same of process PID. */
ssize_t procfile_status_of(int proc_fd, pid_t pid, char *text, size_t size);

/* The same of the open file FD, from its beginning. */
ssize_t procfile_read_status(int fd, char *text, size_t size);

/* The numbers in BASE that follow KEY, as "\nUid:", in the text of a status file,
 * proc_pid_status(5): stores the first N of them, 0 for those that are not there, and returns the
 * last one there is, or 0. */
uint64_t procfile_field(const char *status, const char *key, int base, uint64_t *ret, size_t n);
