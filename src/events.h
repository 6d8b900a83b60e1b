/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher writes to --status-fd: JSON lines, an object each with the key "event". */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

struct fail;
struct json;

/* The functions below, but for the first, do nothing without --status-fd. Each line carries "time",
 * nanoseconds of CLOCK_MONOTONIC as the launcher has it. A reader that has gone, or has gone mad,
 * is no reason to end a sandbox: only the first line is held to have arrived. */

/* The plan that has been checked, before anything is done; EXPLANATION is all of it. Needs
 * --status-fd. Returns 0, or -errno with F filled. */
int events_plan(const struct plan *p, const struct json *explanation, struct fail *f);

/* The sandbox's first process CHILD, as the launcher sees it, and the ids of its namespaces;
 * PROC_FD is the launcher's /proc, IDS what the sandbox has told of itself, or NULL. */
void events_namespaces(const struct plan *p, int proc_fd, pid_t child, const uint64_t *ids);

/* EVENT, with nothing to be said about it. */
void events_plain(const struct plan *p, const char *event);

/* EVENT, with the text VALUE for KEY. */
void events_text(const struct plan *p, const char *event, const char *key, const char *value);

/* What a --proc-try on DEST came to. */
void events_proc(const struct plan *p, const char *dest, enum proc_shown shown);

/* What --landlock came to on this kernel. */
void events_landlock(const struct plan *p);

/* What hides DEST, as a mask came to. */
void events_mask(const struct plan *p, const char *dest, enum mask_made made);

/* What went wrong, and the exit status that follows from it. PHASE says where, when no step does.
 */
void events_error(const struct plan *p, const struct fail *f, const char *phase, int exit_status);

/* The command's end, with STATUS as from wait(2); how many of its processes were still there then
 * and were killed; and what all that the launcher has waited for has used. */
void events_exit(const struct plan *p, int status, int orphans);

/* Whether process PID of the /proc at PROC_FD has called execve since it was forked, be it alive or
 * a zombie: 1 or 0, or -errno. */
int events_has_execed(int proc_fd, pid_t pid);
