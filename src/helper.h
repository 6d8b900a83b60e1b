/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the system that husk has do what it cannot, or knows not. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HELPER_PATH_MAX 256

/* Finds the program NAME where only the system's administrator puts one: never through PATH, which
 * is the caller's. Stores its path in RET of HELPER_PATH_MAX bytes. Returns 0, or -ENOENT. */
int helper_find(const char *name, char ret[static HELPER_PATH_MAX]);

/* Where it looks, for people. */
const char *helper_places(void);

/* Whether a program at PATH can have more privilege than its caller. Returns 1, 0 when it has
 * neither the set-user-ID bit nor a file capability, -EPERM when its file system gives none
 * (nosuid), or -errno of stat(2). */
int helper_privileged(const char *path);

/* Starts the program at PATH with ARGV, nothing to read, an empty environment and no signal
 * blocked; what it writes, to its standard output and error, or with ERRORS to its error only,
 * comes from *RET_OUTPUT. Returns its pid, or -errno. */
pid_t helper_start(const char *path, char *const *argv, int errors, int *ret_output);

/* Runs it and waits for its end, however long that takes. On success its standard output, the
 * caller's to free, is at *RET_TEXT, and its wait status at *RET_STATUS. Returns 0 or -errno. */
int helper_output(const char *path, char *const *argv, char **ret_text, size_t *ret_length,
		  int *ret_status);
