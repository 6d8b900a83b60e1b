/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what a verified /proc tells of processes. */
#include "procfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "util.h"

static int open_file(int proc_fd, const char *path)
{
	int fd = sys_openat2(proc_fd, path, O_RDONLY | O_CLOEXEC,
			     RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);

	return fd < 0 ? neg_errno() : fd;
}

ssize_t procfile_read(int proc_fd, const char *path, char *text, size_t size)
{
	CLEANUP(fd_closep) int fd = open_file(proc_fd, path);
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return fd;
	while (n > 0 && length < size - 1) {
		n = read(fd, text + length, size - 1 - length);
		if (n < 0)
			return neg_errno();
		length += (size_t)n;
	}
	text[length] = '\0';
	return (ssize_t)length;
}

ssize_t procfile_read_of(int proc_fd, pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "%d/%s", (int)pid, name);
	return procfile_read(proc_fd, path, text, size);
}

/* Takes the groups out of TEXT, the beginning of a status file, as far as they are there. Returns
 * its length then. */
static size_t drop_groups(char *text)
{
	static const char key[] = "\nGroups:";
	char *from = strstr(text, key), *to;

	if (!from)
		return strlen(text);
	from += strlen(key);
	to = from + strcspn(from, "\n");
	memmove(from, to, strlen(to) + 1);
	return strlen(text);
}

ssize_t procfile_read_status(int fd, char *text, size_t size)
{
	size_t length = 0, room;
	off_t at = 0;
	ssize_t n;

	do {
		room = size - 1 - length;
		n = pread(fd, text + length, room, at);
		if (n < 0)
			return neg_errno();
		at += n;
		text[length + (size_t)n] = '\0';
		length = drop_groups(text);
	} while ((size_t)n == room && length < size - 1);
	return length < size - 1 ? (ssize_t)length : -EOVERFLOW;
}

ssize_t procfile_status(int proc_fd, const char *who, char *text, size_t size)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	char path[64];

	snprintf(path, sizeof path, "%s/status", who);
	fd = open_file(proc_fd, path);
	return fd < 0 ? fd : procfile_read_status(fd, text, size);
}

ssize_t procfile_status_of(int proc_fd, pid_t pid, char *text, size_t size)
{
	char who[16];

	snprintf(who, sizeof who, "%d", (int)pid);
	return procfile_status(proc_fd, who, text, size);
}

uint64_t procfile_field(const char *status, const char *key, int base, uint64_t *ret, size_t n)
{
	const char *line = strstr(status, key);
	uint64_t value = 0, next;
	size_t i;
	char *end;

	for (i = 0; i < n; i++)
		ret[i] = 0;
	if (!line)
		return 0;
	line += strlen(key);
	for (i = 0;; i++) {
		while (*line == '\t' || *line == ' ')
			line++;
		if (*line == '\n' || *line == '\0')
			return value;
		next = strtoull(line, &end, base);
		if (end == line)
			return value;
		value = next;
		if (i < n)
			ret[i] = value;
		line = end;
	}
}
