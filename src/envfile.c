/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads files of variables, with the rules of docker run --env-file: a line is VAR=VALUE, and every
 * byte after the first equals sign is the value; VAR alone is the caller's; blank lines and those
 * that begin with # say nothing. */
#include "envfile.h"

#include <string.h>

#include "fail.h"
#include "plan.h"
#include "slurp.h"
#include "sys.h"
#include "util.h"

static int refuse(struct fail *f, const char *path, size_t number, const char *what)
{
	return fail_hint(f, fail(f, 0, "--env-file %s:%zu: %s", path, number, what),
			 "a line is VAR=VALUE, VAR to pass on the caller's, or begins with #");
}

/* Makes an edit of LINE, which it takes to pieces. */
static int add_line(struct env_edit **edits, size_t *n, char *line, const char *path, size_t number,
		    struct fail *f)
{
	size_t name;
	struct env_edit *edit;

	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	name = strcspn(line, "=");
	if (name == 0)
		return refuse(f, path, number, "there is no name before the equals sign");
	if (strcspn(line, " \t") < name)
		return refuse(f, path, number, "a name holds no blank");
	edit = plan_append(edits, n, sizeof *edit);
	if (!edit)
		return fail(f, ENOMEM, "Out of memory");
	*edit = (struct env_edit){ .type = line[name] ? ENV_SET : ENV_PASS, .name = line };
	if (line[name]) {
		line[name] = '\0';
		edit->value = line + name + 1;
	}
	return 0;
}

static int add_lines(struct env_edit **edits, size_t *n, char *data, size_t length,
		     const char *path, struct fail *f)
{
	char *line = data, *end = data + length, *next;
	size_t number = 1;
	int r;

	*end = '\n';
	for (; line < end; line = next + 1, number++) {
		next = memchr(line, '\n', (size_t)(end - line) + 1);
		if (memchr(line, '\0', (size_t)(next - line)))
			return refuse(f, path, number, "it holds a NUL byte");
		*next = '\0';
		if (next > line && next[-1] == '\r')
			next[-1] = '\0';
		r = add_line(edits, n, line, path, number, f);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_file(struct plan *p, const char *path, char **ret_data, size_t *ret_length,
		     struct fail *f)
{
	char **owned = plan_append(&p->owned, &p->n_owned, sizeof *owned);
	int fd = owned ? open(path, O_RDONLY | O_CLOEXEC) : -1, r;

	if (!owned)
		return fail(f, ENOMEM, "Out of memory");
	r = fd < 0 ? neg_errno() : slurp_fd(fd, ret_data, ret_length);
	if (r < 0) {
		fd_close(fd);
		return fail(f, -r, "--env-file %s", path);
	}
	*owned = *ret_data;
	return 0;
}

int envfile_load(struct plan *p, struct fail *f)
{
	struct env_edit *edits = NULL, *edit;
	size_t n = 0, i, length = 0;
	char *data = NULL;
	int r = 0;

	for (i = 0; i < p->n_env && p->env[i].type != ENV_FILE; i++)
		;
	if (i == p->n_env)
		return 0;
	for (i = 0; i < p->n_env && r == 0; i++) {
		if (p->env[i].type == ENV_FILE) {
			r = read_file(p, p->env[i].name, &data, &length, f);
			if (r == 0 && data)
				r = add_lines(&edits, &n, data, length, p->env[i].name, f);
			continue;
		}
		edit = plan_append(&edits, &n, sizeof *edit);
		if (edit)
			*edit = p->env[i];
		else
			r = fail(f, ENOMEM, "Out of memory");
	}
	free(p->env);
	p->env = edits;
	p->n_env = n;
	return r;
}
