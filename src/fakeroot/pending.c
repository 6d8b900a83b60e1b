/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that the kernel does itself with the caller's rights, and what follows from them for the
 * records: looked at when the next call comes, from whomever. The one that a thread makes next
 * shows that the one before is done, or has failed. */
#include "pending.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../util.h"

#define PENDING	 64u
#define UNLINKED 65536u /* more than a process may usually have open */

struct wait {
	pid_t tid;
	int fd; /* the file that goes, or the directory that something is made in */
	struct key key; /* of what goes */
	char name[256]; /* of what is made, or empty */
	struct store_attrs attrs;
};

struct pending {
	struct wait list[PENDING];
	size_t n;
	/* which may still be open: the oldest are forgotten first; the unused takes no memory */
	struct key unlinked[UNLINKED];
	size_t n_unlinked;
};

struct pending *pending_new(void)
{
	return calloc(1, sizeof(struct pending));
}

void pending_end(struct world *world)
{
	struct pending *pending = world->pending;
	size_t i;

	while (pending && pending->n > 0)
		fd_close(pending->list[--pending->n].fd);
	for (i = 0; pending && i < UNLINKED && i < pending->n_unlinked; i++)
		store_drop(world->store, &pending->unlinked[i]);
	free(pending);
	world->pending = NULL;
}

static void take_away(struct pending *pending, size_t i)
{
	fd_close(pending->list[i].fd);
	pending->n--;
	memmove(&pending->list[i], &pending->list[i + 1], (pending->n - i) * sizeof(struct wait));
}

/* Where too much is waited for the oldest is let go of: its record stays, which is harmless, or is
 * not made. */
static struct wait *add(const struct call *c, int fd)
{
	struct pending *pending = c->world->pending;
	struct wait *wait;

	if (pending->n == PENDING)
		take_away(pending, 0);
	wait = &pending->list[pending->n++];
	*wait = (struct wait){ .tid = c->tid, .fd = fd };
	return wait;
}

void pending_unlink(const struct call *c, struct file *file)
{
	add(c, TAKE_FD(file->fd))->key = file->key;
}

void pending_make(const struct call *c, int dir, const char *name, const struct store_attrs *attrs)
{
	struct wait *wait;

	if (strlen(name) >= sizeof wait->name) {
		fd_close(dir);
		return;
	}
	wait = add(c, dir);
	strcpy(wait->name, name);
	wait->attrs = *attrs;
}

void pending_forget(const struct call *c)
{
	while (c->world->pending->n > 0)
		take_away(c->world->pending, 0);
}

static bool is_gone(const struct call *c, const struct wait *wait)
{
	struct pending *pending = c->world->pending;
	struct stat now;
	struct key *place;

	if (fstat(wait->fd, &now) < 0 || now.st_nlink > 0)
		return false;
	place = &pending->unlinked[pending->n_unlinked++ % UNLINKED];
	if (pending->n_unlinked > UNLINKED)
		store_drop(c->world->store, place);
	*place = wait->key;
	return true;
}

static bool is_made(const struct call *c, const struct wait *wait)
{
	struct file file = { .fd = openat(wait->fd, wait->name,
					  O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC) };

	if (file.fd < 0)
		return false;
	if (file_key(c, &file) == 0 && file.key.n > 0)
		store_set(c->world->store, &file.key, &wait->attrs);
	file_close(&file);
	return true;
}

void pending_settle(const struct call *c)
{
	struct pending *pending = c->world->pending;
	const struct wait *wait;
	size_t i = 0;

	while (i < pending->n) {
		wait = &pending->list[i];
		if ((wait->name[0] ? is_made(c, wait) : is_gone(c, wait)) || wait->tid == c->tid)
			take_away(pending, i);
		else
			i++;
	}
}
