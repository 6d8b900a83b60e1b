/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct plan: all that a launch will do, as data. options.c fills it, plan_check() completes it;
 * const from then on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;
struct personality;
struct policy;

enum op_type {
	OP_BIND,
	OP_BIND_FD,
	OP_BIND_DATA,
	OP_OVERLAY,
	OP_TMP_OVERLAY,
	OP_RO_OVERLAY,
	OP_PROC,
	OP_DEV,
	OP_TMPFS,
	OP_MQUEUE,
	OP_SYSFS,
	OP_CGROUPFS,
	OP_PROC_SUBSET,
	OP_DEVPTS,
	OP_MASK,
	OP_REMOUNT_RO,
	OP_DIR,
	OP_FILE,
	OP_SYMLINK,
	OP_CHMOD,
	OP_TYPE_MAX,
};

#define OP_RO	   1u /* read-only, with every submount */
#define OP_DEVICES 2u /* device nodes work: no nodev */
#define OP_TRY	   4u /* a missing source is no error */

/* What a mask came to. */
enum mask_made {
	MASK_NONE,
	MASK_OVERLAY, /* the name is hidden, whatever the host puts there */
	MASK_COVER, /* what was there is covered */
	MASK_CHOSEN, /* a mask beside it is being made, which will hide it too */
};

/* What a --proc-try came to. */
enum proc_shown {
	PROC_FRESH, /* a new one */
	PROC_HOST, /* the one that is there, since its pid namespace is kept */
	PROC_EMPTY, /* the kernel refused a new one */
};

/* One file system operation, in the order of the command line. Strings are borrowed from it. */
struct op {
	enum op_type type;
	unsigned flags; /* OP_* */
	const char *option; /* the word as typed */
	char *const *operands; /* of it, as typed */
	size_t n_operands;
	const char *source; /* bind: path; symlink: target; overlay: upper directory */
	const char *work; /* overlay: work directory */
	const char *dest;
	int fd; /* bind-fd, data: the caller's descriptor; else empty */
	bool fd_shared; /* another operation names the same descriptor */
	bool mode_set; /* --perms came before it, or the operation itself carries a mode */
	mode_t mode;
	size_t size; /* tmpfs: bytes, 0 for the kernel's default */
	uint64_t attrs; /* --mount-flags: MOUNT_ATTR_* beside those that the operation always has */
	bool over_link; /* --replace-symlink: a destination that is a symlink is not followed */
	size_t first_layer; /* overlay: its lower layers in plan.layers */
	size_t n_layers;
	size_t first_fd; /* its room in the sandbox's array of source descriptors */
	bool deferred; /* done in the sandbox, because it lies on or below a mount made there */
	bool on_fresh; /* it lies on or below an earlier such mount */
};

/* How far a clock of a new time namespace is ahead of the caller's, or behind it. */
struct shift {
	const char *typed; /* or NULL when it is not asked for */
	int64_t seconds; /* rounded down */
	int64_t nanoseconds; /* from 0 to 999999999 */
};

/* The first version of the kernel's Landlock that knows a thing; landlock(7). */
#define LANDLOCK_ABI_REFER    2 /* files may move between directories */
#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_TCP      4
#define LANDLOCK_ABI_IOCTL    5
#define LANDLOCK_ABI_SCOPE    6 /* abstract unix sockets and signals */

/* The name by which the program is the probe of --self-test. */
#define SELFTEST_NAME "husk-self-test"

/* A TCP port that is open behind --landlock-tcp. */
struct port {
	bool connect; /* to connect to, else to bind to */
	uint16_t port;
};

enum env_type {
	ENV_SET,
	ENV_UNSET,
	ENV_CLEAR,
	ENV_PASS, /* as the caller has it */
	ENV_FILE, /* a file of edits, its path in name; gone once it is read */
};

struct env_edit {
	enum env_type type;
	const char *name;
	const char *value;
};

/* An option that is no operation, as typed. */
struct typed {
	const char *option;
	char *const *operands;
	size_t n_operands;
};

/* A list of --args. */
struct args {
	int fd; /* the caller's, which is closed by now but for 0, 1 and 2 */
	const char *data;
	size_t length; /* in bytes */
};

/* A resource limit of the command's, as getrlimit(2) has it. */
struct limit {
	int resource; /* RLIMIT_* */
	uint64_t soft, hard; /* RLIM_INFINITY: none */
};

/* A kernel setting of a namespace. */
struct setting {
	const char *word; /* KEY=VALUE, as typed */
	const char *path; /* below /proc/sys; the plan owns it */
	const char *value;
	uint64_t ns; /* the CLONE_NEW* that it belongs to */
};

struct warning {
	const char *option; /* "Only the last … option will take effect" */
	bool prefixed; /* --level-prefix came before it */
};

