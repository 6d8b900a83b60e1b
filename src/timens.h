/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clocks of a new time namespace. */
#pragma once

struct sandbox;

/* Shifts the clocks of the time namespace that the calling process has made by unshare(2), and that
 * nobody has entered yet, as the plan says. Returns 0 or -errno with the failure recorded.
 * time_namespaces(7). */
int timens_shift(struct sandbox *sb);
