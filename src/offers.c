/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells what this build and this kernel offer, as JSON.
 *
 * No fact is taken from the kernel's version, which says little of what distributions have moved
 * there or of what filters and security modules refuse: each is tried, see trials.c. */
#include "offers.h"

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#include "caller.h"
#include "diagnose.h"
#include "fail.h"
#include "helper.h"
#include "json.h"
#include "mapper.h"
#include "ns.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "ranges.h"
#include "sys.h"
#include "trials.h"
#include "util.h"

/* Numbers that are the same for every architecture, and newer than the headers may be. */
#define SYS_LANDLOCK_CREATE_RULESET 444
#define SYS_LSM_LIST_MODULES	    461

static void tell_probes(struct json *j, const struct trial_results *r, const char *section)
{
	size_t i;

	for (i = 0; i < trials_n; i++)
		if (streq(trials[i].section, section))
			json_bool(j, trials[i].key, r->found[i]);
}

static const char *architecture(void)
{
#if defined(__x86_64__)
	return "x86_64";
#elif defined(__aarch64__)
	return "aarch64";
#elif defined(__i386__)
	return "i386";
#elif defined(__arm__)
	return "arm";
#elif defined(__riscv)
	return "riscv";
#elif defined(__powerpc64__)
	return "ppc64";
#elif defined(__s390x__)
	return "s390x";
#else
	return "other";
#endif
}

static void tell_build(struct json *j)
{
	bool linked = getauxval(AT_BASE) != 0; /* where the dynamic linker is */
	char libc[64] = "musl";

#ifdef __GLIBC__
	snprintf(libc, sizeof libc, "glibc %s", gnu_get_libc_version());
#endif
	json_open(j, "build", '{');
	json_string(j, "linking", linked ? "dynamic" : "static");
	json_string(j, "libc", libc);
	json_string(j, "architecture", architecture());
	json_string(j, "bubblewrap", personality_bwrap.version);
	json_close(j, '}');
}

static void tell_kernel(struct json *j)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	json_open(j, "kernel", '{');
	json_string(j, "release", u.release);
	json_string(j, "version", u.version);
	json_string(j, "machine", u.machine);
	json_close(j, '}');
}

static void tell_options(struct json *j)
{
	size_t i;

	json_open(j, "options", '[');
	for (i = 0; i < options_n; i++)
		json_string(j, NULL, options[i].name);
	json_close(j, ']');
}

/* Whether the caller may make a user namespace now; if not, what diagnose() says. */
static void tell_user_namespaces(struct json *j, const struct plan *p, int proc_fd,
				 const struct caller *caller, int err)
{
	struct fail why = { .set = false };
	struct plan wanted = *p;

	json_open(j, "user-namespaces", '{');
	json_bool(j, "usable", err == 0);
	if (err) {
		fail_refused(&why, fail(&why, err, "Creating new namespace failed"),
			     REFUSED_NAMESPACES, err);
		wanted.userns = true;
		diagnose(&wanted, caller, proc_fd, &why);
	}
	json_string(j, "error", err ? fail_errno_text(err) : NULL);
	json_string(j, "text", err ? why.text : NULL);
	json_string(j, "hint", err ? why.hint : NULL);
	json_close(j, '}');
}

static void tell_namespaces(struct json *j, int proc_fd, const struct trial_results *r)
{
	char path[64], text[32];
	ssize_t n;
	size_t i;

	json_open(j, "namespaces", '{');
	for (i = 0; i < NS_MAX; i++) {
		CLEANUP(fd_closep) int fd = NO_FD;

		json_open(j, namespaces[i].name, '{');
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		json_bool(j, "kernel", faccessat(proc_fd, path, F_OK, 0) == 0);
		json_bool(j, "usable", r->kinds[i]);
		snprintf(path, sizeof path, "sys/user/max_%s_namespaces", namespaces[i].name);
		fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = '\0';
		if (n > 0)
			json_number(j, "limit", strtoll(text, NULL, 10));
		else
			json_null(j, "limit");
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void tell_seccomp(struct json *j, const struct trial_results *r)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "kill_process", SECCOMP_RET_KILL_PROCESS },
		{ "kill_thread", SECCOMP_RET_KILL_THREAD },
		{ "trap", SECCOMP_RET_TRAP },
		{ "errno", SECCOMP_RET_ERRNO },
		{ "user_notif", SECCOMP_RET_USER_NOTIF },
		{ "trace", SECCOMP_RET_TRACE },
		{ "log", SECCOMP_RET_LOG },
		{ "allow", SECCOMP_RET_ALLOW },
	};
	size_t i;

	json_open(j, "seccomp", '{');
	json_open(j, "actions", '[');
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i].action) == 0)
			json_string(j, NULL, actions[i].name);
	json_close(j, ']');
	tell_probes(j, r, "seccomp");
	json_close(j, '}');
}

/* The security modules by their numbers of lsm_list_modules(2), Linux 6.8; where there is no such
 * call, by securityfs; else null. */