enum action {
	ACTION_RUN,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_USAGE,
	ACTION_EXPLAIN,
	ACTION_EXPLAIN_JSON,
	ACTION_FEATURES,
	ACTION_DUMP_OPTIONS
};

/* Where the root of the sandbox comes from. */
enum root_kind {
	ROOT_HOST, /* no operation: the host's tree as it is */
	ROOT_IN_PLACE, /* a bind of / on /: the namespace's own tree, changed in place */
	ROOT_NEW, /* a new root, attached over / and pivoted to */
	ROOT_JOINED, /* that of a joined mount namespace, which stays as it is */
};

/* A user namespace that is entered on the way into others, and what of those it owns. */
struct ns_owner {
	int fd;
	uint64_t kinds; /* CLONE_NEW* */
};

/* What a process that is to be joined may have around it, and a command that joins it not. */
#define WALL_CGROUP   1u
#define WALL_LANDLOCK 2u
#define WALL_LIMITS   4u
#define WALL_SECCOMP  8u
#define WALLS_N	      4
extern const char *const wall_names[WALLS_N]; /* of their bits in this order */

/* What a launcher that puts up Landlock rules calls a file in memory that it holds. */
#define LANDLOCK_MARK "husk-landlock"

/* Where the namespaces to join are, found out before the plan is checked. */
struct join {
	uint64_t kinds; /* CLONE_NEW* of those to join */
	uint64_t own; /* of them, those that the caller's own user namespace owns */
	struct ns_owner owners[8]; /* the others that own some, the outermost first */
	size_t n_owners;
	/* a process whose namespaces are joined all at once */
	int pidfd; /* or empty */
	pid_t pid;
	uid_t uid; /* of that process, as the caller sees it */
	gid_t gid;
	uint64_t bounding; /* the capabilities that nobody beside it can have more of */
	struct limit *limits; /* those that are lower than the caller's */
	size_t n_limits;
	char *cgroup; /* its path, where the caller is not in it, or NULL */
	int cgroup_fd; /* the same to be born in, or empty */
	unsigned lacking; /* WALL_*: what a command of ours would not have */
	bool terminal; /* a terminal may be at hand there, and typing into it is refused */
};

/* The ids of a user namespace from INSIDE on, COUNT of them, are those from OUTSIDE on around it:
 * user_namespaces(7). */
struct extent {
	uint32_t inside, outside, count;
	const char *word; /* as typed, or NULL */
};

/* A map of ids, or a list of ranges of which INSIDE says nothing. */
struct extents {
	struct extent *list;
	size_t n;
};

enum { MAP_UID, MAP_GID, MAP_KINDS };

/* Who runs husk: facts gathered once, before the plan is checked. */
struct caller {
	uid_t uid;
	gid_t gid;
	bool real_root; /* kuid 0, whatever its number is here */
	bool has_cgroupns, has_userns;
	bool root_is_mount; /* / is the root of a mount (not of a mere chroot) */
	uint64_t effective; /* capability set */
	bool maps_ids; /* it may map any ids of its user namespace, without a helper */
	struct extents subids[MAP_KINDS]; /* its subordinate ids; asked for with --map-auto alone */
	struct join join;
	size_t max_fds; /* how many descriptors may be open */
	int landlock_abi; /* of the kernel, 0 for none, or -errno; with --landlock alone */
};

struct plan {
	const struct personality *as;
	enum action action;
	bool level_prefix;

	/* namespaces and identity */
	uint64_t unshare; /* CLONE_NEW* asked for */
	bool userns_asked, userns_try, cgroup_try;
	bool userns; /* a user namespace is made (after the check) */
	uint64_t unshare_named; /* of them, those that have been named one by one */
	int userns_fd, userns2_fd, pidns_fd;
	int netns_fd, ipcns_fd, utsns_fd, cgroupns_fd, timens_fd, mntns_fd;
	int join_fd; /* a pidfd: all namespaces of that process */
	pid_t join_pid; /* the same by its pid, or 0 */
	unsigned join_without; /* WALL_*: what is not to be taken over */
	const char
		*making; /* the last option that makes a sandbox, which is no use in joining one */
	struct shift boottime, monotonic; /* of the new time namespace's clocks */
	bool disable_userns, assert_userns_disabled;
	bool uid_set, gid_set, map_current;
	uint32_t uid, gid; /* inside (after the check) */
	bool map_auto;
	struct extents asked[MAP_KINDS]; /* --map-users, --map-groups */
	/* After the check, where ids beside the caller's are mapped: what the command sees, the
	 * caller's own first; what the first user namespace has, and of two levels the second. */
	bool ranges;
	struct extents maps[MAP_KINDS], first[MAP_KINDS], second[MAP_KINDS];
	bool helpers; /* newuidmap and newgidmap are to write them */
	uint64_t caps_keep, caps_add; /* the edits composed: (start & keep) | add */
	bool caps_edited;
	uint64_t caps_named; /* named by --cap-add */
	uint64_t caps; /* what the command gets (after the check) */

