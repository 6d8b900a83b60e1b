/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two rows of the personality table. */
#include "personality.h"

#include "sys.h"

#define BWRAP_ALL (CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP)

const struct personality personality_husk = {
	.name = "husk",
	.version = "husk " HUSK_VERSION,
	.exit_setup = 125,
	.exit_noexec = 126,
	.exit_notfound = 127,
	.own_options = true,
	.args_terminated = true,
	.args_command = true,
	.last_modifier_counts = true,
	.explains = true,
	.map_root = true,
	.all_caps = true,
	.host_tree = true,
	.always_userns = true,
	.confine_root = true,
	.private_mounts = true,
	.dest_symlinks = true,
	.closes_fds = true,
	.forwards = true,
	.dies_with_launcher = true,
	.kills_orphans = true,
	.fresh_keyring = true,
	.dies_of_signal = true,
	.audits_tree = true,
	.unshare_all = BWRAP_ALL | CLONE_NEWTIME,
};

const struct personality personality_bwrap = {
	.name = "bwrap",
	.version = "bubblewrap 0.12.0",
	.exit_setup = 1,
	.exit_noexec = 1,
	.exit_notfound = 1,
	.refuses_caps = true,
	.filters_init = true,
	.creates_on_host = true,
	.unshare_all = BWRAP_ALL,
};
