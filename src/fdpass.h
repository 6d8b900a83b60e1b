/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors that go from process to process with a message, unix(7). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 4 /* descriptors that a message may have */

/* Sends SIZE bytes, at least one, and the N descriptors FDS, which stay the caller's. Returns 0 or
 * -errno; a signal is no error. */
int fdpass_send(int socket, const void *data, size_t size, const int *fds, size_t n);

/* Receives at most SIZE bytes, with the FLAGS of recvmsg(2), and stores in *RET_FDS, which else is
 * left as it is, at most N descriptors that come with them: the caller's to close, and not
 * inherited. Stores how many in *RET_N. Returns the number of bytes, 0 when every writer is gone,
 * or -errno. */
ssize_t fdpass_receive(int socket, void *data, size_t size, int flags, int *ret_fds, size_t n,
		       size_t *ret_n);