	/* the root */
	struct op *ops;
	size_t n_ops;
	const char **layers;
	size_t n_layers;
	enum root_kind root; /* after the check */
	const struct op *root_op; /* the one that makes the root, or NULL; what comes before it is
				     covered by it */
	size_t n_fds; /* room for source descriptors (after the check) */

	/* the command's surroundings */
	const char *hostname, *chdir, *argv0, *exec_label, *file_label;
	struct env_edit *env;
	size_t n_env;
	struct limit *limits;
	size_t n_limits;
	struct setting *settings;
	size_t n_settings;
	uint32_t pid_limit; /* 0: none */
	int cgroup_fd;
	bool umask_set;
	mode_t umask;
	const char **locks;
	size_t n_locks;
	int sync_fd, block_fd, userns_block_fd, info_fd, json_fd, status_fd, seccomp_fd;
	int *seccomp_fds; /* --add-seccomp-fd, in order */
	size_t n_seccomp_fds;
	const struct policy *seccomp_policy; /* or NULL */
	const struct policy *pretence; /* of --fake-root, or NULL */
	bool consistent; /* a supervisor answers the calls of the pretence */
	const char *fake_root_db; /* where it remembers them over launches, or NULL */
	uint16_t *denied_calls; /* indexes of policy_calls */
	size_t n_denied_calls;
	uint64_t denied_families; /* a bit each */
	int *keep_fds;
	size_t n_keep_fds;
	bool inherit_fds;
	bool self_test;
	int self_exe, self_socket; /* of --self-test: the program itself, a socket outside */
	bool landlock;
	int landlock_min; /* --landlock-abi, 0 for whatever there is */
	int landlock_abi; /* that will be used (after the check) */
	struct port *ports; /* --landlock-tcp */
	size_t n_ports;
	bool new_session, pty, die_with_parent, as_pid_1, wait_all, not_a_boundary;
	char **command; /* NULL-terminated, or NULL */

	/* how it is carried out (after the check) */
	uint64_t joins; /* CLONE_NEW* of the namespaces that are somebody else's */
	bool owner_joined; /* the first user namespace is that of joined namespaces */
	bool guarded; /* others may see the processes of set-up: none can be traced */
	bool two_levels; /* a second user namespace, so that the command can undo no mount */
	bool split; /* a second clone makes the sandbox; else the builder becomes it */
	bool enters; /* the builder itself enters the sandbox's namespaces, but for the pid
			namespace, instead of leaving them to the second clone */
	bool init; /* an init process stays beside the command */
	bool dies_with_launcher;
	bool watched; /* by a process of its own, for want of an init, see watcher.c */

	struct typed *typed; /* what errors refer to */
	size_t n_typed;
	struct warning *warnings;
	size_t n_warnings;
	struct args *args; /* the lists of --args, as they were read */
	size_t n_args;
	char **owned; /* memory behind them */
	size_t n_owned;
};

/* Makes an empty plan for the personality AS, which must outlive it. */
void plan_init(struct plan *p, const struct personality *as);

/* Frees what the plan owns: its arrays, not the words that they point to. */
void plan_free(struct plan *p);

/* Appends a zeroed element to the array *ITEMS of *N elements of SIZE bytes. Returns it, or NULL
 * for want of memory. */
void *plan_append(void *items, size_t *n, size_t size);

/* Holds the options against each other and against the caller, and decides what follows from them:
 * ids, capabilities, levels, kind of root. Returns 0, or -errno with F filled. Touches nothing but
 * the plan. */
int plan_check(struct plan *p, const struct caller *caller, struct fail *f);

/* Finds the last OPTION among those that are no operations. Returns NULL when there is none. */
const struct typed *plan_find_typed(const struct plan *p, const char *option);

/* The descriptor of the namespace of KIND, one of CLONE_NEW*, that is to be joined, or empty. */
int plan_ns_fd(const struct plan *p, uint64_t kind);

/* The kind of namespace, one of CLONE_NEW*, that the file system mounted by OP shows, or 0. */
uint64_t plan_shown(const struct op *op);

/* True when that namespace is a joined one. */
bool plan_shows_joined(const struct plan *p, const struct op *op);

/* True when all namespaces of a process are joined. */
bool plan_joins_all(const struct plan *p);

/* True when a clock of the new time namespace is shifted. */
bool plan_shifts(const struct plan *p);

/* True when the two paths, as typed, name the same place once slashes are normalised. */
bool plan_path_same(const char *a, const char *b);

/* True when PATH lies below DIR or is DIR, by its text alone. */
bool plan_path_below(const char *path, const char *dir);

/* True when LATER, an operation that comes after a mask made on DEST and goes to LATER_DEST, mounts
 * over a directory above it, or with ITSELF on it, so that the mask would hide nothing. */
bool plan_uncovers(const struct op *later, const char *later_dest, const char *dest, bool itself);
