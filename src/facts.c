/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells a checked plan, for a person and as JSON at once: what is said in one form is said in the
 * other.
 *
 * A field of the plan that stands for itself is a row of the table of fields; what is put together
 * of several has a function, named in the table of sections: operations, walls, limits and who the
 * command is in files of their own. All speak through fact.c. */
#include "facts.h"

#include <errno.h>

#include "fact.h"
#include "json.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

/* what is put together of several fields */

/* The namespaces that are joined by descriptor. */
static const struct {
	const char *kind;
	size_t fd;
	const char *words;
} joined[] = {
	{ "user", offsetof(struct plan, userns_fd), "user: from" },
	{ "user", offsetof(struct plan, userns2_fd), "user, once the root is built: from" },
	{ "pid", offsetof(struct plan, pidns_fd), "pid: from" },
	{ "net", offsetof(struct plan, netns_fd), "net: from" },
	{ "ipc", offsetof(struct plan, ipcns_fd), "ipc: from" },
	{ "uts", offsetof(struct plan, utsns_fd), "uts: from" },
	{ "cgroup", offsetof(struct plan, cgroupns_fd), "cgroup: from" },
	{ "time", offsetof(struct plan, timens_fd), "time: from" },
	{ "mnt", offsetof(struct plan, mntns_fd), "mnt: from" },
};

static int joined_fd(const struct facts *t, size_t i)
{
	return *(const int *)((const char *)t->plan + joined[i].fd);
}

static bool is_joined(const struct facts *t, const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(joined); i++)
		if (streq(joined[i].kind, kind) && joined_fd(t, i) >= 0)
			return true;
	return false;
}

static void tell_kinds(struct facts *t, const char *key, const char *words, bool made)
{
	const struct plan *p = t->plan;
	uint64_t new = p->unshare | (p->root == ROOT_JOINED ? 0 : CLONE_NEWNS) |
		       (p->userns ? CLONE_NEWUSER : 0);
	size_t i;

	json_open(&t->json, key, '[');
	fact_line(t);
	fact_say(t, "%s:", words);
	for (i = 0; i < NS_MAX; i++) {
		if (!(new &namespaces[i].flag) == made ||
		    (!made &&
		     ((p->joins & namespaces[i].flag) || is_joined(t, namespaces[i].name))))
			continue;
		json_string(&t->json, NULL, namespaces[i].name);
		fact_say(t, " %s", namespaces[i].name);
	}
	fact_say(t, "\n");
	json_close(&t->json, ']');
}

/* All those of a process that differ from the caller's. */
static void tell_process(struct facts *t)
{
	const struct plan *p = t->plan;
	size_t i;

	if (!plan_joins_all(p)) {
		json_null(&t->json, "process");
		return;
	}
	json_number(&t->json, "process", t->caller->join.pid);
	fact_line(t);
	fact_say(t, "of process %d:", (int)t->caller->join.pid);
	for (i = 0; i < NS_MAX; i++)
		if (p->joins & namespaces[i].flag)
			fact_say(t, " %s", namespaces[i].name);
	fact_say(t, "\n");
}

static void tell_namespaces(struct facts *t)
{
	size_t i;

	tell_kinds(t, "new", "new", true);
	tell_kinds(t, "shared", "the caller's", false);
	json_open(&t->json, "joined", '[');
	for (i = 0; i < ARRAY_SIZE(joined); i++) {
		if (joined_fd(t, i) < 0)
			continue;
		json_open(&t->json, NULL, '{');
		json_string(&t->json, "kind", joined[i].kind);
		fact_fd(t, "fd", joined_fd(t, i), joined[i].words);
		json_close(&t->json, '}');
	}
	for (i = 0; i < NS_MAX && plan_joins_all(t->plan); i++) {
		if (!(t->plan->joins & namespaces[i].flag))
			continue;
		json_open(&t->json, NULL, '{');
		json_string(&t->json, "kind", namespaces[i].name);
		json_null(&t->json, "fd");
		json_close(&t->json, '}');
	}
	json_close(&t->json, ']');
	tell_process(t);
}

static void tell_root(struct facts *t)
{
	static const struct {
		const char *key, *words;
	} kinds[] = {
		[ROOT_HOST] = { "host", "the host's tree as it is" },
		[ROOT_IN_PLACE] = { "in-place",
				    "the host's tree, with the flags of the mount on it" },
		[ROOT_NEW] = { "new", "new, empty but for what follows" },
		[ROOT_JOINED] = { "joined", "that of the joined mount namespace" },
	};
	const struct plan *p = t->plan;

	fact_choice(t, "kind", kinds[p->root].key, kinds[p->root].words);
	if (p->root == ROOT_JOINED) {
		json_null(&t->json, "later-host-mounts-appear");
		return;
	}
	json_bool(&t->json, "later-host-mounts-appear", !p->as->private_mounts);
	fact_line(t);
	fact_say(t, "mounts the host makes later %s\n",
		 p->as->private_mounts ? "do not appear" : "appear");
}

