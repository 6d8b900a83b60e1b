/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel settings: how sysctl(8) names them, and which namespace each belongs to. */
#pragma once

#include <stdint.h>

/* Takes KEY=VALUE to pieces. On success *RET_PATH is the key as a path below /proc/sys, the
 * caller's to free, and *RET_VALUE points behind the equals sign. The first dot or slash of the key
 * says which of them separates its parts; the other one then stands for itself, as dots in the
 * names of interfaces do. Returns 0, -EINVAL when it is no setting, or -ENOMEM. */
int setting_parse(const char *word, char **ret_path, const char **ret_value);

/* The kind of namespace that the setting of PATH belongs to, CLONE_NEW*; 0 for one of the whole
 * machine. namespaces(7), Documentation/admin-guide/sysctl. */
uint64_t setting_namespace(const char *path);
