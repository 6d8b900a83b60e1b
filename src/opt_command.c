/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: the command's surroundings: environment, walls, descriptors. */
#include "handlers.h"

#include <stdint.h>
#include <string.h>

#include "fail.h"
#include "options.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "util.h"

static int add_env(struct parse *p, enum env_type type, const char *name, const char *value)
{
	struct env_edit *edit;

	if (name && (name[0] == '\0' || strchr(name, '=')))
		return p->plan->as->explains
			       ? fail(p->fail, 0, "“%s” is not the name of a variable", name)
			       : fail(p->fail, 0,
				      type == ENV_SET ? "setenv failed" : "unsetenv failed");
	edit = plan_append(&p->plan->env, &p->plan->n_env, sizeof *edit);
	if (!edit)
		return parse_no_memory(p);
	*edit = (struct env_edit){ .type = type, .name = name, .value = value };
	return 0;
}

int opt_setenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	return add_env(p, ENV_SET, operands[0], operands[1]);
}

int opt_unsetenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	return add_env(p, ENV_UNSET, operands[0], NULL);
}

int opt_env(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	return add_env(p, ENV_PASS, operands[0], NULL);
}

int opt_env_file(struct parse *p, const struct option *o, char **operands)
{
	struct env_edit *edit;

	if (parse_path(p, o, operands[0]) < 0)
		return -EINVAL;
	edit = plan_append(&p->plan->env, &p->plan->n_env, sizeof *edit);
	if (!edit)
		return parse_no_memory(p);
	*edit = (struct env_edit){ .type = ENV_FILE, .name = operands[0] };
	return 0;
}

int opt_clearenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	return add_env(p, ENV_CLEAR, NULL, NULL);
}

int opt_argv0(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	if (p->plan->argv0)
		return fail(p->fail, 0, "--argv0 used multiple times");
	p->plan->argv0 = operands[0];
	return 0;
}

int opt_lock_file(struct parse *p, const struct option *o, char **operands)
{
	const char **lock;

	if (parse_path(p, o, operands[0]) < 0)
		return -EINVAL;
	lock = plan_append(&p->plan->locks, &p->plan->n_locks, sizeof *lock);
	if (!lock)
		return parse_no_memory(p);
	*lock = operands[0];
	return 0;
}

int opt_chdir(struct parse *p, const struct option *o, char **operands)
{
	if (parse_path(p, o, operands[0]) < 0)
		return -EINVAL;
	p->plan->chdir = operands[0];
	return 0;
}

int opt_seccomp(struct parse *p, const struct option *o, char **operands)
{
	if (p->plan->n_seccomp_fds > 0)
		return fail(p->fail, 0, "--seccomp cannot be combined with --add-seccomp-fd");
	return opt_fd(p, o, operands);
}

int opt_add_seccomp(struct parse *p, const struct option *o, char **operands)
{
	int fd = NO_FD, r, *item;

	(void)o;
	if (p->plan->seccomp_fd >= 0)
		return fail(p->fail, 0, "--add-seccomp-fd cannot be combined with --seccomp");
	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	item = plan_append(&p->plan->seccomp_fds, &p->plan->n_seccomp_fds, sizeof *item);
	if (!item)
		return parse_no_memory(p);
	*item = fd;
	return 0;
}

int opt_keep_fd(struct parse *p, const struct option *o, char **operands)
{
	int fd = NO_FD, r, *item;

	(void)o;
	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	item = plan_append(&p->plan->keep_fds, &p->plan->n_keep_fds, sizeof *item);
	if (!item)
		return parse_no_memory(p);
	*item = fd;
	return 0;
}

int opt_landlock_abi(struct parse *p, const struct option *o, char **operands)
{
	uint64_t value;

	(void)o;
	if (parse_number(operands[0], 10, 1000, &value) < 0 || value == 0)
		return fail_hint(p->fail,
				 fail(p->fail, 0, "Invalid version of Landlock: %s", operands[0]),
				 "a number from 1; husk --features tells this kernel's");
	p->plan->landlock = true;
	p->plan->landlock_min = (int)value;
	return 0;
}

int opt_landlock_tcp(struct parse *p, const struct option *o, char **operands)
{
	const char *number = strchr(operands[0], ':');
	size_t length = number ? (size_t)(number - operands[0]) : 0;
	bool binds = length == 4 && strncmp(operands[0], "bind", 4) == 0;
	bool connects = length == 7 && strncmp(operands[0], "connect", 7) == 0;
	struct port *port;
	uint64_t value;

	(void)o;
	if ((!binds && !connects) || parse_number(number + 1, 10, UINT16_MAX, &value) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "Invalid port: %s", operands[0]),
				 "it is bind:PORT or connect:PORT, with a number up to 65535");
	port = plan_append(&p->plan->ports, &p->plan->n_ports, sizeof *port);
	if (!port)
		return parse_no_memory(p);
	*port = (struct port){ .connect = connects, .port = (uint16_t)value };
	p->plan->landlock = true;
	return 0;
}
