/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of mount attributes that take something away from who uses a mount. */
#include "attrs.h"

#include <string.h>

#include "sys.h"
#include "util.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define MS_NOSYMFOLLOW_ 256

#define NAME(text)	text, sizeof(text) - 1

static const struct {
	const char *name;
	size_t length;
	uint64_t bit;
	unsigned long ms;
} table[] = {
	{ NAME("ro"), MOUNT_ATTR_RDONLY, MS_RDONLY },
	{ NAME("nosuid"), MOUNT_ATTR_NOSUID, MS_NOSUID },
	{ NAME("nodev"), MOUNT_ATTR_NODEV, MS_NODEV },
	{ NAME("noexec"), MOUNT_ATTR_NOEXEC, MS_NOEXEC },
	{ NAME("nosymfollow"), MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW_ },
	{ NAME("noatime"), MOUNT_ATTR_NOATIME, MS_NOATIME },
	{ NAME("nodiratime"), MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
};

uint64_t attr_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].length == length && memcmp(table[i].name, name, length) == 0)
			return table[i].bit;
	return 0;
}

const char *attr_at(size_t i, uint64_t *ret_bit)
{
	if (i >= ARRAY_SIZE(table))
		return NULL;
	*ret_bit = table[i].bit;
	return table[i].name;
}

unsigned long attrs_ms(uint64_t attrs)
{
	unsigned long flags = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		flags |= attrs & table[i].bit ? table[i].ms : 0;
	return flags;
}
