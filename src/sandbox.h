/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct sandbox: what the processes of one launch know while they work; each fork has its own
 * copy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "plan.h"
#include "trace.h"

struct fail;
struct tty_model;

struct sandbox {
	const struct plan *plan;
	const struct caller *caller;
	struct fail *fail;
	char **env; /* the command's environment, with room for PWD at its end */
	size_t n_env;
	const char *cwd; /* the caller's working directory, or NULL */
	struct trace trace; /* HUSK_TRACE */

	int proc_fd; /* the host's /proc, verified */
	int socket; /* the inside's end of the channel to the launcher */
	int outer_socket; /* its other end, the launcher's */
	bool borrowed; /* the builder runs in the launcher's memory, which it is to leave usable */
	bool tells_pid; /* the sandbox tells the launcher its pid, since nobody else knows it */
	pid_t child_pid; /* the sandbox's first process, for the launcher that lent its memory */
	int launcher; /* pidfd of the launcher */
	int notify_socket; /* to the supervisor of --fake-root-consistent, or empty */
	uint64_t signals; /* the caller's signal mask, for the command */
	uint64_t early; /* what the terminal sent before the sandbox was in the process group */
	mode_t umask; /* the caller's, for the command */
	bool terminal; /* the caller has one */
	const struct tty_model *model; /* for --pty: what that is like */
	int pty; /* the command's end of its own terminal, or empty */

	char *args_start; /* where the kernel keeps this process's arguments and environment */
	size_t args_length;

	/* the command's, moved from where the kernel would show them */
	char **command;
	const char *chdir, *argv0, *exec_label;
	int landlock_fd; /* rules, until they are put up */
	int landlock_probe; /* a directory that they must refuse to open */
	bool refuse_keys; /* no session keyring could be had */
	int *lock_fds; /* by plan.locks */

	/* in the order of their installation: the policy, what is denied, the caller's; of these
	 * --add-seccomp-fd is read before the first clone, --seccomp last of all */
	struct seccomp_program *filters;
	size_t n_filters;

	int *host_settings; /* O_PATH, by plan.settings, and one more for the limit of processes */

	int maps_from, maps_to; /* a pipe: a byte when the maps of the second level are written */
	pid_t maps_writer; /* who writes them, when the builder itself enters it, or 0 */

	/* the builder's */
	uid_t outer_uid; /* its ids where the first user namespace is a joined one, else 0 */
	gid_t outer_gid;
	int *contexts; /* by operation: a file system made for it in its owner, see enter.c, or NULL
			*/
	int cwd_fd; /* O_PATH, the caller's working directory, where relative sources begin */
	int root_fd; /* O_PATH, the new root, or / itself in place */
	int *fds; /* source halves, by op.first_fd */
	bool lacks_open_tree_attr; /* the kernel does */
	bool *skipped; /* by operation: its source is missing, as it may be */
	char **resolved; /* by operation: the destination's path when it holds symlinks, else NULL
			  */
	dev_t *own_devs; /* file systems made by this launch; room for three an operation, one more
			  */
	size_t n_own_devs;
	int harbour_fd; /* see harbour.c */
	int scratch_fd; /* tmpfs for data files in the harbour, made when first needed */
	int parent_fd; /* the last destination's parent, on a file system of our own */
	const char *parent_path; /* its text: the first parent_length bytes of a destination */
	size_t parent_length;
	int masks_fd; /* tmpfs for masks in the harbour, made when first needed */
	struct stat mask_covers[2]; /* by MASK_FILE and MASK_DIR, to recognise them by */
	enum mask_made *masks; /* by operation, NULL without masks */
	int void_fd; /* the hidden place below a deferred mount, perhaps not attached yet */
	dev_t cover_dev; /* the cover over it, to recognise a deferred destination by */
	ino_t cover_ino;
	int host_sys; /* as host_proc, of /sys */
	int host_proc; /* detached clone of the host's /proc, taken before any read-only pass */
};

/* Runs the steps in order until one fails, with its name in the failure. WHO
 * they are the work of is told with the time of each where HUSK_TRACE asks for that. Returns 0 or
 * -errno. */
struct step {
	const char *name;
	int (*run)(struct sandbox *sb);
	const char *option; /* the one option that it is for, or NULL */
};
int steps_run(struct sandbox *sb, const char *who, const struct step *steps, size_t n);

/* Notes that the operation OP is being carried out. */
void sandbox_begin_op(struct sandbox *sb, const struct op *op);

/* Opens the calling process's own file PATH of /proc, as "self/uid_map", with FLAGS of open(2);
 * neither a mount on top nor a link can lead it astray. Returns a descriptor, or -errno. */
int sandbox_proc_open(const struct sandbox *sb, const char *path, int flags);

/* Writes TEXT in one write to the calling process's own file PATH of /proc. Returns 0 or -errno. */
int sandbox_proc_write(const struct sandbox *sb, const char *path, const char *text);
