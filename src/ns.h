/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the eight kinds of namespaces. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ns {
	uint64_t flag; /* CLONE_NEW* */
	const char *name; /* as in /proc/PID/ns */
	const char *of_command; /* the file there that tells which one the command has */
	const char *json; /* its key in the status, or NULL for those that are never listed */
};

/* In the order of the status output. */
#define NS_MAX	8
#define NS_USER 6 /* the index of the user namespace */
extern const struct ns namespaces[NS_MAX];

/* Reads the ids of the calling process's own namespaces, or of its children's where those differ,
 * with the /proc at PROC_FD; 0 for a kind that the kernel has not. */
void ns_read(int proc_fd, uint64_t ret[NS_MAX]);
