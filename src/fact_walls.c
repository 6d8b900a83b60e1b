/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells the walls of a plan. */
#include "fact.h"
#include "family.h"
#include "json.h"
#include "personality.h"
#include "plan.h"
#include "policy.h"
#include "ranges.h"
#include "sys.h"
#include "util.h"

/* What a policy does, a line of it each. */
static void tell_lines(struct facts *t, const struct policy *policy)
{
	const char *from = policy->refuses, *end;

	for (; *from; from = end + 1) {
		end = strchrnul(from, '\n');
		fact_line(t);
		fact_say(t, "  %.*s\n", (int)(end - from), from);
		if (*end == '\0')
			break;
	}
}

/* In the order in which the filters are installed, the caller's following. */
static void tell_denied(struct facts *t)
{
	const struct plan *p = t->plan;
	const struct policy *policy = p->seccomp_policy;
	size_t i;

	json_string(&t->json, "fake-root", p->pretence ? p->pretence->name : NULL);
	if (p->pretence) {
		fact_line(t);
		fact_say(t,
			 p->consistent ? "%s: a supervisor outside answers, or lets the kernel do\n"
				       : "%s: success is the answer, and nothing done, to\n",
			 p->pretence->name);
		tell_lines(t, p->pretence);
	}
	fact_word(t, "fake-root-db", p->fake_root_db, "what is pretended of files is kept in");
	json_string(&t->json, "seccomp-policy", policy ? policy->name : NULL);
	if (policy) {
		fact_line(t);
		fact_say(t,
			 "seccomp policy %s: a system call that it does not know gets ENOSYS; it "
			 "refuses\n",
			 policy->name);
		tell_lines(t, policy);
	}
	json_open(&t->json, "denied-syscalls", '[');
	for (i = 0; i < p->n_denied_calls; i++) {
		json_string(&t->json, NULL, policy_call_name(p->denied_calls[i]));
		if (i == 0)
			fact_line(t);
		fact_say(t, i == 0 ? "denied system calls: %s" : " %s",
			 policy_call_name(p->denied_calls[i]));
	}
	fact_say(t, i > 0 ? "\n" : "");
	json_close(&t->json, ']');
	json_open(&t->json, "denied-socket-families", '[');
	if (p->denied_families) {
		fact_line(t);
		fact_say(t, "denied socket families:");
	}
	for (i = 0; i < FAMILY_MAX; i++) {
		if (!(p->denied_families >> i & 1))
			continue;
		json_string(&t->json, NULL, family_name((unsigned)i));
		fact_say(t, " %s", family_name((unsigned)i));
	}
	fact_say(t, p->denied_families ? "\n" : "");
	json_close(&t->json, ']');
}

static void tell_landlock(struct facts *t)
{
	const struct plan *p = t->plan;
	size_t i;

	json_number(&t->json, "landlock-abi", p->landlock ? p->landlock_abi : 0);
	if (p->landlock) {
		fact_line(t);
		fact_say(t, "version %d of Landlock%s\n", p->landlock_abi,
			 p->landlock_min ? ", as demanded" : "");
	}
	json_number(&t->json, "landlock-abi-demanded", p->landlock_min);
	json_open(&t->json, "landlock-tcp", '[');
	for (i = 0; i < p->n_ports; i++) {
		json_open(&t->json, NULL, '{');
		json_string(&t->json, "may", p->ports[i].connect ? "connect" : "bind");
		json_number(&t->json, "port", p->ports[i].port);
		json_close(&t->json, '}');
		fact_line(t);
		fact_say(t, "of TCP: %s port %u\n", p->ports[i].connect ? "connect to" : "bind to",
			 p->ports[i].port);
	}
	json_close(&t->json, ']');
}

/* Of the walls around a joined process. */
static void tell_lacking(struct facts *t)
{
	const struct plan *p = t->plan;
	size_t i;

	json_open(&t->json, "joined-without", '[');
	for (i = 0; i < WALLS_N; i++) {
		if (!(p->join_without >> i & 1))
			continue;
		json_string(&t->json, NULL, wall_names[i]);
		fact_line(t);
		fact_say(t, "not taken over from the joined process: %s\n", wall_names[i]);
	}
	json_close(&t->json, ']');
}

void fact_walls_tell(struct facts *t)
{
	const struct plan *p = t->plan;
	bool alone = ((p->unshare | p->joins) & CLONE_NEWPID) || p->pidns_fd >= 0;

	fact_flag(t, "no-new-privs", true, "no_new_privs");
	fact_flag(t, "setgroups-denied",
		  p->userns && p->userns_block_fd < 0 && !ranges_setgroups(p), "setgroups denied");
	fact_flag(t, "terminal-input-refused", true,
		  "TIOCSTI and TIOCLINUX refused when there is a terminal");
	fact_flag(t, "fresh-keyring", p->as->fresh_keyring, "a session keyring of its own");
	json_bool(&t->json, "other-processes", !alone);
	if (!alone) {
		fact_line(t);
		fact_say(t, "without --unshare-pid the command can attack other processes of its "
			    "user\n");
	}
	tell_denied(t);
	tell_landlock(t);
	tell_lacking(t);
}
