/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks on files for as long as the sandbox lives. */
#pragma once

struct sandbox;

/* Opens and read-locks the files of --lock-file; the locks last as long as the init, which this
 * process will be. Returns 0 or -errno with the failure recorded. fcntl(2), F_OFD_SETLK. */
int lock_files(struct sandbox *sb);
