/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way into namespaces that are somebody else's. */
#pragma once

struct sandbox;

/* Takes the calling process, the builder, into the user namespaces and the others that the plan
 * joins, and makes its mount namespace, and its user namespace where none is entered. Returns 0 or
 * -errno with the failure recorded. setns(2). */
int enter_joined(struct sandbox *sb);
