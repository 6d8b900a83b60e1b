/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filters made of names answer what was denied, and the options that name calls, families and
 * policies take what they should. */
#include <stdlib.h>
#include <string.h>

#include "bpf.h"
#include "policy.h"
#include "util.h"
#include "words.h"

static uint32_t ask(const struct sock_filter *code, int n, size_t a, const char *name, uint64_t arg)
{
	struct seccomp_data data = { .arch = abis[a].arch, .args = { arg } };

	data.nr = number_of(abis[a].arch, name);
	return run(code, (size_t)n, &data).answer;
}

static void denied(void)
{
	uint16_t calls[] = { (uint16_t)policy_call_find("openat"),
			     (uint16_t)policy_call_find("connect"),
			     (uint16_t)policy_call_find("shmget") };
	CLEANUP(free_p) struct sock_filter *code = NULL;
	int n = policy_deny(calls, 3, 1 << 2 | UINT64_C(1) << 40, &code);
	size_t a;

	for (a = 0; a < 2; a++) {
		const char *on = abis[a].name;

		ok(ask(code, n, a, "openat", 0) == ERROR(EPERM), "%s: a denied call", on);
		ok(ask(code, n, a, "open", 0) == ALLOW, "%s: another one", on);
		ok(ask(code, n, a, "socket", 2) == ERROR(EAFNOSUPPORT) &&
			   ask(code, n, a, "socketpair", 40) == ERROR(EAFNOSUPPORT),
		   "%s: denied families", on);
		ok(ask(code, n, a, "socket", UINT64_C(0x700000002)) == ERROR(EAFNOSUPPORT),
		   "%s: high bits do not hide a family", on);
		ok(ask(code, n, a, "socket", 1) == ALLOW, "%s: another family", on);
		ok(ask(code, n, a, "io_uring_setup", 0) == ERROR(ENOSYS),
		   "%s: nor can io_uring make sockets", on);
	}
#if defined(__x86_64__) || defined(__i386__)
	ok(ask(code, n, 1, "socketcall", 3) == ERROR(EPERM), "connect through socketcall");
	ok(ask(code, n, 1, "socketcall", 1) == ERROR(EAFNOSUPPORT), "sockets through socketcall");
	ok(ask(code, n, 1, "socketcall", 2) == ALLOW, "bind through socketcall");
	ok(ask(code, n, 1, "ipc", 0x10017) == ERROR(EPERM), "shmget through ipc, any version");
	ok(ask(code, n, 1, "ipc", 24) == ALLOW, "shmctl through ipc");
	struct seccomp_data data = { .arch = abis[0].arch, .nr = 0x40000000 | 257 };
	ok(run(code, (size_t)n, &data).answer == ERROR(EPERM), "a denied call of x32");
	data.nr = 0x40000000 | 2;
	ok(run(code, (size_t)n, &data).answer == ALLOW, "another call of x32");
#endif
}

/* Everything at once is longer than a comparison jumps. */
static void many(void)
{
	uint16_t calls[1024] = { 0 };
	CLEANUP(free_p) struct sock_filter *code = NULL;
	size_t n_calls = 0, wrong = 0, i, a;
	int n;

	for (i = 0; i < policy_calls_n; i += 2)
		calls[n_calls++] = (uint16_t)i;
	n = policy_deny(calls, n_calls, ~UINT64_C(0) >> 18, &code);
	for (i = 0; i < policy_calls_n; i++)
		for (a = 0; a < 2; a++) {
			struct seccomp_data data = { .arch = abis[a].arch,
						     .nr = policy_calls[i].nr[abis[a].abi],
						     .args = { 100 } };
			uint32_t have = run(code, (size_t)n, &data).answer;

			if (data.nr >= 0 && strcmp(policy_call_name(i), "io_uring_setup") != 0 &&
			    strcmp(policy_call_name(i), "ipc") != 0)
				wrong += have != (i % 2 ? ALLOW : ERROR(EPERM));
		}
	ok(n > 300 && wrong == 0, "every second call denied: %d instructions", n);
}

static void words_of_options(void)
{
	ok(parse("--seccomp-policy", "strict", "c") == 0 &&
		   strcmp(plan.seccomp_policy->name, "strict") == 0,
	   "a policy");
	ok(parse("--seccomp-policy", "strict", "--seccomp-policy", "none", "c") == 0 &&
		   !plan.seccomp_policy && plan.n_warnings == 1,
	   "none takes it back");
	ok(parse("c") == 0 && !plan.seccomp_policy, "none is given by default");
	ok(parse("--seccomp-policy", "lax", "c") < 0 && says("no policy “lax”"), "no such policy");
	ok(parse("--deny-syscalls", "open,openat", "--deny-syscalls", "open", "c") == 0 &&
		   plan.n_denied_calls == 2,
	   "calls, each once");
	ok(parse("--deny-syscalls", "opneat", "c") < 0 && says("did you mean openat?"), "a typo");
	ok(parse("--deny-syscalls", "open,,read", "c") < 0 && says("a name is empty"),
	   "an empty name");
	ok(parse("--deny-syscalls", "", "c") < 0 && says("a name is empty"), "no name");
	ok(parse("--deny-syscalls", "open openat", "c") < 0, "a blank is no comma");
	ok(parse("--deny-socket-families", "AF_INET,inet6,Af_Unix", "c") == 0 &&
		   plan.denied_families == (1 << 2 | 1 << 10 | 1 << 1),
	   "families, with or without AF_");
	ok(parse("--deny-socket-families", "inet,martian", "c") < 0 &&
		   says("no socket family “martian”"),
	   "no such family");
	ok(parse_bwrap("--seccomp-policy", "strict", "c") < 0, "bwrap knows none of it");
}

int main(void)
{
	denied();
	many();
	words_of_options();
	plan_free(&plan);
	return done();
}
