/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handlers of options, a file a group, and the values that they read operands as. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct option;
struct parse;

/* Reads an unsigned number of BASE (0: by its prefix) that fills the whole word and is at most MAX.
 * Returns 0 or -EINVAL, and records nothing. */
int parse_number(const char *word, int base, uint64_t max, uint64_t *ret);

/* Refuses an empty path. Returns 0, or -EINVAL with the failure recorded. */
int parse_path(struct parse *p, const struct option *o, const char *path);

/* Reads a uid or gid, which KIND says. Returns 0, or -EINVAL with the failure recorded. */
int parse_id(struct parse *p, const char *kind, const char *word, uint32_t *ret);

/* Reads a mode in octal, at most 07777. Returns 0, or -EINVAL with the failure recorded. */
int parse_octal(struct parse *p, const struct option *o, const char *word, mode_t *ret);

/* Each acts on OPERANDS as typed for the row O; returns 0, or -errno with the failure recorded. */
#define HANDLER(name) int name(struct parse *p, const struct option *o, char **operands)

/* opt_values.c */
HANDLER(opt_flag);
HANDLER(opt_fd);
HANDLER(opt_string);
HANDLER(opt_action);

/* opt_identity.c */
HANDLER(opt_unshare);
HANDLER(opt_unshare_all);
HANDLER(opt_share_net);
HANDLER(opt_join_pid);
HANDLER(opt_join_without);
HANDLER(opt_shift);
HANDLER(opt_uid);
HANDLER(opt_gid);
HANDLER(opt_map_ids);
HANDLER(opt_map_root);
HANDLER(opt_map_current);
HANDLER(opt_cap);

/* opt_root.c */
HANDLER(opt_dest);
HANDLER(opt_bind);
HANDLER(opt_symlink);
HANDLER(opt_fd_dest);
HANDLER(opt_chmod);
HANDLER(opt_perms);
HANDLER(opt_size);
HANDLER(opt_mask);
HANDLER(opt_mount_flags);
HANDLER(opt_replace_symlink);
HANDLER(opt_overlay_src);
HANDLER(opt_overlay);
HANDLER(opt_lower_overlay);

/* opt_command.c */
HANDLER(opt_setenv);
HANDLER(opt_unsetenv);
HANDLER(opt_clearenv);
HANDLER(opt_argv0);
HANDLER(opt_lock_file);
HANDLER(opt_chdir);
HANDLER(opt_seccomp);
HANDLER(opt_add_seccomp);
HANDLER(opt_keep_fd);
HANDLER(opt_landlock_abi);
HANDLER(opt_landlock_tcp);
HANDLER(opt_env);
HANDLER(opt_env_file);

/* opt_limits.c */
HANDLER(opt_rlimit);
HANDLER(opt_umask);
HANDLER(opt_sysctl);
HANDLER(opt_pid_limit);

/* opt_policy.c */
HANDLER(opt_policy);
HANDLER(opt_deny_syscalls);
HANDLER(opt_deny_families);
HANDLER(opt_fake_root);
HANDLER(opt_fake_root_db);

#undef HANDLER
