/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct heap: where the memory that malloc(3) gives comes from. */
#pragma once

/* What most launches need, all in all; what is not used takes no memory. */
#define HEAP_FIRST 36864 /* bytes, of which those up to the next page stay unused */

struct heap {
	char *at, *end; /* what is left of the piece in use, or NULL before there is one */
	char *fresh; /* from here on it is as the kernel gave it, all zeros */
};

/* The only one, and its first piece, in main.c, as all that a launch changes. */
extern struct heap heap;
extern char heap_first[HEAP_FIRST];
