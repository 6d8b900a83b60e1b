/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The differences between husk and bwrap, as design and manual promise them. */

#include <string.h>

#include "personality.h"
#include "sys.h"

#include "tap.h"

int main(void)
{
	const struct personality *h = &personality_husk, *b = &personality_bwrap;

	ok(strcmp(h->name, "husk") == 0 && strcmp(b->name, "bwrap") == 0, "names");
	ok(strncmp(h->version, "husk ", 5) == 0, "husk's version");
	ok(strcmp(b->version, "bubblewrap 0.12.0") == 0, "the version that front ends parse");
	ok(h->exit_setup == 125 && h->exit_noexec == 126 && h->exit_notfound == 127,
	   "husk's statuses");
	ok(b->exit_setup == 1 && b->exit_noexec == 1 && b->exit_notfound == 1, "bwrap's status");
	ok(h->own_options && !b->own_options, "own options");
	ok(h->args_terminated && !b->args_terminated, "lists end with a NUL");
	ok(h->args_command && !b->args_command, "lists may begin the command");
	ok(h->map_root && !b->map_root, "root by default");
	ok(h->all_caps && !b->all_caps, "all capabilities");
	ok(h->host_tree && !b->host_tree, "the host's tree");
	ok(h->always_userns && !b->always_userns, "a user namespace for root");
	ok(h->confine_root && !b->confine_root, "CAP_SYS_ADMIN of root");
	ok(h->private_mounts && !b->private_mounts, "later mounts");
	ok(!h->creates_on_host && b->creates_on_host, "missing destinations on the host");
	ok(h->dest_symlinks && !b->dest_symlinks, "links as destinations");
	ok(h->closes_fds && !b->closes_fds, "descriptors");
	ok(h->forwards && !b->forwards, "signals");
	ok(h->dies_with_launcher && !b->dies_with_launcher, "death");
	ok(h->kills_orphans && !b->kills_orphans, "orphans");
	ok(h->fresh_keyring && !b->fresh_keyring, "keyring");
	ok(h->dies_of_signal && !b->dies_of_signal, "death by signal");
	ok(h->unshare_all == (b->unshare_all | CLONE_NEWTIME), "--unshare-all: time too");
	ok(b->unshare_all ==
		   (CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP),
	   "--unshare-all of bubblewrap");
	return done();
}