static void tell_lifetime(struct facts *t)
{
	const struct plan *p = t->plan;

	fact_flag(t, "dies-with-launcher", p->dies_with_launcher,
		  "the sandbox dies with the launcher");
	fact_flag(t, "kills-orphans",
		  !p->wait_all && (p->as->kills_orphans || (p->unshare & CLONE_NEWPID)),
		  "what the command leaves behind is killed");
	fact_flag(t, "forwards-signals", p->as->forwards, "signals are passed on to the command");
	fact_flag(t, "init", p->init, "an init process beside the command");
}

static void tell_environment(struct facts *t)
{
	static const char *const edits[] = {
		[ENV_SET] = "set",   [ENV_UNSET] = "unset", [ENV_CLEAR] = "clear",
		[ENV_PASS] = "pass", [ENV_FILE] = "file",
	};
	const struct plan *p = t->plan;
	const struct env_edit *e;

	json_open(&t->json, "edits", '[');
	for (e = p->env; e < p->env + p->n_env; e++) {
		json_open(&t->json, NULL, '{');
		json_string(&t->json, "edit", edits[e->type]);
		json_string(&t->json, "name", e->name);
		json_string(&t->json, "value", e->value);
		json_close(&t->json, '}');
		fact_line(t);
		fact_say(t, "%s%s", edits[e->type], e->name ? " " : "");
		if (e->name)
			fact_say_word(t, e->name);
		if (e->value) {
			fact_say(t, "=");
			fact_say_word(t, e->value);
		}
		fact_say(t, "\n");
	}
	json_close(&t->json, ']');
	if (p->n_env == 0) {
		fact_line(t);
		fact_say(t, "the caller's\n");
	}
}

static void tell_command(struct facts *t)
{
	size_t i;

	json_open(&t->json, "words", '[');
	fact_line(t);
	for (i = 0; t->plan->command[i]; i++) {
		json_string(&t->json, NULL, t->plan->command[i]);
		fact_say(t, i ? " " : "");
		fact_say_word(t, t->plan->command[i]);
	}
	fact_say(t, "\n");
	json_close(&t->json, ']');
}

/* the tables */

static const struct section {
	const char *key, *title;
	char open, close; /* of the member: an object, or an array without fields of its own */
	void (*tell)(struct facts *t); /* before the fields, or NULL */
} sections[] = {
	{ "identity", "identity", '{', '}', fact_identity_tell },
	{ "namespaces", "namespaces", '{', '}', tell_namespaces },
	{ "root", "root", '{', '}', tell_root },
	{ "operations", "mounts and files, in this order", '[', ']', fact_ops_tell },
	{ "walls", "walls", '{', '}', fact_walls_tell },
	{ "lifetime", "lifetime", '{', '}', tell_lifetime },
	{ "descriptors", "descriptors", '{', '}', NULL },
	{ "environment", "environment", '{', '}', tell_environment },
	{ "limits", "limits and settings", '{', '}', fact_limits_tell },
	{ "command", "command", '{', '}', tell_command },
	{ "messages", "messages", '{', '}', NULL },
};

enum kind { FLAG, FD, WORD, FDS, WORDS };
#define FIELD(name) offsetof(struct plan, name)

