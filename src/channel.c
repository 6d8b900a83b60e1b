/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends and receives the messages of a launch. */
#include "channel.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

static int send_all(int fd, const struct message *m, size_t size)
{
	ssize_t n;

	do {
		n = send(fd, m, size, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? neg_errno() : 0;
}

int channel_send(int fd, enum message_type type, int value)
{
	struct message m;

	m.type = type;
	m.value = value;
	return send_all(fd, &m, offsetof(struct message, fail));
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

int channel_receive(int fd, struct message *ret, int nonblock)
{
	ssize_t n;

	do {
		n = recv(fd, ret, sizeof *ret, nonblock ? MSG_DONTWAIT : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return neg_errno();
	return n > 0;
}
