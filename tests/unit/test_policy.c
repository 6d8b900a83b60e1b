/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiled policies answer what their texts say: every number on every ABI, by a second reader
 * of the texts. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"
#include "family.h"
#include "policy.h"
#include "tap.h"

#define MAX_NUMBER 2000

/* --- a second reader of the texts: looks a call up, line by line --------------------------- */

static bool next_word(const char **at, char word[64])
{
	size_t n = 0;

	*at += strspn(*at, " ");
	while (**at && **at != ' ' && **at != '#' && n < 63)
		word[n++] = *(*at)++;
	word[n] = '\0';
	return n > 0;
}

static uint32_t value_of(const char *word)
{
	static const struct {
		const char *name;
		uint32_t value;
	} words[] = {
		{ "NO_ID", 0xffffffff },
		{ "PR_SET_KEEPCAPS", 8 },
		{ "RLIMIT_LOCKS", 10 },
		{ "S_IFCHR", 0x2000 },
		{ "S_IFBLK", 0x6000 },
		{ "TIOCSTI", 0x5412 },
		{ "TIOCLINUX", 0x541c },
		{ "CLONE_NEWNS", 0x20000 },
		{ "CLONE_NEWCGROUP", 0x2000000 },
		{ "CLONE_NEWUTS", 0x4000000 },
		{ "CLONE_NEWIPC", 0x8000000 },
		{ "CLONE_NEWUSER", 0x10000000 },
		{ "CLONE_NEWPID", 0x20000000 },
		{ "CLONE_NEWNET", 0x40000000 },
		{ "CLONE_NEWTIME", 0x80 },
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].name, word) == 0)
			return words[i].value;
	return isdigit(*word) ? (uint32_t)strtoul(word, NULL, 0) : (uint32_t)family_find(word);
}

/* A call as it is looked up: ids of 16 bits are those of the first chown of i386. */
struct call {
	const char *name;
	const uint64_t *args;
	bool short_ids;
};

/* Whether the condition at AT, after the "if", holds. */
static bool holds(const char *at, const struct call *call)
{
	char word[64], test[64];
	bool in = false, bits = false;
	uint32_t arg, mask = UINT32_MAX;

	next_word(&at, word);
	if (*word == 'i' && call->short_ids)
		mask = 0xffff;
	if (strchr(word, '&'))
		mask = value_of(strchr(word, '&') + 1);
	arg = (uint32_t)call->args[word[*word == 'i' ? 2 : 3] - '0'] & mask;
	next_word(&at, test);
	while (next_word(&at, word)) {
		in |= arg == (value_of(word) & mask);
		bits |= (arg & value_of(word)) != 0;
	}
	return strcmp(test, "in") == 0 ? in : strcmp(test, "notin") == 0 ? !in : bits;
}

/* What one line says of a call: 0 for nothing. */
static uint32_t line_says(const char *line, const struct call *call, bool *ret_conditional)
{
	const char *at = line, *condition = strstr(line, " if ");
	bool named = false;
	char answer[64], word[64];

	*ret_conditional = condition != NULL;
	if (!next_word(&at, answer) || strcmp(answer, "include") == 0)
		return 0;
	while (next_word(&at, word) && strcmp(word, "if") != 0)
		named |= strcmp(word, call->name) == 0;
	if (!named || (condition && !holds(condition + 4, call)))
		return 0;
	return strcmp(answer, "allow") == 0	? ALLOW
	       : strcmp(answer, "pretend") == 0 ? ERROR(0)
	       : strcmp(answer, "notify") == 0	? SECCOMP_RET_USER_NOTIF
	       : strcmp(answer, "EPERM") == 0	? ERROR(EPERM)
	       : strcmp(answer, "ENOSYS") == 0	? ERROR(ENOSYS)
						: ERROR(EAFNOSUPPORT);
}

struct says {
	uint32_t first; /* of the conditions that hold, else 0 */
	uint32_t last; /* of the lines without one, else 0 */
};

static void text_says(const char *text, const struct call *call, struct says *says)
{
	static char line[65536];
	uint32_t answer;
	bool conditional;
	size_t n;

	while (*text) {
		for (n = 0; *text && *text != '\n'; text++) {
			if (text[0] == '\\' && text[1] == '\n' && line[0] != '#') {
				line[n++] = ' ';
				text += 1 + strspn(text + 2, "\t ");
				continue;
			}
			line[n++] = *text;
		}
		text += *text == '\n';
		line[n] = '\0';
		answer = line_says(line, call, &conditional);
		if (answer && conditional && !says->first)
			says->first = answer;
		if (answer && !conditional)
			says->last = answer;
	}
}

static bool is(const struct policy *policy, const char *name)
{
	return strcmp(policy->name, name) == 0;
}

static bool is_wall(const struct policy *policy)
{
	return policy >= policies && policy < policies + policies_n;
}

/* The answer to a call that no line names. */
static uint32_t otherwise(const struct policy *policy)
{
	return is_wall(policy) ? ERROR(ENOSYS) : ALLOW;
}

