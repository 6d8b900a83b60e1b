/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The C library's malloc(3) and its kin, for a process that lives as long as its memory.
 *
 * A launch allocates a few kilobytes and keeps nearly all of them to its end. So memory is cut off
 * a piece that grows, and only what was cut off last is ever given back: the pieces lie on as few
 * pages as can be, which the processes inside would otherwise copy one by one, and what is used
 * after its end, or freed twice, is never somebody else's. The first piece is part of the program:
 * most launches ask the kernel for none. */
#include "heap.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16
#define PAGE	  4096
#define PIECE	  65536 /* bytes, of those that follow the first */

/* In front of each block, whose alignment it keeps. */
struct head {
	size_t size; /* of the block, rounded up */
} __attribute__((aligned(ALIGNMENT)));

static struct head *head_of(void *block)
{
	return (struct head *)block - 1;
}

/* Begins another piece, which holds NEED bytes. What is left of the one before stays unused. */
static int begin_piece(size_t need)
{
	size_t size = need > PIECE / 4 ? need + PIECE : PIECE;
	char *piece;

	piece = heap_first + (-(uintptr_t)heap_first & (PAGE - 1));
	if (!heap.at && need <= sizeof heap_first - PAGE) {
		heap.at = heap.fresh = piece;
		heap.end = heap_first + sizeof heap_first;
		return 0;
	}
	piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (piece == MAP_FAILED)
		return -1;
	heap.at = heap.fresh = piece;
	heap.end = piece + size;
	return 0;
}

static size_t round_up(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* A block of at least SIZE bytes, which may have been in use before. */
static void *cut(size_t size)
{
	size_t need = round_up(size) + sizeof(struct head);
	struct head *head;

	if (size > PTRDIFF_MAX - 2 * PIECE ||
	    ((size_t)(heap.end - heap.at) < need && begin_piece(need) < 0)) {
		errno = ENOMEM;
		return NULL;
	}
	head = (struct head *)(void *)heap.at;
	head->size = need - sizeof *head;
	heap.at += need;
	return head + 1;
}

/* What is cut off is used from now on. */
static void *use(void *block)
{
	if (heap.fresh < heap.at)
		heap.fresh = heap.at;
	return block;
}

static int is_last(void *block)
{
	return (char *)block + head_of(block)->size == heap.at;
}

void *malloc(size_t size)
{
	return use(cut(size));
}

void free(void *block)
{
	if (block && is_last(block))
		heap.at = (char *)head_of(block);
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	void *block;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	block = cut(all);
	if (block && (char *)block < heap.fresh)
		memset(block, 0, heap.fresh < heap.at ? (size_t)(heap.fresh - (char *)block) : all);
	return use(block);
}

void *realloc(void *block, size_t size)
{
	size_t old = block ? head_of(block)->size : 0;
	void *grown;

	/* the last one grows and shrinks where it is, if there is room */
	if (block && is_last(block) && size <= PTRDIFF_MAX &&
	    round_up(size) <= (size_t)(heap.end - (char *)block)) {
		head_of(block)->size = round_up(size);
		heap.at = (char *)block + round_up(size);
		return use(block);
	}
	if (block && old >= size)
		return block;
	grown = use(cut(size));
	if (grown && block)
		memcpy(grown, block, old);
	return grown;
}
