/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The builder: makes the root of the sandbox in the first user namespace. */
#pragma once

struct sandbox;

/* The main function of the first clone: makes the root, then either clones the sandbox or becomes
 * it. Does not return; failures go to the launcher by the channel. */
_Noreturn void builder_main(struct sandbox *sb);