static uint32_t expected(const struct policy *policy, const struct call *call)
{
	struct says says = { 0, 0 };

	if (is(policy, "fake-root-consistent"))
		text_says(text_fake_root_consistent, call, &says);
	else
		text_says(is_wall(policy) ? text_default : text_fake_devices, call, &says);
	if (is(policy, "strict"))
		text_says(text_strict, call, &says);
	if (is(policy, "fake-root"))
		text_says(text_fake_root, call, &says);
	return says.first ? says.first : says.last ? says.last : otherwise(policy);
}

/* --- numbers ------------------------------------------------------------------------------- */

static void numbers(void)
{
	size_t a, i, wrong = 0, known = 0;

	for (a = 0; a < sizeof abis / sizeof abis[0]; a++)
		for (i = 0; i < policy_calls_n; i++) {
			int have = policy_calls[i].nr[abis[a].abi];
			int want = number_of(abis[a].arch, policy_call_name(i));

			known += have >= 0;
			if (have != want) {
				wrong++;
				note("%s %s is %d, not %d", abis[a].name, policy_call_name(i), have,
				     want);
			}
		}
	ok(wrong == 0 && known > 700, "%zu numbers are libseccomp's", known);
}

/* --- policies ------------------------------------------------------------------------------ */

static const uint64_t samples[] = {
	0,	     0x20002000,  0x26000,     0x106000,
	0x108000,    0xffff,	  0x1ffff,     0x10000,
	0x10000ffff, 0x1ffffffff, 1,	       2,
	8,	     10,	  16,	       17,
	38,	     40,	  0x5412,      0x541c,
	0x5401,	     0x20000,	  0x40000,     0x400000,
	0xffffffff,  0x10000000,  0x11,	       0x80,
	0x7e020000,  0x100005412, 0x100000028, 0x4000000000000,
	0x500000000, 3000000000,
};

static bool has(const char *const *names, const char *name, const char *end)
{
	char text[64];
	size_t i;

	snprintf(text, sizeof text, "%s%s", name, end);
	for (i = 0; i <= MAX_NUMBER; i++)
		if (names[i] && strcmp(names[i], text) == 0)
			return true;
	return false;
}

static size_t compare(const struct policy *policy, size_t a, const char *const *names, uint32_t nr)
{
	const char *name = names[nr];
	bool short_ids = name && has(names, name, "32");
	size_t i, k, wrong = 0;

	for (k = 0; k < 4; k++)
		for (i = 0; i < sizeof samples / sizeof samples[0]; i++) {
			struct seccomp_data data = { .nr = (int)nr, .arch = abis[a].arch };
			uint32_t have, want;

			struct call call = { name, (const uint64_t *)data.args, short_ids };

			/* a device number, where the mode is looked at */
			data.args[2] = data.args[3] = k & 1;
			data.args[k] = samples[i];
			have = run(policy->code, policy->n_code, &data).answer;
			want = name ? expected(policy, &call) : otherwise(policy);
			if (have != want) {
				wrong++;
				note("%s: %s %u %s, arg%zu %llx: %x, not %x", policy->name,
				     abis[a].name, nr, name ? name : "unknown", k,
				     (unsigned long long)samples[i], have, want);
			}
			if (!name || !run(policy->code, policy->n_code, &data).looked)
				return wrong;
		}
	return wrong;
}

static void texts(void)
{
	size_t p, a, i, wrong, unnamed = 0;
	const uint64_t none[6] = { 0 };
	uint32_t nr;

	for (p = 0; p < policies_n + pretences_n; p++)
		for (a = 0; a < sizeof abis / sizeof abis[0]; a++) {
			const struct policy *policy =
				p < policies_n ? &policies[p] : &pretences[p - policies_n];
			const char *names[MAX_NUMBER + 1] = { NULL };

			for (i = 0; i < policy_calls_n; i++) {
				int number = policy_calls[i].nr[abis[a].abi];

				if (number >= 0 && number <= MAX_NUMBER)
					names[number] = policy_call_name(i);
			}
			for (nr = 0, wrong = 0; nr <= MAX_NUMBER; nr++)
				wrong += compare(policy, a, names, nr);
			ok(wrong == 0, "%s on %s: numbers 0 to %d", policy->name, abis[a].name,
			   MAX_NUMBER);
		}
	for (i = 0; i < policy_calls_n; i++) {
		struct says says = { 0, 0 };

		text_says(text_default, &(struct call){ policy_call_name(i), none, false }, &says);
		if (!says.first && !says.last) {
			unnamed++;
			note("%s is in no line", policy_call_name(i));
		}
	}
	ok(unnamed == 0, "the default policy knows every call that the table has");
}

static void other_numbers(void)
{
	const uint32_t high[] = { 0x40000000, 0x40000001, 0x40000202,
				  0x7fffffff, 0x80000000, 0xffffffff };
	size_t p, i, wrong = 0, foreign = 0;

	for (p = 0; p < policies_n; p++) {
		struct seccomp_data data = { .arch = abis[0].arch };

		for (i = 0; i < sizeof high / sizeof high[0]; i++) {
			data.nr = (int)high[i];
			wrong += run(policies[p].code, policies[p].n_code, &data).answer !=
				 ERROR(ENOSYS);
		}
		data.arch = AUDIT_ARCH_S390X;
		data.nr = 1;
		foreign += run(policies[p].code, policies[p].n_code, &data).answer != ERROR(ENOSYS);
	}
	ok(wrong == 0, "x32 and what is beyond it gets ENOSYS");
	ok(foreign == 0, "a foreign architecture gets ENOSYS");
}

