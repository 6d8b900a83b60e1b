/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shifts the clocks of a time namespace.
 *
 * The kernel counts every namespace's offsets from the machine's own clocks, and a new namespace
 * begins with those of its maker's. What was asked for counts from the caller's clocks, so that it
 * means the same in a sandbox whose clocks are shifted already. */
#include "timens.h"

#include <stdio.h>

#include "fail.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define SECOND 1000000000

/* The present offset of CLOCK in TEXT, the whole of /proc/self/timens_offsets. Returns 0 or
 * -EINVAL.
 */
static int find_offset(const char *text, const char *clock, long long *ret_seconds,
		       long long *ret_nanoseconds)
{
	const char *line = strstr(text, clock);

	if (!line || sscanf(line + strlen(clock), "%lld %lld", ret_seconds, ret_nanoseconds) != 2)
		return -EINVAL;
	return 0;
}

/* Says that the kernel does not let CLOCK go so far. time_namespaces(7). */
static int out_of_range(struct sandbox *sb, const char *clock, const struct shift *shift)
{
	if (*shift->typed == '-')
		return fail_hint(sb->fail,
				 fail(sb->fail, 0, "--%s %s: the clock would be before its zero",
				      clock, shift->typed),
				 "the clocks begin at zero when the machine boots: /proc/uptime "
				 "shows how far back they can go");
	return fail_hint(
		sb->fail,
		fail(sb->fail, 0, "--%s %s: the clock would be too far ahead", clock, shift->typed),
		"the kernel lets it go to half of what it can count, 146 years");
}

/* Adds SHIFT, if it is asked for, to the offset of CLOCK, through FD, whose whole content is TEXT.
 */
static int shift_clock(struct sandbox *sb, int fd, const char *text, const char *clock,
		       const struct shift *shift)
{
	long long seconds, nanoseconds;
	char line[80];
	int n;

	if (!shift->typed)
		return 0;
	if (find_offset(text, clock, &seconds, &nanoseconds) < 0)
		return fail(sb->fail, 0, "/proc/self/timens_offsets has no %s", clock);
	seconds += shift->seconds + (nanoseconds + shift->nanoseconds) / SECOND;
	nanoseconds = (nanoseconds + shift->nanoseconds) % SECOND;
	n = snprintf(line, sizeof line, "%s %lld %lld\n", clock, seconds, nanoseconds);
	if (lseek(fd, 0, SEEK_SET) == 0 && write(fd, line, (size_t)n) == n)
		return 0;
	if (errno == ERANGE)
		return out_of_range(sb, clock, shift);
	return fail(sb->fail, errno, "--%s %s", clock, shift->typed);
}

int timens_shift(struct sandbox *sb)
{
	CLEANUP(fd_closep) int fd = sandbox_proc_open(sb, "self/timens_offsets", O_RDWR);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	int r;

	if (n < 0)
		return fail(sb->fail, fd < 0 ? -fd : errno, "/proc/self/timens_offsets");
	text[n] = '\0';
	r = shift_clock(sb, fd, text, "monotonic", &sb->plan->monotonic);
	return r < 0 ? r : shift_clock(sb, fd, text, "boottime", &sb->plan->boottime);
}
