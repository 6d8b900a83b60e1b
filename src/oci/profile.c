/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the seccomp profile of a container engine, with the meaning that moby and runc give it.
 *
 * Of a profile's members those are read that decide about system calls; others, and names of calls
 * that libseccomp does not know, are left out, as the engines do. */
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../caps.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A value of the profile, with the words that say where it stands. */
struct at {
	json_object *value;
	char where[128];
};

static struct at member(const struct at *of, const char *name)
{
	struct at ret = { .value = json_object_object_get(of->value, name) };

	snprintf(ret.where, sizeof ret.where, "%.80s%s%s", of->where, *of->where ? "." : "", name);
	return ret;
}

static struct at element(const struct at *of, size_t i)
{
	struct at ret = { .value = json_object_array_get_idx(of->value, i) };

	snprintf(ret.where, sizeof ret.where, "%.80s[%zu]", of->where, i);
	return ret;
}

/* The number of elements of an array, 0 of what is missing or null. */
static size_t count(const struct at *at)
{
	if (at->value && !json_object_is_type(at->value, json_type_array))
		profile_die("%s: is not an array", at->where);
	return at->value ? json_object_array_length(at->value) : 0;
}

static const char *string(const struct at *at)
{
	if (at->value && !json_object_is_type(at->value, json_type_string))
		profile_die("%s: is not a string", at->where);
	return at->value ? json_object_get_string(at->value) : "";
}

static uint64_t number(const struct at *at)
{
	if (!at->value)
		return 0;
	if (!json_object_is_type(at->value, json_type_int) ||
	    (json_object_get_int64(at->value) < 0 && json_object_get_uint64(at->value) == 0))
		profile_die("%s: is not a number from 0 on", at->where);
	return json_object_get_uint64(at->value);
}

static void object(const struct at *at)
{
	if (at->value && !json_object_is_type(at->value, json_type_object))
		profile_die("%s: is not an object", at->where);
}

/* --- words --------------------------------------------------------------------------------- */

/* The errno called NAME; libc has the names. */
static unsigned errno_named(const struct at *at)
{
	const char *name = string(at), *known;
	int i;

	for (i = 1; i < 4096; i++) {
		known = strerrorname_np(i);
		if (known && strcmp(known, name) == 0)
			return (unsigned)i;
	}
	profile_die("%s: no error is called “%s”", at->where, name);
}

/* The error that goes with an action: by name, as containers/common writes it, or by number. */
static unsigned read_errno(const struct at *of, const char *named, const char *numbered)
{
	struct at name = member(of, named), value = member(of, numbered);
	uint64_t n = number(&value);

	if (name.value && *string(&name))
		return errno_named(&name);
	if (n > 4095)
		profile_die("%s: no error is greater than 4095", value.where);
	return value.value ? (unsigned)n : EPERM;
}

static uint32_t read_action(const struct at *at, unsigned error)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	};
	const char *name = string(at);
	size_t i;

	if (strcmp(name, "SCMP_ACT_ERRNO") == 0)
		return SCMP_ACT_ERRNO(error);
	if (strcmp(name, "SCMP_ACT_TRACE") == 0)
		return SCMP_ACT_TRACE(error);
	for (i = 0; i < LENGTH(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		profile_die("%s: SCMP_ACT_NOTIFY needs a program that listens, which a file cannot "
			    "bring",
			    at->where);
	profile_die("%s: no action is called “%s”", at->where, name);
}

static enum scmp_compare read_operator(const struct at *at)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} ops[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE },
		{ "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE },
		{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE },
		{ "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};
	const char *name = string(at);
	size_t i;

	for (i = 0; i < LENGTH(ops); i++)
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].op;
	profile_die("%s: no operator is called “%s”", at->where, name);
}

/* --- architectures ------------------------------------------------------------------------- */

/* libseccomp's number for an architecture, or 0 for one that it does not know. */
static uint32_t read_arch(const struct at *at)
{
	const char *name = string(at);
	char lower[32];
	uint32_t token = 0;
	size_t i;

	if (strncmp(name, "SCMP_ARCH_", 10) == 0 && strlen(name) < sizeof lower + 10) {
		for (i = 0; name[10 + i]; i++)
			lower[i] = (char)tolower(name[10 + i]);
		lower[i] = '\0';
		token = seccomp_arch_resolve_name(lower);
	}
	return token;
}