static uint32_t pretended(const char *policy, uint32_t arch, int nr, uint64_t a, uint64_t b,
			  uint64_t c)
{
	const struct policy *p = policy_pretence(policy);
	struct seccomp_data data = { .arch = arch, .nr = nr, .args = { 0, a, b, c } };

	return run(p->code, p->n_code, &data).answer;
}

/* Said once more by hand, with the numbers of x86. */
static void pretences_by_hand(void)
{
#if defined(__x86_64__) || defined(__i386__)
	const uint32_t wide = AUDIT_ARCH_X86_64, i386 = AUDIT_ARCH_I386;
	const uint64_t none = UINT64_MAX;

	ok(pretended("fake-root", wide, 92, 33, 0, 0) == ERROR(0), "chown 33:0");
	ok(pretended("fake-root", wide, 92, none, 33, 0) == ERROR(0), "chown -1:33");
	ok(pretended("fake-root", wide, 92, 0, none, 0) == ALLOW, "chown 0:-1");
	ok(pretended("fake-root", wide, 92, 65535, 0, 0) == ERROR(0), "chown 65535:0");
	ok(pretended("fake-root", wide, 260, 33, 0, 33) == ERROR(0), "fchownat :33");
	ok(pretended("fake-root", wide, 260, 33, 0, 0) == ALLOW, "fchownat 0:0 of any path");
	ok(pretended("fake-root", wide, 92, UINT64_C(0x100000000), 0, 0) == ALLOW,
	   "chown of what the kernel takes for 0");
	ok(pretended("fake-root", i386, 182, 65535, 0, 0) == ALLOW, "i386: chown -1:0 of 16 bits");
	ok(pretended("fake-root", i386, 182, 0x10000, 0x7ffff, 0) == ALLOW,
	   "i386: what the kernel takes for 0:-1");
	ok(pretended("fake-root", i386, 182, 0, 33, 0) == ERROR(0), "i386: chown :33 of 16 bits");
	ok(pretended("fake-root", i386, 212, 65535, 0, 0) == ERROR(0), "i386: chown32 65535");
	ok(pretended("fake-root", i386, 212, UINT32_MAX, 0, 0) == ALLOW, "i386: chown32 -1:0");
	ok(pretended("fake-root", wide, 0x40000000 | 92, 33, 0, 0) == ERROR(0), "x32: chown 33:0");
	ok(pretended("fake-root", wide, 0x40000000 | 92, 0, 0, 0) == ALLOW, "x32: chown 0:0");
	ok(pretended("fake-root", AUDIT_ARCH_S390X, 92, 33, 0, 0) == ALLOW, "a foreign machine");
	ok(pretended("fake-root", wide, 133, 0020666, 0x103, 0) == ERROR(0), "mknod c 1 3");
	ok(pretended("fake-root", wide, 133, 0060660, 0x700, 0) == ERROR(0), "mknod b 7 0");
	ok(pretended("fake-root", wide, 133, 0020666, 0, 0) == ALLOW, "mknod c 0 0");
	ok(pretended("fake-root", wide, 133, 0010666, 1, 0) == ALLOW &&
		   pretended("fake-root", wide, 133, 0100666, 1, 0) == ALLOW &&
		   pretended("fake-root", wide, 133, 0140666, 1, 0) == ALLOW,
	   "fifos, files, sockets");
	ok(pretended("fake-root", wide, 259, 0, 0020666, 0x103) == ERROR(0), "mknodat c 1 3");
	ok(pretended("fake-devices", wide, 92, 33, 33, 33) == ALLOW &&
		   pretended("fake-devices", wide, 259, 0, 0020666, 0x103) == ERROR(0),
	   "devices alone");
#endif
	ok(!policy_find("fake-root") && policy_find("strict"), "a pretence is no wall");
}

/* The kernel asks for each number, once for each ABI. */
static void paths(void)
{
	size_t p, a;
	uint32_t nr;

	for (p = 0; p < policies_n + pretences_n; p++) {
		const struct policy *policy =
			p < policies_n ? &policies[p] : &pretences[p - policies_n];
		unsigned longest = 0, total = 0;

		for (a = 0; a < sizeof abis / sizeof abis[0]; a++)
			for (nr = 0; nr < 512; nr++) {
				struct seccomp_data data = { .nr = (int)nr, .arch = abis[a].arch };
				unsigned steps = run(policy->code, policy->n_code, &data).steps;

				longest = steps > longest ? steps : longest;
				total += steps;
			}
		note("%s: %zu instructions, longest path %u, mean %u", policy->name, policy->n_code,
		     longest, total / 1024);
		ok(total / 1024 <= 14, "%s has short paths", policy->name);
	}
}

int main(void)
{
	numbers();
	texts();
	other_numbers();
	pretences_by_hand();
	paths();
	return done();
}
