/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells what this build and this kernel offer, as JSON. */
#pragma once

#include <stdio.h>

struct fail;
struct personality;

/* Prints one object on one line to OUT, whose members husk(1) names, for the personality AS; no
 * other option has a say in it. What the kernel offers is found by trying, in processes of its own
 * that leave nothing behind. Returns 0, or -errno with F filled. */
int offers_print(const struct personality *as, FILE *out, struct fail *f);
