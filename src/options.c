/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* THE table of options; what each does to the plan is in opt_*.c. The same table feeds help,
 * completions and the checks of the man page. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

const char *const option_groups[GROUP_MAX] = {
	[GROUP_GENERAL] = "General",
	[GROUP_NAMESPACES] = "Namespaces",
	[GROUP_IDENTITY] = "Identity and capabilities",
	[GROUP_ROOT] = "The root, in the order of the command line",
	[GROUP_ENVIRONMENT] = "Environment",
	[GROUP_LIMITS] = "Limits and settings",
	[GROUP_WALLS] = "Walls",
	[GROUP_LIFETIME] = "Lifetime and terminal",
	[GROUP_DESCRIPTORS] = "Descriptors",
};
#define FIELD(name) offsetof(struct plan, name)

/* clang-format off: a row, its help below it */
/* THE table, sorted by name. */
const struct option options[] = {
	{ "--add-seccomp-fd", "FD", GROUP_WALLS, 0, opt_add_seccomp, 0, 0,
	  "Load a seccomp filter from FD; repeatable" },
	{ "--args", "FD", GROUP_GENERAL, 0, parse_args_list, 0, 0,
	  "Read NUL-separated words from FD, as if they stood here" },
	{ "--argv0", "VALUE", GROUP_ENVIRONMENT, 0, opt_argv0, 0, 0,
	  "Give the command VALUE as its argv[0]" },
	{ "--as-pid-1", "", GROUP_LIFETIME, 0, opt_flag, FIELD(as_pid_1), 0,
	  "Run the command as process 1, without an init" },
	{ "--assert-userns-disabled", "", GROUP_WALLS, 0, opt_flag, FIELD(assert_userns_disabled),
	  0, "Fail unless further user namespaces are impossible inside" },
	{ "--bind", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, 0,
	  "Bind SRC on DEST, with its submounts, writable" },
	{ "--bind-data", "FD DEST", GROUP_ROOT, OPT_PERMS | OPT_MOUNT, opt_fd_dest, OP_BIND_DATA, 0,
	  "Bind a file with the content of FD on DEST" },
	{ "--bind-fd", "FD DEST", GROUP_ROOT, OPT_MOUNT, opt_fd_dest, OP_BIND_FD, 0,
	  "Bind the open directory or file FD on DEST" },
	{ "--bind-try", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, OP_TRY,
	  "As --bind, but a missing SRC is no error" },
	{ "--block-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(block_fd), 0,
	  "Wait for a byte or the end of FD before the command starts" },
	{ "--boottime", "SECONDS", GROUP_NAMESPACES, OPT_HUSK | OPT_LAST, opt_shift,
	  FIELD(boottime), 0, "Shift the clock of the time since boot; needs --unshare-time" },
	{ "--cap-add", "CAP", GROUP_IDENTITY, 0, opt_cap, 0, 0,
	  "Give the command capability CAP, or ALL" },
	{ "--cap-drop", "CAP", GROUP_IDENTITY, 0, opt_cap, 0, 0,
	  "Take capability CAP, or ALL, from the command" },
	{ "--cgroupfs", "DEST", GROUP_ROOT, OPT_HUSK | OPT_MOUNT, opt_dest, OP_CGROUPFS, 0,
	  "Mount the cgroup2 hierarchy on DEST; needs --unshare-cgroup" },
	{ "--chdir", "DIR", GROUP_ENVIRONMENT, OPT_LAST | OPT_ONE, opt_chdir, 0, 0,
	  "Start the command in DIR" },
	{ "--chmod", "OCTAL PATH", GROUP_ROOT, 0, opt_chmod, 0, 0,
	  "Set the mode of PATH, which must exist" },
	{ "--clearenv", "", GROUP_ENVIRONMENT, 0, opt_clearenv, 0, 0, "Unset every variable" },
	{ "--deny-socket-families", "FAMILIES", GROUP_WALLS, OPT_HUSK, opt_deny_families, 0, 0,
	  "Refuse sockets of these FAMILY,FAMILY...; repeatable" },
	{ "--deny-syscalls", "NAMES", GROUP_WALLS, OPT_HUSK, opt_deny_syscalls, 0, 0,
	  "Refuse these system calls, NAME,NAME...; repeatable" },
	{ "--dev", "DEST", GROUP_ROOT, OPT_MOUNT, opt_dest, OP_DEV, 0,
	  "Mount a minimal /dev on DEST" },
	{ "--dev-bind", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, OP_DEVICES,
	  "As --bind, and device nodes work" },
	{ "--dev-bind-try", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, OP_DEVICES | OP_TRY,
	  "As --dev-bind, but a missing SRC is no error" },
	{ "--devpts", "DEST", GROUP_ROOT, OPT_HUSK | OPT_MOUNT, opt_dest, OP_DEVPTS, 0,
	  "Mount pseudo-terminals of its own on DEST" },
	{ "--die-with-parent", "", GROUP_LIFETIME, 0, opt_flag, FIELD(die_with_parent), 0,
	  "Kill the sandbox when husk or its parent dies" },
	{ "--dir", "DEST", GROUP_ROOT, OPT_PERMS, opt_dest, OP_DIR, 0, "Make a directory" },
	{ "--disable-userns", "", GROUP_WALLS, 0, opt_flag, FIELD(disable_userns), 0,
	  "Make further user namespaces impossible inside" },
	{ "--dump-options", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_DUMP_OPTIONS, 0,
	  "Print the option table for programs, a tab-separated line an option" },
	{ "--env", "VAR", GROUP_ENVIRONMENT, OPT_HUSK, opt_env, 0, 0,
	  "Pass on VAR as the caller has it, after --clearenv too" },
	{ "--env-file", "FILE", GROUP_ENVIRONMENT, OPT_HUSK, opt_env_file, 0, 0,
	  "Set variables from the VAR=VALUE lines of FILE" },
	{ "--exec-label", "LABEL", GROUP_WALLS, OPT_LAST, opt_string, FIELD(exec_label), 0,
	  "Run the command with this SELinux label" },
	{ "--explain", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_EXPLAIN, 0,
	  "Print what would be done, and do nothing" },
	{ "--explain-json", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_EXPLAIN_JSON, 0,
	  "Print it as one JSON object, and do nothing" },
	{ "--features", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_FEATURES, 0,
	  "Print what this build and this kernel offer as one JSON object" },
	{ "--file", "FD DEST", GROUP_ROOT, OPT_PERMS, opt_fd_dest, OP_FILE, 0,
	  "Make a file with the content of FD" },
	{ "--file-label", "LABEL", GROUP_WALLS, OPT_LAST, opt_string, FIELD(file_label), 0,
	  "Give files made during set-up this SELinux label" },
	{ "--gid", "GID", GROUP_IDENTITY, OPT_LAST, opt_gid, 0, 0, "The group id inside" },
	{ "--help", "", GROUP_GENERAL, 0, opt_action, ACTION_HELP, 0, "Print this help" },
	{ "--hostname", "NAME", GROUP_ENVIRONMENT, OPT_LAST, opt_string, FIELD(hostname), 0,
	  "Set the host name; needs --unshare-uts" },
	{ "--info-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(info_fd), 0,
	  "Write the sandbox's process and namespaces to FD as JSON" },
	{ "--inherit-fds", "", GROUP_DESCRIPTORS, OPT_HUSK, opt_flag, FIELD(inherit_fds), 0,
	  "Leave the command every descriptor of the caller" },
	{ "--json-status-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(json_fd), 0,
	  "Write status to FD as JSON lines" },
	{ "--keep-fd", "FD", GROUP_DESCRIPTORS, OPT_HUSK, opt_keep_fd, 0, 0,
	  "Leave the command the descriptor FD; repeatable" },
	{ "--landlock", "", GROUP_WALLS, OPT_HUSK, opt_flag, FIELD(landlock), 0,
	  "A second wall, by Landlock, around what the options bound" },
	{ "--landlock-abi", "VERSION", GROUP_WALLS, OPT_HUSK | OPT_LAST, opt_landlock_abi, 0, 0,
	  "As --landlock, and fail unless the kernel has this version of it" },
	{ "--landlock-tcp", "PORT", GROUP_WALLS, OPT_HUSK, opt_landlock_tcp, 0, 0,
	  "And no TCP but bind:PORT or connect:PORT; repeatable" },
	{ "--level-prefix", "", GROUP_GENERAL, 0, opt_flag, FIELD(level_prefix), 0,
	  "Begin messages with a syslog level such as <3>" },
	{ "--lock-file", "DEST", GROUP_LIFETIME, 0, opt_lock_file, 0, 0,
	  "Hold a read lock on DEST while the sandbox runs" },
	{ "--map-current-user", "", GROUP_IDENTITY, OPT_HUSK, opt_map_current, 0, 0,
	  "Keep the caller's own uid and gid inside" },
	{ "--map-root-user", "", GROUP_IDENTITY, OPT_HUSK, opt_map_root, 0, 0,
	  "Be root inside: the default" },
	{ "--monotonic", "SECONDS", GROUP_NAMESPACES, OPT_HUSK | OPT_LAST, opt_shift,
	  FIELD(monotonic), 0, "Shift the monotonic clock; needs --unshare-time" },
	{ "--mount-flags", "FLAGS", GROUP_ROOT,
	  OPT_HUSK | OPT_PERMS | OPT_SIZE | OPT_LAYERS | OPT_MOUNT | OPT_MODIFIER, opt_mount_flags,
	  0, 0, "Flags for the mount that follows, as noexec,nosymfollow" },
	{ "--mqueue", "DEST", GROUP_ROOT, OPT_MOUNT, opt_dest, OP_MQUEUE, 0,
	  "Mount the POSIX message queues on DEST; needs --unshare-ipc" },
	{ "--new-session", "", GROUP_LIFETIME, 0, opt_flag, FIELD(new_session), 0,
	  "Run the command in a session of its own, without the terminal" },
	{ "--not-a-security-boundary", "", GROUP_WALLS, 0, opt_flag, FIELD(not_a_boundary), 0,
	  "Carry on when a submount cannot be made read-only" },
	{ "--overlay", "RWSRC WORKDIR DEST", GROUP_ROOT, OPT_LAYERS | OPT_MOUNT, opt_overlay, 0, 1,
	  "Mount the overlay layers on DEST, writes going to RWSRC" },
	{ "--overlay-src", "SRC", GROUP_ROOT, OPT_LAYERS | OPT_MOUNT | OPT_MODIFIER,
	  opt_overlay_src, 0, 0, "A layer, lowest first, for the overlay that follows" },
	{ "--perms", "OCTAL", GROUP_ROOT, OPT_PERMS | OPT_SIZE | OPT_MODIFIER | OPT_MOUNT,
	  opt_perms, 0, 0, "The mode of what the next option makes" },
	{ "--pidns", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(pidns_fd), 0,
	  "Join this pid namespace, or make a child of it" },
	{ "--proc", "DEST", GROUP_ROOT, OPT_MOUNT, opt_dest, OP_PROC, 0,
	  "Mount /proc on DEST, fresh with a new pid namespace" },
	{ "--proc-subset", "DEST", GROUP_ROOT, OPT_HUSK | OPT_MOUNT, opt_dest, OP_PROC_SUBSET, 0,
	  "Mount a fresh /proc with nothing but processes on DEST" },
	{ "--proc-try", "DEST", GROUP_ROOT, OPT_HUSK | OPT_MOUNT, opt_dest, OP_PROC, OP_TRY,
	  "As --proc, but an empty directory where the kernel refuses it" },
	{ "--remount-ro", "DEST", GROUP_ROOT, OPT_ONE, opt_dest, OP_REMOUNT_RO, 0,
	  "Make the mount on DEST read-only, but not its submounts" },
	{ "--replace-symlink", "", GROUP_ROOT,
	  OPT_HUSK | OPT_PERMS | OPT_SIZE | OPT_LAYERS | OPT_MOUNT | OPT_MODIFIER,
	  opt_replace_symlink, 0, 0,
	  "Mount what follows over a symbolic link, not where it leads" },
	{ "--rlimit", "LIMIT", GROUP_LIMITS, OPT_HUSK, opt_rlimit, 0, 0,
	  "Limit the command's resources: NAME=SOFT[:HARD]" },
	{ "--ro-bind", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, OP_RO,
	  "Bind SRC on DEST, with its submounts, read-only" },
	{ "--ro-bind-data", "FD DEST", GROUP_ROOT, OPT_PERMS | OPT_MOUNT, opt_fd_dest, OP_BIND_DATA,
	  OP_RO, "As --bind-data, read-only" },
	{ "--ro-bind-fd", "FD DEST", GROUP_ROOT, OPT_MOUNT, opt_fd_dest, OP_BIND_FD, OP_RO,
	  "As --bind-fd, read-only" },
	{ "--ro-bind-try", "SRC DEST", GROUP_ROOT, OPT_MOUNT, opt_bind, 0, OP_RO | OP_TRY,
	  "As --ro-bind, but a missing SRC is no error" },
	{ "--ro-overlay", "DEST", GROUP_ROOT, OPT_LAYERS | OPT_MOUNT, opt_lower_overlay,
	  OP_RO_OVERLAY, 2, "Mount the overlay layers on DEST, read-only" },
	{ "--seccomp", "FD", GROUP_WALLS, OPT_LAST, opt_seccomp, FIELD(seccomp_fd), 0,
	  "Load a seccomp filter from FD; only one" },
	{ "--seccomp-policy", "POLICY", GROUP_WALLS, OPT_HUSK | OPT_LAST, opt_policy, 0, 0,
	  "Refuse what POLICY refuses: default, strict or none" },
	{ "--setenv", "VAR VALUE", GROUP_ENVIRONMENT, 0, opt_setenv, 0, 0, "Set a variable" },
	{ "--share-net", "", GROUP_NAMESPACES, 0, opt_share_net, 0, 0,
	  "Keep the network after --unshare-all" },
	{ "--size", "BYTES", GROUP_ROOT, OPT_PERMS | OPT_SIZE | OPT_MODIFIER | OPT_MOUNT, opt_size,
	  0, 0, "The size of the --tmpfs that follows" },
	{ "--status-fd", "FD", GROUP_DESCRIPTORS, OPT_HUSK | OPT_LAST, opt_fd, FIELD(status_fd), 0,
	  "Write what happens to FD, as JSON lines, an event each" },
	{ "--symlink", "TARGET DEST", GROUP_ROOT, 0, opt_symlink, 0, 0,
	  "Make a symbolic link to TARGET" },
	{ "--sync-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(sync_fd), 0,
	  "Hold FD open while the sandbox runs" },
	{ "--sysfs", "DEST", GROUP_ROOT, OPT_HUSK | OPT_MOUNT, opt_dest, OP_SYSFS, 0,
	  "Mount a fresh /sys of the network namespace; needs --unshare-net" },
	{ "--tmp-overlay", "DEST", GROUP_ROOT, OPT_LAYERS | OPT_MOUNT, opt_lower_overlay,
	  OP_TMP_OVERLAY, 1, "Mount the overlay layers on DEST, writes going to memory" },
	{ "--tmpfs", "DEST", GROUP_ROOT, OPT_PERMS | OPT_SIZE | OPT_MOUNT, opt_dest, OP_TMPFS, 0,
	  "Mount an empty tmpfs on DEST" },
	{ "--uid", "UID", GROUP_IDENTITY, OPT_LAST, opt_uid, 0, 0, "The user id inside" },
	{ "--umask", "OCTAL", GROUP_LIMITS, OPT_HUSK | OPT_LAST, opt_umask, 0, 0,
	  "Give the command this file mode creation mask" },
	{ "--unsetenv", "VAR", GROUP_ENVIRONMENT, 0, opt_unsetenv, 0, 0, "Unset a variable" },
	{ "--unshare-all", "", GROUP_NAMESPACES, 0, opt_unshare_all, 0, 0,
	  "Every namespace that can be made" },
	{ "--unshare-cgroup", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWCGROUP, 0,
	  "A new cgroup namespace" },
	{ "--unshare-cgroup-try", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(cgroup_try), 0,
	  "A new cgroup namespace, if the kernel has them" },
	{ "--unshare-ipc", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWIPC, 0,
	  "A new ipc namespace" },
	{ "--unshare-net", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWNET, 0,
	  "A new network namespace, with only lo" },
	{ "--unshare-pid", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWPID, 0,
	  "A new pid namespace" },
	{ "--unshare-time", "", GROUP_NAMESPACES, OPT_HUSK, opt_unshare, CLONE_NEWTIME, 0,
	  "A new time namespace" },
	{ "--unshare-user", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(userns_asked), 0,
	  "A new user namespace; implied" },
	{ "--unshare-user-try", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(userns_try), 0,
	  "A new user namespace, if the kernel allows it" },
	{ "--unshare-uts", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWUTS, 0,
	  "A new uts namespace" },
	{ "--userns", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(userns_fd), 0,
	  "Join this user namespace instead of making one" },
	{ "--userns-block-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(userns_block_fd), 0,
	  "Let the caller write the id maps; wait for FD" },
	{ "--userns2", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(userns2_fd), 0,
	  "Switch to this user namespace once the root is built" },
	{ "--version", "", GROUP_GENERAL, 0, opt_action, ACTION_VERSION, 0, "Print the version" },
	{ "--wait-all", "", GROUP_LIFETIME, OPT_HUSK, opt_flag, FIELD(wait_all), 0,
	  "When the command ends, wait for whatever it left behind" },
};
/* clang-format on */

const size_t options_n = ARRAY_SIZE(options);
_Static_assert(ARRAY_SIZE(options) <= 256, "struct parse remembers 256 rows");

size_t option_arity(const struct option *o)
{
	const char *c;
	size_t n = o->operands[0] != '\0';

	for (c = o->operands; *c; c++)
		n += *c == ' ';
	return n;
}

static int compare_name(const void *word, const void *row)
{
	return strcmp(word, ((const struct option *)row)->name);
}

const struct option *option_find(const struct plan *plan, const char *word)
{
	const struct option *o = bsearch(word, options, options_n, sizeof options[0], compare_name);

	if (o && (o->flags & OPT_HUSK) && !plan->as->own_options)
		return NULL;
	return o;
}
