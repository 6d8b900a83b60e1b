/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends and receives the messages of a launch. */
#include "channel.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "fdpass.h"
#include "util.h"

static int send_all(int fd, const void *m, size_t size)
{
	ssize_t n;

	do {
		n = send(fd, m, size, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? neg_errno() : 0;
}

int channel_send(int fd, enum message_type type, int value)
{
	/* as much of a message as there is: room for a failure would be pages of stack, each
	 * touched */
	const struct {
		enum message_type type;
		int value;
	} m = { type, value };

	_Static_assert(sizeof m == offsetof(struct message, fail), "what is sent is the beginning");
	return send_all(fd, &m, sizeof m);
}

int channel_send_fail(int fd, const struct fail *f)
{
	struct message m;

	m.type = MESSAGE_FAIL;
	m.value = 0;
	m.fail = *f;
	return send_all(fd, &m,
			offsetof(struct message, fail) + offsetof(struct fail, text) +
				strlen(f->text) + 1);
}

int channel_send_namespaces(int fd, const uint64_t ids[NS_MAX])
{
	struct message m;

	m.type = MESSAGE_NAMESPACES;
	m.value = 0;
	memcpy(m.namespaces, ids, sizeof m.namespaces);
	return send_all(fd, &m, offsetof(struct message, namespaces) + sizeof m.namespaces);
}

int channel_send_fds(int fd, enum message_type type, const int *fds, size_t n_fds)
{
	struct message m = { .type = type };

	return fdpass_send(fd, &m, offsetof(struct message, fail), fds, n_fds);
}

int channel_receive_fds(int fd, struct message *ret, int ret_fds[static CHANNEL_FDS])
{
	size_t n_fds;
	ssize_t n;

	do {
		n = fdpass_receive(fd, ret, sizeof *ret, MSG_DONTWAIT, ret_fds, CHANNEL_FDS,
				   &n_fds);
	} while (n == -EINTR || n == -ECONNRESET);
	return n < 0 ? (int)n : n > 0;
}

int channel_receive(int fd, struct message *ret, int nonblock)
{
	ssize_t n;

	do {
		n = recv(fd, ret, sizeof *ret, nonblock ? MSG_DONTWAIT : 0);
		/* of a peer that has closed with something unread: what it has sent comes next */
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return neg_errno();
	return n > 0;
}
