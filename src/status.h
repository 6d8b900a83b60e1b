/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher writes to --info-fd and --json-status-fd. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct fail;
struct plan;

/* Writes the first document to both descriptors, as far as they were given: the sandbox's pid as
 * the launcher sees it and its namespaces, by their IDS if it has told them itself. Returns 0, 1
 * when the sandbox has ended meanwhile, or -errno with the failure recorded. */
int status_write_start(const struct plan *p, int proc_fd, pid_t child, const uint64_t *ids,
		       struct fail *f);

/* Writes one line to --json-status-fd, when there is one: KEY with VALUE. */
void status_write_number(const struct plan *p, const char *key, int value);

/* As status_write_number(), for a text that needs no quoting. */
void status_write_text(const struct plan *p, const char *key, const char *value);