/* The fields of the plan that stand for themselves, as options set them. */
static const struct field {
	const char *section, *key; /* the key of the section, and the field's in it */
	enum kind kind;
	size_t offset, count; /* fields of struct plan; the count is that of a list */
	const char *words; /* for a person: of a flag all there is to say, else before the value */
} fields[] = {
	{ "namespaces", "boottime", WORD, FIELD(boottime.typed), 0,
	  "clock of the time since boot ahead by seconds:" },
	{ "namespaces", "monotonic", WORD, FIELD(monotonic.typed), 0,
	  "monotonic clock ahead by seconds:" },
	{ "namespaces", "hostname", WORD, FIELD(hostname), 0, "host name:" },
	{ "walls", "disable-userns", FLAG, FIELD(disable_userns), 0, "no further user namespaces" },
	{ "walls", "assert-userns-disabled", FLAG, FIELD(assert_userns_disabled), 0,
	  "no launch where further user namespaces are possible" },
	{ "walls", "seccomp-fd", FD, FIELD(seccomp_fd), 0, "a seccomp filter from" },
	{ "walls", "add-seccomp-fds", FDS, FIELD(seccomp_fds), FIELD(n_seccomp_fds),
	  "a seccomp filter from" },
	{ "walls", "exec-label", WORD, FIELD(exec_label), 0, "SELinux label" },
	{ "walls", "file-label", WORD, FIELD(file_label), 0, "files made get the SELinux label" },
	{ "walls", "not-a-security-boundary", FLAG, FIELD(not_a_boundary), 0,
	  "no security boundary: mounts whose flags cannot be set stay as they are" },
	{ "walls", "landlock", FLAG, FIELD(landlock), 0,
	  "Landlock: only what the options bound, no abstract sockets or processes outside" },
	{ "lifetime", "die-with-parent", FLAG, FIELD(die_with_parent), 0,
	  "the launcher dies with its parent" },
	{ "lifetime", "as-pid-1", FLAG, FIELD(as_pid_1), 0, "the command is process 1" },
	{ "lifetime", "wait-all", FLAG, FIELD(wait_all), 0,
	  "what the command leaves behind is waited for" },
	{ "lifetime", "new-session", FLAG, FIELD(new_session), 0, "in a session of its own" },
	{ "lifetime", "pty", FLAG, FIELD(pty), 0, "on a terminal of its own" },
	{ "lifetime", "lock-files", WORDS, FIELD(locks), FIELD(n_locks), "a read lock on" },
	{ "descriptors", "inherit-fds", FLAG, FIELD(inherit_fds), 0,
	  "the command inherits them all" },
	{ "descriptors", "keep-fds", FDS, FIELD(keep_fds), FIELD(n_keep_fds),
	  "the command inherits" },
	{ "descriptors", "info-fd", FD, FIELD(info_fd), 0, "process and namespaces told on" },
	{ "descriptors", "json-status-fd", FD, FIELD(json_fd), 0, "status told on" },
	{ "descriptors", "status-fd", FD, FIELD(status_fd), 0, "events told on" },
	{ "descriptors", "block-fd", FD, FIELD(block_fd), 0, "the command waits for" },
	{ "descriptors", "userns-block-fd", FD, FIELD(userns_block_fd), 0,
	  "the set-up waits for id maps and" },
	{ "descriptors", "sync-fd", FD, FIELD(sync_fd), 0, "held open while the sandbox runs:" },
	{ "limits", "cgroup-fd", FD, FIELD(cgroup_fd), 0, "in the cgroup of" },
	{ "environment", "chdir", WORD, FIELD(chdir), 0, "working directory" },
	{ "command", "self-test", FLAG, FIELD(self_test), 0,
	  "a probe, which tries what is promised" },
	{ "command", "argv0", WORD, FIELD(argv0), 0, "its argv[0]:" },
	{ "messages", "level-prefix", FLAG, FIELD(level_prefix), 0, "begin with a level, as <3>" },
};

static void tell_field(struct facts *t, const struct field *f)
{
	const char *at = (const char *)t->plan + f->offset;
	size_t n = f->count ? *(const size_t *)((const char *)t->plan + f->count) : 0;

	switch (f->kind) {
	case FLAG:
		fact_flag(t, f->key, *(const bool *)at, f->words);
		break;
	case FD:
		fact_fd(t, f->key, *(const int *)at, f->words);
		break;
	case WORD:
		fact_word(t, f->key, *(const char *const *)at, f->words);
		break;
	case FDS:
		fact_fds(t, f->key, *(const int *const *)at, n, f->words);
		break;
	case WORDS:
		fact_words(t, f->key, *(const char *const *const *)at, n, f->words);
		break;
	}
}

static void tell_section(struct facts *t, const struct section *s)
{
	size_t i;

	t->title = s->title;
	json_open(&t->json, s->key, s->open);
	if (s->tell)
		s->tell(t);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (streq(fields[i].section, s->key))
			tell_field(t, &fields[i]);
	json_close(&t->json, s->close);
}

/* Tells the plan to OUT, unless that is NULL, and as JSON. */
static void tell(const struct plan *p, const struct caller *caller, FILE *out, struct json *ret)
{
	struct facts t = { .plan = p, .caller = caller, .out = out };
	size_t i;

	json_open(&t.json, NULL, '{');
	json_string(&t.json, "personality", p->as->name);
	for (i = 0; i < ARRAY_SIZE(sections); i++)
		tell_section(&t, &sections[i]);
	json_close(&t.json, '}');
	*ret = t.json;
}

int facts_print(const struct plan *p, const struct caller *caller, bool as_json, FILE *out)
{
	struct json j;
	int r;

	tell(p, caller, as_json ? NULL : out, &j);
	json_newline(&j);
	if (as_json && !j.failed)
		fwrite(j.text, 1, j.length, out);
	r = as_json && j.failed ? -ENOMEM : 0;
	json_free(&j);
	return r;
}

void facts_write(const struct plan *p, const struct caller *caller, struct json *j)
{
	tell(p, caller, NULL, j);
}
