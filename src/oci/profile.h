/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seccomp profile of a container engine as rules of libseccomp. */
#pragma once

#include <json-c/json.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For whom a profile is read: what its "includes" and "excludes" ask. */
struct profile_target {
	uint64_t caps; /* of the container, a bit each */
	unsigned kernel[2]; /* major, minor */
	bool quiet; /* say nothing about what is left out */
};

#define PROFILE_ARCHES 16

struct profile_arch {
	uint32_t token; /* SCMP_ARCH_* */
	int last; /* the greatest number of a call that the profile names, or -1 */
};

struct profile {
	scmp_filter_ctx filter;
	uint32_t default_action;
	bool allows; /* by default */
	struct profile_arch arches[PROFILE_ARCHES];
	size_t n_arches;
};

/* Makes rules of ROOT, as moby and runc read it. Ends the program with a message that names the
 * place when something in it is wrong; notes go to standard error. */
void profile_read(struct profile *profile, json_object *root, const struct profile_target *target);

/* Ends the program with a message. */
_Noreturn void profile_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
