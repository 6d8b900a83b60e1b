/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Installs seccomp filters. System call numbers are those of the kernel's tables for each ABI. */
#include "seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "broken.h"
#include "fail.h"
#include "plan.h"
#include "policy.h"
#include "sys.h"
#include "util.h"

/* clang-format off: it would join the lines again */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* clang-format on */
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(value)	      BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE		      RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW		      RETURN(SECCOMP_RET_ALLOW)

/* The second argument's low half: the kernel's ioctl(2) takes an unsigned int, so high bits must
 * not hide it. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOAD_REQUEST LOAD(args[1])
#else
#define LOAD_REQUEST BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4)
#endif

#define WAIT_KILLABLE_RECV (1U << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */

/* A 32-bit husk may run on a 64-bit kernel, and start 64-bit programs: one set for both. */
#if defined(__x86_64__) || defined(__i386__)
#define NATIVE_ARCH    AUDIT_ARCH_X86_64
#define COMPAT_ARCH    AUDIT_ARCH_I386
#define NATIVE_IOCTL   16
#define NATIVE_IOCTL_2 (0x40000000 | 514) /* x32 */
#define COMPAT_IOCTL   54
#define NATIVE_KEYS    248, 249, 250, 0x40000000 | 248, 0x40000000 | 249, 0x40000000 | 250
#define COMPAT_KEYS    286, 287, 288
#elif defined(__aarch64__)
#define NATIVE_ARCH    AUDIT_ARCH_AARCH64
#define COMPAT_ARCH    AUDIT_ARCH_ARM
#define NATIVE_IOCTL   29
#define NATIVE_IOCTL_2 29
#define COMPAT_IOCTL   54
#define NATIVE_KEYS    217, 218, 219
#define COMPAT_KEYS    309, 310, 311
#else
#error "seccomp.c: add this architecture's system call numbers"
#endif

static int install(const struct sock_filter *code, size_t n)
{
	struct sock_fprog program = { .len = (unsigned short)n,
				      .filter = (struct sock_filter *)code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return 0;
	/* an earlier filter may refuse one of the two ways */
	if ((errno == EPERM || errno == ENOSYS) &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	return neg_errno();
}

/* Installs a filter that does nothing but where LOADED is VALUE, to see what that would let
 * through: the high half of an argument, or another machine. */
static int install_where(struct sock_filter loaded, unsigned value, const struct sock_filter *code,
			 size_t n)
{
	struct sock_filter all[32] = { loaded, EQUAL(value, 1, 0), ALLOW };

	memcpy(all + 3, code, n * sizeof *code);
	return install(all, n + 3);
}

int seccomp_refuse_terminal(void)
{
	static const struct sock_filter code[] = {
		LOAD(arch),
		EQUAL(NATIVE_ARCH, 0, 4),
		LOAD(nr),
		EQUAL(NATIVE_IOCTL, 5, 0),
		EQUAL(NATIVE_IOCTL_2, 4, 0),
		ALLOW,
		EQUAL(COMPAT_ARCH, 0, 6),
		LOAD(nr),
		EQUAL(COMPAT_IOCTL, 0, 4),
		LOAD_REQUEST,
		EQUAL(TIOCSTI, 1, 0),
		EQUAL(TIOCLINUX, 0, 1),
		REFUSE,
		ALLOW,
	};

	if (BROKEN("terminal-high-bits"))
		return install_where(
			(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, args[1]) + 4),
			0, code, ARRAY_SIZE(code));
	if (BROKEN("terminal-other-machines"))
		return install_where((struct sock_filter)LOAD(arch), NATIVE_ARCH, code,
				     ARRAY_SIZE(code));
	return install(code, ARRAY_SIZE(code));
}

/* Appends to CODE a test of the N system calls, answered by REFUSE, and an ALLOW. Returns the new
 * length. */
static size_t refuse_calls(struct sock_filter *code, size_t length, const unsigned *calls, size_t n)
{
	size_t i;

	code[length++] = (struct sock_filter)LOAD(nr);
	for (i = 0; i < n; i++)
		code[length++] = (struct sock_filter)EQUAL(calls[i], (unsigned char)(n - i), 0);
	code[length++] = (struct sock_filter)ALLOW;
	code[length++] = (struct sock_filter)REFUSE;
	return length;
}

int seccomp_refuse_keyring(void)
{
	static const unsigned native[] = { NATIVE_KEYS }, compat[] = { COMPAT_KEYS };
	struct sock_filter code[32] = {
		LOAD(arch),
		EQUAL(NATIVE_ARCH, 0, ARRAY_SIZE(native) + 3),
	};
	size_t n = refuse_calls(code, 2, native, ARRAY_SIZE(native));

	code[n++] = (struct sock_filter)EQUAL(COMPAT_ARCH, 0, ARRAY_SIZE(compat) + 1);
	n = refuse_calls(code, n, compat, ARRAY_SIZE(compat));
	return install(code, n);
}

struct seccomp_program seccomp_of_pretence(const struct policy *pretence)
{
	return (struct seccomp_program){
		.code = (void *)pretence->code,
		.length = pretence->n_code * sizeof *pretence->code,
		.option = "--fake-root",
	};
}

int seccomp_listen(const struct policy *pretence)
{
	struct sock_fprog program = { .len = (unsigned short)pretence->n_code,
				      .filter = (struct sock_filter *)pretence->code };
	unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | WAIT_KILLABLE_RECV,
			      &program);

	/* before Linux 5.19 a signal may take a call back that is being answered */
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return fd < 0 ? neg_errno() : fd;
}

