/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The heap: blocks that lie apart, grow, and hold zeros where that is promised. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* beside the C library's own */
#define malloc	heap_malloc
#define free	heap_free
#define calloc	heap_calloc
#define realloc heap_realloc
void *malloc(size_t size);
void free(void *block);
void *calloc(size_t n, size_t size);
void *realloc(void *block, size_t size);
#include "../../src/heap.c"

struct heap heap;
char heap_first[HEAP_FIRST];

static bool holds(const char *block, int byte, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (block[i] != (char)byte)
			return false;
	return true;
}

static void test_blocks(void)
{
	char *a = malloc(1), *b = malloc(100), *c = malloc(0);

	ok(a && b && c && a != b && b != c, "blocks of any size, none too");
	ok((uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0 && (uintptr_t)c % 16 == 0,
	   "they are aligned");
	memset(a, 'a', 1);
	memset(b, 'b', 100);
	ok(*a == 'a' && holds(b, 'b', 100), "they lie apart");
	free(b);
	ok(malloc(100) != b, "what is not the last is not given again");
	free(NULL);
	c = malloc(50);
	free(c);
	ok(malloc(50) == c, "the last is");
}

static void test_zeros(void)
{
	char *a = malloc(3000), *b;

	memset(a, 'x', 3000);
	free(a);
	b = calloc(60, 100);
	ok(b == a && holds(b, 0, 6000), "zeros, where something was before and behind that");
	errno = 0;
	ok(!calloc(SIZE_MAX / 2, 3) && errno == ENOMEM, "a product too large");
	ok(!malloc(SIZE_MAX) && !malloc(PTRDIFF_MAX), "a size too large");
}

static void test_growth(void)
{
	char *a = realloc(NULL, 10), *b, *before = a;
	size_t size;

	memset(a, 'a', 10);
	a = realloc(a, 4000);
	ok(a == before && holds(a, 'a', 10), "the last block grows where it is");
	memset(a, 'a', 4000);
	b = malloc(10);
	ok(realloc(a, 4000) == a, "none moves that need not");
	a = realloc(a, 4001);
	ok(a != before && a > b && holds(a, 'a', 4000), "one that does keeps what it holds");
	a[4000] = 'a';
	for (size = 4001; size < 1000000; size *= 2) {
		a = realloc(a, 2 * size);
		memset(a + size, 'a', size);
	}
	ok(holds(a, 'a', size), "to many times the first piece");
	b = malloc(0);
	while (heap.at < heap.end)
		b = malloc(0);
	ok(realloc(b, 100) != NULL, "an empty block at the end of a piece");
	ok(!realloc(b, SIZE_MAX) && !realloc(b, PTRDIFF_MAX), "but not to any size");
}

int main(void)
{
	test_blocks();
	test_zeros();
	test_growth();
	return done();
}
