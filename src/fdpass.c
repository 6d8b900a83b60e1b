/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends and receives descriptors with a message. */
#include "fdpass.h"

#include <string.h>
#include <sys/socket.h>

#include "util.h"

/* Room for the descriptors of a message, see cmsg(3). */
union room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int fdpass_send(int socket, const void *data, size_t size, const int *fds, size_t n)
{
	union room room = { 0 };
	struct iovec part = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &room,
			      .msg_controllen = CMSG_SPACE(n * sizeof *fds) };
	ssize_t sent;

	room.header.cmsg_len = CMSG_LEN(n * sizeof *fds);
	room.header.cmsg_level = SOL_SOCKET;
	room.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&room.header), fds, n * sizeof *fds);
	do {
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? neg_errno() : 0;
}

ssize_t fdpass_receive(int socket, void *data, size_t size, int flags, int *ret_fds, size_t n,
		       size_t *ret_n)
{
	union room room;
	struct iovec part = { data, size };
	/* without the padding of CMSG_SPACE(), in which there would be room for one more */
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &room,
			      .msg_controllen = CMSG_LEN(n * sizeof *ret_fds) };
	ssize_t received = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = received > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (received < 0)
		return neg_errno();
	*ret_n = 0;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		memcpy(ret_fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		*ret_n = (c->cmsg_len - CMSG_LEN(0)) / sizeof *ret_fds;
	}
	return received;
}