static void add_arch(struct profile *p, const struct at *at)
{
	uint32_t token = read_arch(at);
	int r;

	if (token == 0)
		profile_die("%s: no architecture is called “%s”", at->where, string(at));
	r = seccomp_arch_add(p->filter, token);

	if (r < 0 && r != -EEXIST)
		profile_die("%s: %s cannot be added: %s", at->where, string(at), strerror(-r));
	if (p->n_arches == PROFILE_ARCHES)
		profile_die("more than %d architectures", PROFILE_ARCHES);
	if (r == 0)
		p->arches[p->n_arches++] = (struct profile_arch){ token, -1 };
}

static void read_arches(struct profile *p, const struct at *root)
{
	struct at list = member(root, "architectures"), map = member(root, "archMap");
	uint32_t native = seccomp_arch_native();
	size_t i, k;

	p->arches[p->n_arches++] = (struct profile_arch){ native, -1 };
	if (count(&list) > 0 && count(&map) > 0)
		profile_die("architectures and archMap exclude each other");
	for (i = 0; i < count(&list); i++) {
		struct at arch = element(&list, i);

		add_arch(p, &arch);
	}
	for (i = 0; i < count(&map); i++) {
		struct at row = element(&map, i), arch, subs;

		object(&row);
		arch = member(&row, "architecture");
		subs = member(&row, "subArchitectures");
		if (read_arch(&arch) != native)
			continue;
		for (k = 0; k < count(&subs); k++) {
			struct at sub = element(&subs, k);

			add_arch(p, &sub);
		}
		return;
	}
}

