/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the resource limits, and how their values are written. */
#include "rlimit.h"

#include <strings.h>
#include <sys/resource.h>

#include "sys.h"
#include "util.h"

/* The kernel's numbers, of which a C library may lack some names. asm-generic/resource.h */
static const char *const names[] = {
	[RLIMIT_CPU] = "cpu",		[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_DATA] = "data",		[RLIMIT_STACK] = "stack",
	[RLIMIT_CORE] = "core",		[RLIMIT_RSS] = "rss",
	[RLIMIT_NPROC] = "nproc",	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_MEMLOCK] = "memlock",	[RLIMIT_AS] = "as",
	[RLIMIT_LOCKS] = "locks",	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_RTPRIO] = "rtprio",	[RLIMIT_RTTIME] = "rttime",
};

int rlimit_find(const char *name, size_t length)
{
	static const char prefix[] = "RLIMIT_";
	size_t skip = sizeof prefix - 1, i;

	if (length > skip && strncasecmp(name, prefix, skip) == 0) {
		name += skip;
		length -= skip;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && strlen(names[i]) == length &&
		    strncasecmp(name, names[i], length) == 0)
			return (int)i;
	return -EINVAL;
}

const char *rlimit_name(int resource)
{
	return names[resource];
}

int rlimit_parse_value(const char *word, size_t length, uint64_t *ret)
{
	static const char units[] = "KMGT", word_unlimited[] = "unlimited";
	uint64_t value = 0;
	const char *unit;
	size_t i;

	if (length == sizeof word_unlimited - 1 && strncasecmp(word, word_unlimited, length) == 0) {
		*ret = UINT64_MAX; /* RLIM64_INFINITY */
		return 0;
	}
	for (i = 0; i < length && word[i] >= '0' && word[i] <= '9'; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(word[i] - '0'), &value))
			return -EINVAL;
	if (i == 0 || length - i > 1)
		return -EINVAL;
	if (i < length) {
		unit = strchr(units, word[i] & ~0x20);
		if (!unit || !*unit)
			return -EINVAL;
		i = 10 * (size_t)(unit - units + 1);
		if (value > (UINT64_MAX - 1) >> i)
			return -EINVAL;
		value <<= i;
	}
	if (value == UINT64_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

int rlimit_get(int resource, uint64_t ret[static 2])
{
	return (int)syscall(SYS_prlimit64, 0, resource, NULL, ret);
}

int rlimit_set(int resource, uint64_t soft, uint64_t hard)
{
	const uint64_t values[2] = { soft, hard };

	return (int)syscall(SYS_prlimit64, 0, resource, values, NULL);
}
