/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capability names: the launcher's own table against libcap's. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "caps.h"

#include "tap.h"

#if HAVE_LIBCAP
#include <sys/capability.h>
#endif

static unsigned last_cap(void)
{
	FILE *f = fopen("/proc/sys/kernel/cap_last_cap", "re");
	unsigned last = 0;

	if (f && fscanf(f, "%u", &last) != 1)
		last = 0;
	if (f)
		fclose(f);
	return last;
}

static void spellings(void)
{
	static const struct {
		const char *name;
		uint64_t set;
	} table[] = {
		{ "cap_chown", CAP_BIT(0) },
		{ "CAP_CHOWN", CAP_BIT(0) },
		{ "chown", CAP_BIT(0) },
		{ "CHOWN", CAP_BIT(0) },
		{ "Cap_Chown", CAP_BIT(0) },
		{ "sys_admin", CAP_BIT(21) },
		{ "CAP_SYS_ADMIN", CAP_BIT(21) },
		{ "cap_checkpoint_restore", CAP_BIT(40) },
		{ "all", CAPS_ALL },
		{ "ALL", CAPS_ALL },
		{ "All", CAPS_ALL },
	};
	static const char *const bad[] = {
		"",  "cap_", "cap",	  "cap_cap_chown",	"chown ", " chown", "cap_all",
		"0", "none", "sys-admin", "cap_chown,cap_kill", "chow",	  "chownn",
	};
	uint64_t set;
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++) {
		set = 0;
		ok(caps_parse(table[i].name, &set) == 0 && set == table[i].set, "%s",
		   table[i].name);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		set = 42;
		ok(caps_parse(bad[i], &set) < 0 && set == 42, "“%s” is none", bad[i]);
	}
}

static void round_trip(void)
{
	unsigned cap, n = 0, right = 0;
	const char *name;
	uint64_t set;

	for (cap = 0; (name = caps_name(cap)); cap++, n++) {
		set = 0;
		right += caps_parse(name, &set) == 0 && set == CAP_BIT(cap) &&
			 strncmp(name, "cap_", 4) == 0;
	}
	ok(right == n, "each name is that of its number");
	ok(n > last_cap(), "the kernel has no capability without a name: %u, %u", n, last_cap());
	ok(!caps_name(n) && !caps_name(63) && !caps_name(1000), "no name beyond");
}

static void against_libcap(void)
{
#if HAVE_LIBCAP
	unsigned cap, right = 0, n = 0;
	cap_value_t value;
	uint64_t set;
	char *theirs;

	for (cap = 0; caps_name(cap); cap++, n++) {
		theirs = cap_to_name((cap_value_t)cap);
		/* an older libcap gives the number for what it does not know */
		if (!theirs || isdigit((unsigned char)*theirs)) {
			right++;
		} else {
			set = 0;
			right += strcmp(theirs, caps_name(cap)) == 0 &&
				 cap_from_name(caps_name(cap), &value) == 0 &&
				 value == (cap_value_t)cap && caps_parse(theirs, &set) == 0 &&
				 set == CAP_BIT(cap);
		}
		cap_free(theirs);
	}
	ok(right == n, "libcap has the same names");
	theirs = cap_to_name((cap_value_t)n);
	ok(!theirs || isdigit((unsigned char)*theirs), "and no more: %s", theirs ? theirs : "none");
	cap_free(theirs);
#else
	skip("built without libcap");
#endif
}

static void effective(void)
{
	uint64_t set = 42;

	ok(caps_effective(&set) == 0 && set == 0, "an ordinary user has none");
}

int main(void)
{
	spellings();
	round_trip();
	against_libcap();
	effective();
	return done();
}
