/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The differences between husk under its own name and husk called as bwrap: one table, read by
 * everyone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct personality {
	const char *name; /* the prefix of messages */
	const char *version; /* what --version prints */
	int exit_setup; /* own failure */
	int exit_noexec; /* the command cannot be executed */
	int exit_notfound; /* the command was not found */
	bool own_options; /* husk's own option words are accepted */
	bool args_terminated; /* a NUL-separated list must end with a NUL */
	bool args_command; /* words after -- in such a list begin the command */
	bool last_modifier_counts; /* --perms or --size before the command is an error */
	bool explains; /* messages carry the step and the way out */
	bool map_root; /* caller → 0 rather than caller → same id */
	bool all_caps; /* the command has every capability in its user namespace */
	bool host_tree; /* without filesystem options the host's tree as it is */
	bool always_userns; /* the real root gets a user namespace too */
	bool confine_root; /* called by the real root: CAP_SYS_ADMIN only when named */
	bool private_mounts; /* host mounts made later do not appear */
	bool creates_on_host; /* missing destinations are made wherever they are */
	bool dest_symlinks; /* the last component of a destination may be a symlink */
	bool refuses_caps; /* an ordinary user with capabilities may not run it */
	bool filters_init; /* the caller's seccomp filters hold for the init too */
	bool closes_fds; /* the command sees only 0, 1, 2 and what was asked for */
	bool forwards; /* signals to the launcher reach the command */
	bool dies_with_launcher; /* the sandbox never outlives the launcher */
	bool kills_orphans; /* what the command left behind dies with it */
	bool fresh_keyring; /* a session keyring of its own */
	bool dies_of_signal; /* the launcher dies of the command's signal */
	bool audits_tree; /* the self-audit looks at submounts too */
	uint64_t unshare_all; /* what --unshare-all stands for */
};

extern const struct personality personality_husk;
extern const struct personality personality_bwrap;
