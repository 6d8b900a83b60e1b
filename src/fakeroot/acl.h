/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access control lists as extended attributes hold them: acl(5), linux/posix_acl_xattr.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether the SIZE bytes at ACL are a list that the kernel would take, if only every id in it had
 * a meaning in the sandbox, and one has not: there is only 0. */
bool acl_is_refused(const void *acl, size_t size);

/* MODE with the permissions that such a list gives to owner, group and others. */
mode_t acl_mode(const void *acl, size_t size, mode_t mode);

/* Changes such a list as chmod(2) to MODE does. */
void acl_chmod(void *acl, size_t size, mode_t mode);