int seccomp_of_plan(const struct plan *p, struct seccomp_program *to, size_t *n, struct fail *f)
{
	const struct policy *policy = p->seccomp_policy;
	struct sock_filter *code = NULL;
	int length;

	/* of several errors, which success pretended is one of, that of the last filter stands */
	if (p->pretence && !p->consistent)
		to[(*n)++] = seccomp_of_pretence(p->pretence);
	if (policy && !BROKEN("policy-loaded"))
		to[(*n)++] = (struct seccomp_program){
			.code = (void *)policy->code,
			.length = policy->n_code * sizeof *policy->code,
		};
	if (p->n_denied_calls == 0 && p->denied_families == 0)
		return 0;
	length = policy_deny(p->denied_calls, p->n_denied_calls, p->denied_families, &code);
	if (length < 0)
		return fail(f, -length, "Can't make a filter of what is denied");
	to[(*n)++] =
		(struct seccomp_program){ .code = code, .length = (size_t)length * sizeof *code };
	return 0;
}

size_t seccomp_count(const struct plan *p)
{
	return (p->pretence && !p->consistent) + (p->seccomp_policy != NULL) +
	       (p->n_denied_calls > 0 || p->denied_families);
}

int seccomp_read(int fd, const char *option, struct seccomp_program *ret, struct fail *f)
{
	size_t room = 4096, length = 0;
	char *code = malloc(room), *grown;
	ssize_t n = -1;

	errno = ENOMEM;
	while (code && (n = read(fd, code + length, room - length)) > 0) {
		length += (size_t)n;
		if (length < room)
			continue;
		room *= 2;
		grown = realloc(code, room);
		if (!grown) {
			n = -1;
			break;
		}
		code = grown;
	}
	if (n < 0) {
		free(code);
		return option ? fail(f, errno, "Can't read seccomp data of %s %d", option, fd)
			      : fail(f, errno, "Can't read seccomp data");
	}
	if (length % sizeof(struct sock_filter) != 0) {
		free(code);
		if (!option)
			return fail(f, 0, "Invalid seccomp data, must be multiple of 8");
		return fail_hint(f,
				 fail(f, 0, "Invalid seccomp data of %s %d, must be multiple of 8",
				      option, fd),
				 "the filter is a compiled one, an array of struct sock_filter");
	}
	*ret = (struct seccomp_program){ .code = code, .length = length };
	return 0;
}

int seccomp_install(const struct seccomp_program *program, struct fail *f)
{
	size_t n = program->length / sizeof(struct sock_filter);
	int r = n > BPF_MAXINSNS ? -EINVAL : install(program->code, n);

	if (r < 0 && program->option)
		return fail_hint(
			f, fail(f, -r, "%s: the kernel takes no seccomp filter", program->option),
			r == -EINVAL ? "it must be built with CONFIG_SECCOMP_FILTER"
				     : "the filter of a container around this one may refuse "
				       "it, or there are too many filters already");
	if (r == -EINVAL)
		return fail_hint(
			f,
			fail(f, 0,
			     "Unable to set up system call filtering as requested: "
			     "prctl(PR_SET_SECCOMP) reported EINVAL. (Hint: this requires a kernel "
			     "configured with CONFIG_SECCOMP and CONFIG_SECCOMP_FILTER.)"),
			"the filter is an array of struct sock_filter that the kernel's checker "
			"accepts");
	return r < 0 ? fail(f, -r, "prctl(PR_SET_SECCOMP)") : 0;
}
