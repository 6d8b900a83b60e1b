/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds the command's environment from the caller's and the plan's edits. */
#include "env.h"

#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "util.h"

static size_t find(char **list, size_t n, const char *name)
{
	size_t i, length = strlen(name);

	for (i = 0; i < n; i++)
		if (strncmp(list[i], name, length) == 0 && list[i][length] == '=')
			return i;
	return n;
}

/* Puts TEXT, which is NAME=VALUE, into the list. */
static void put(char **list, size_t *n, const char *name, char *text)
{
	size_t i = find(list, *n, name);

	list[i] = text;
	if (i == *n)
		(*n)++;
}

static int set(char **list, size_t *n, const struct env_edit *edit)
{
	char *text = malloc(strlen(edit->name) + strlen(edit->value) + 2);

	if (!text)
		return -ENOMEM;
	stpcpy(stpcpy(stpcpy(text, edit->name), "="), edit->value);
	put(list, n, edit->name, text);
	return 0;
}

static void unset(char **list, size_t *n, const char *name)
{
	size_t i;

	while ((i = find(list, *n, name)) < *n) {
		memmove(list + i, list + i + 1, (*n - i - 1) * sizeof *list);
		(*n)--;
	}
}

/* Makes NAME what it is for the caller: the first of its name, as getenv(3) takes it, or unset. */
static void pass(char **list, size_t *n, char **environ, size_t n_environ, const char *name)
{
	size_t i = find(environ, n_environ, name);

	if (i < n_environ)
		put(list, n, name, environ[i]);
	else
		unset(list, n, name);
}

static int apply(char **list, size_t *n, char **environ, size_t n_environ,
		 const struct env_edit *edit)
{
	switch (edit->type) {
	case ENV_SET:
		return set(list, n, edit);
	case ENV_UNSET:
		unset(list, n, edit->name);
		break;
	case ENV_CLEAR:
		*n = 0;
		break;
	case ENV_PASS:
		pass(list, n, environ, n_environ, edit->name);
		break;
	case ENV_FILE:
		break;
	}
	return 0;
}

int env_build(const struct plan *p, char **environ, char ***ret, size_t *ret_n)
{
	size_t n = 0, n_environ, i;
	char **list;

	while (environ[n])
		n++;
	n_environ = n;
	list = calloc(n + p->n_env + 2, sizeof *list);
	if (!list)
		return -ENOMEM;
	memcpy(list, environ, n * sizeof *list);
	for (i = 0; i < p->n_env; i++) {
		if (apply(list, &n, environ, n_environ, &p->env[i]) < 0) {
			free(list);
			return -ENOMEM;
		}
	}
	list[n] = NULL;
	*ret = list;
	*ret_n = n;
	return 0;
}