/* The engines' name of the machine, which is Go's or libseccomp's. */
static bool is_native_name(const char *name)
{
	static const struct {
		const char *name;
		uint32_t arch;
	} names[] = {
		{ "amd64", SCMP_ARCH_X86_64 },	  { "386", SCMP_ARCH_X86 },
		{ "arm64", SCMP_ARCH_AARCH64 },	  { "x86_64", SCMP_ARCH_X86_64 },
		{ "aarch64", SCMP_ARCH_AARCH64 },
	};
	uint32_t native = seccomp_arch_native();
	size_t i;

	for (i = 0; i < LENGTH(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].arch == native;
	return seccomp_arch_resolve_name(name) == native;
}

/* --- rules --------------------------------------------------------------------------------- */

static bool is_kernel_at_least(const struct at *at, const struct profile_target *target)
{
	unsigned major = 0, minor = 0;

	if (sscanf(string(at), "%u.%u", &major, &minor) != 2)
		profile_die("%s: “%s” is no version of a kernel", at->where, string(at));
	return target->kernel[0] > major ||
	       (target->kernel[0] == major && target->kernel[1] >= minor);
}

/* How many of the capabilities the container has. */
static size_t count_caps(const struct at *caps, const struct profile_target *target)
{
	size_t i, n = 0;

	for (i = 0; i < count(caps); i++) {
		struct at cap = element(caps, i);
		uint64_t bit;

		n += caps_parse(string(&cap), &bit) == 0 && (bit & target->caps) != 0;
	}
	return n;
}

static bool has_arch(const struct at *arches)
{
	size_t i;

	for (i = 0; i < count(arches); i++) {
		struct at arch = element(arches, i);

		if (is_native_name(string(&arch)))
			return true;
	}
	return false;
}

static bool is_for(const struct at *call, const struct profile_target *target)
{
	struct at in = member(call, "includes"), out = member(call, "excludes");
	struct at arches, caps, kernel;

	object(&in);
	object(&out);
	arches = member(&out, "arches");
	caps = member(&out, "caps");
	kernel = member(&out, "minKernel");
	if (out.value && (has_arch(&arches) || count_caps(&caps, target) > 0 ||
			  (*string(&kernel) && is_kernel_at_least(&kernel, target))))
		return false;
	arches = member(&in, "arches");
	caps = member(&in, "caps");
	kernel = member(&in, "minKernel");
	return !in.value || ((count(&arches) == 0 || has_arch(&arches)) &&
			     count_caps(&caps, target) == count(&caps) &&
			     (!*string(&kernel) || is_kernel_at_least(&kernel, target)));
}

static size_t read_args(const struct at *args, struct scmp_arg_cmp *ret, size_t room)
{
	size_t i, n = count(args);

	if (n > room)
		profile_die("%s: more than %zu conditions", args->where, room);
	for (i = 0; i < n; i++) {
		struct at arg = element(args, i), index, value, two, op;

		object(&arg);
		index = member(&arg, "index");
		value = member(&arg, "value");
		two = member(&arg, "valueTwo");
		op = member(&arg, "op");
		if (number(&index) > 5)
			profile_die("%s: a call has arguments 0 to 5", index.where);
		ret[i] = (struct scmp_arg_cmp){ (unsigned)number(&index), read_operator(&op),
						number(&value), number(&two) };
	}
	return n;
}

/* Two conditions on one argument cannot both be in a rule of libseccomp: as in runc each is then a
 * rule of its own, and one that holds is enough. */
static bool has_twice(const struct scmp_arg_cmp *args, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (args[i].arg == args[k].arg)
				return true;
	return false;
}

static void note_last(struct profile *p, const char *name)
{
	size_t i;
	int nr;

	for (i = 0; i < p->n_arches; i++) {
		nr = seccomp_syscall_resolve_name_arch(p->arches[i].token, name);
		if (nr > p->arches[i].last)
			p->arches[i].last = nr;
	}
}

static void add_name(struct profile *p, const struct at *at, uint32_t action,
		     const struct scmp_arg_cmp *args, size_t n, bool quiet)
{
	const char *name = string(at);
	int nr = seccomp_syscall_resolve_name(name), r = 0;
	size_t i;

	if (nr == __NR_SCMP_ERROR) {
		if (!quiet)
			fprintf(stderr,
				"husk-seccomp: note: %s: unknown system call “%s” is left "
				"out\n",
				at->where, name);
		return;
	}
	note_last(p, name);
	if (action == p->default_action)
		return;
	if (has_twice(args, n))
		for (i = 0; i < n && r >= 0; i++)
			r = seccomp_rule_add_array(p->filter, action, nr, 1, args + i);
	else
		r = seccomp_rule_add_array(p->filter, action, nr, (unsigned)n, args);
	/* the same rule twice, or one that an earlier one makes needless */
	if (r < 0 && r != -EEXIST)
		profile_die("%s: no rule can be made for %s: %s", at->where, name, strerror(-r));
}

static void read_call(struct profile *p, const struct at *call, const struct profile_target *target)
{
	struct at name = member(call, "name"), names = member(call, "names");
	struct at action = member(call, "action"), list = member(call, "args");
	struct scmp_arg_cmp args[16];
	size_t i, n;
	uint32_t answer;

	object(call);
	if (*string(&name) && count(&names) > 0)
		profile_die("%s: name and names exclude each other", call->where);
	if (!is_for(call, target))
		return;
	answer = read_action(&action, read_errno(call, "errno", "errnoRet"));
	n = read_args(&list, args, LENGTH(args));
	if (*string(&name))
		add_name(p, &name, answer, args, n, target->quiet);
	for (i = 0; i < count(&names); i++) {
		struct at one = element(&names, i);

		add_name(p, &one, answer, args, n, target->quiet);
	}
}

void profile_read(struct profile *profile, json_object *root, const struct profile_target *target)
{
	struct at top = { .value = root }, action, calls;
	size_t i;

	if (!json_object_is_type(root, json_type_object))
		profile_die("the profile is not an object");
	action = member(&top, "defaultAction");
	if (!action.value)
		profile_die("defaultAction is missing");
	profile->default_action =
		read_action(&action, read_errno(&top, "defaultErrno", "defaultErrnoRet"));
	profile->allows = profile->default_action == SCMP_ACT_ALLOW ||
			  profile->default_action == SCMP_ACT_LOG;
	profile->filter = seccomp_init(profile->default_action);
	if (!profile->filter)
		profile_die("libseccomp cannot begin a filter");
	read_arches(profile, &top);
	seccomp_attr_set(profile->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	calls = member(&top, "syscalls");
	for (i = 0; i < count(&calls); i++) {
		struct at call = element(&calls, i);

		read_call(profile, &call, target);
	}
}
