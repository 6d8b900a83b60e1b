/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads and writes the memory of the processes whose calls are answered. */
#include "call.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define PAGE 4096u

static void *address_of(uint64_t address)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it is another process's */
	return (void *)(uintptr_t)address;
}

int call_read(const struct call *c, uint64_t address, void *buf, size_t size)
{
	struct iovec to = { buf, size }, from = { address_of(address), size };

	return process_vm_readv(c->tid, &to, 1, &from, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

/* What a string may be read to without touching a page that it may not reach: most paths are short,
 * and a call that is refused in its middle has still read the pages before. */
ssize_t call_read_string(const struct call *c, uint64_t address, char *buf, size_t size)
{
	size_t length = 0, part = 256;
	struct iovec to, from[2];
	const char *end;
	ssize_t n;

	while (length < size) {
		size_t room = PAGE - (size_t)((address + length) % PAGE);

		part = part < size - length ? part : size - length;
		to = (struct iovec){ buf + length, part };
		from[0] = (struct iovec){ address_of(address + length), part < room ? part : room };
		from[1] = (struct iovec){ address_of(address + length + from[0].iov_len),
					  part - from[0].iov_len };
		n = process_vm_readv(c->tid, &to, 1, from, from[1].iov_len > 0 ? 2 : 1, 0);
		if (n <= 0)
			return -EFAULT;
		end = memchr(buf + length, '\0', (size_t)n);
		if (end)
			return end - buf;
		length += (size_t)n;
		part = PAGE;
	}
	return -ENAMETOOLONG;
}

bool call_valid(const struct call *c)
{
	return ioctl(c->world->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id) == 0;
}

int call_write(const struct call *c, uint64_t address, const void *buf, size_t size)
{
	struct iovec from = { (void *)buf, size }, to = { address_of(address), size };

	if (!call_valid(c))
		return -ESRCH;
	return process_vm_writev(c->tid, &from, 1, &to, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

uint32_t call_id(const struct call *c, int arg)
{
	uint32_t id = (uint32_t)c->args[arg];

	if (!c->short_ids)
		return id;
	return (id & 0xffff) == 0xffff ? NO_ID : id & 0xffff;
}
