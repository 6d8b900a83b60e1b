/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher writes id maps that take privilege around the user namespace. */
#pragma once

struct fail;
struct plan;
struct supervisor;

/* Looks whether newuidmap(1) and newgidmap(1), those of them that the plan needs, are there and can
 * have their privilege. Returns 0, or -errno with F filled. */
int mapper_check(const struct plan *p, struct fail *f);

/* Writes the maps of ranges of the builder's user namespace, by the helpers or as root itself, and
 * tells the builder to go on; it waits for that. From then on neither the launcher nor anything
 * that it starts can have more privilege. Returns 0, also where signals have ended the builder
 * meanwhile, or -errno with the failure recorded. */
int mapper_write(struct supervisor *su);
