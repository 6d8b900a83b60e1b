/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what a verified /proc tells of processes. */
#include "procfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "util.h"

ssize_t procfile_read(int proc_fd, const char *path, char *text, size_t size)
{
	CLEANUP(fd_closep)
	int fd = sys_openat2(proc_fd, path, O_RDONLY | O_CLOEXEC,
			     RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return neg_errno();
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