static void tell_modules(struct json *j)
{
	static const char *const names[] = {
		[0] = "capability", [1] = "selinux", [2] = "smack",	[3] = "tomoyo",
		[4] = "apparmor",   [5] = "yama",    [6] = "loadpin",	[7] = "safesetid",
		[8] = "lockdown",   [9] = "bpf",     [10] = "landlock", [11] = "ima",
		[12] = "evm",	    [13] = "ipe",
	};
	uint64_t ids[64];
	uint32_t size = sizeof ids;
	long n = syscall(SYS_LSM_LIST_MODULES, ids, &size, 0), i;
	char text[512], *name, *save = NULL, number[32];
	CLEANUP(fd_closep) int fd = NO_FD;
	ssize_t length;

	if (n < 0) {
		fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);
		length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
		if (length < 0) {
			json_null(j, "security-modules");
			return;
		}
		text[length] = '\0';
	}
	json_open(j, "security-modules", '[');
	for (i = 0; i < n; i++) {
		snprintf(number, sizeof number, "%llu", (unsigned long long)ids[i]);
		json_string(j, NULL,
			    ids[i] >= 100 && ids[i] - 100 < ARRAY_SIZE(names) ? names[ids[i] - 100]
									      : number);
	}
	for (name = n < 0 ? strtok_r(text, ",\n", &save) : NULL; name;
	     name = strtok_r(NULL, ",\n", &save))
		json_string(j, NULL, name);
	json_close(j, ']');
}

static void tell_landlock(struct json *j)
{
	long abi = syscall(SYS_LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0)
		json_number(j, "landlock", abi);
	else
		json_null(j, "landlock");
}

/* A helper by its path, and whether it can have its privilege. */
static void tell_helper(struct json *j, const char *name)
{
	char path[HELPER_PATH_MAX];

	if (helper_find(name, path) < 0) {
		json_null(j, name);
		return;
	}
	json_open(j, name, '{');
	json_string(j, "path", path);
	json_bool(j, "privileged", helper_privileged(path) > 0);
	json_close(j, '}');
}

/* Whether --map-auto can work for the caller: what it would say. */
static void tell_map_auto(struct json *j, const struct plan *p, int proc_fd)
{
	struct plan wanted = *p;
	struct fail why = { .set = false };
	struct caller caller;
	int r;

	wanted.map_auto = true;
	r = caller_gather(&wanted, proc_fd, &caller, &why);
	if (r == 0)
		r = plan_check(&wanted, &caller, &why);
	if (r == 0 && wanted.helpers)
		r = mapper_check(&wanted, &why);
	json_open(j, "map-auto", '{');
	json_bool(j, "usable", r == 0);
	json_string(j, "text", r < 0 ? why.text : NULL);
	json_string(j, "hint", r < 0 ? why.hint : NULL);
	json_number(j, "uids", r < 0 ? 0 : (long long)ranges_count(&wanted.maps[MAP_UID]));
	json_number(j, "gids", r < 0 ? 0 : (long long)ranges_count(&wanted.maps[MAP_GID]));
	json_close(j, '}');
}

static void tell(struct json *j, const struct plan *p, int proc_fd, const struct caller *caller,
		 const struct trial_results *r)
{
	json_open(j, NULL, '{');
	json_string(j, "version", p->as->version);
	tell_build(j);
	tell_kernel(j);
	tell_user_namespaces(j, p, proc_fd, caller, r->user_err);
	tell_namespaces(j, proc_fd, r);
	json_open(j, "mounts", '{');
	tell_probes(j, r, "mounts");
	json_close(j, '}');
	json_open(j, "processes", '{');
	tell_probes(j, r, "processes");
	json_close(j, '}');
	tell_seccomp(j, r);
	tell_landlock(j);
	tell_modules(j);
	json_open(j, "helpers", '{');
	tell_helper(j, "newuidmap");
	tell_helper(j, "newgidmap");
	tell_helper(j, "getsubids");
	json_close(j, '}');
	tell_map_auto(j, p, proc_fd);
	tell_options(j);
	json_close(j, '}');
	json_newline(j);
}

int offers_print(const struct personality *as, FILE *out, struct fail *f)
{
	CLEANUP(fd_closep) int proc_fd = caller_open_proc(f);
	struct json j = { 0 };
	struct caller caller;
	struct trial_results *r;
	struct plan plan;
	int ret;

	plan_init(&plan, as);
	ret = proc_fd < 0 ? proc_fd : caller_gather(&plan, proc_fd, &caller, f);
	if (ret < 0)
		return ret;
	r = trials_run();
	if (!r)
		return fail(f, ENOMEM, "Out of memory");
	tell(&j, &plan, proc_fd, &caller, r);
	if (j.failed)
		ret = fail(f, ENOMEM, "Out of memory");
	else
		fwrite(j.text, 1, j.length, out);
	json_free(&j);
	trials_free(r);
	return ret;
}
