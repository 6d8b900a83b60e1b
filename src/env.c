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

static int set(char **list, size_t *n, const struct env_edit *edit)
{
	char *text = malloc(strlen(edit->name) + strlen(edit->value) + 2);
	size_t i = find(list, *n, edit->name);

	if (!text)
		return -ENOMEM;
	stpcpy(stpcpy(stpcpy(text, edit->name), "="), edit->value);
	list[i] = text;
	if (i == *n)
		(*n)++;
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

int env_build(const struct plan *p, char **environ, char ***ret, size_t *ret_n)
{
	size_t n = 0, i;
	char **list;

	while (environ[n])
		n++;
	list = calloc(n + p->n_env + 2, sizeof *list);
	if (!list)
		return -ENOMEM;
	memcpy(list, environ, n * sizeof *list);
	for (i = 0; i < p->n_env; i++) {
		if (p->env[i].type == ENV_CLEAR) {
			n = 0;
		} else if (p->env[i].type == ENV_UNSET) {
			unset(list, &n, p->env[i].name);
		} else if (set(list, &n, &p->env[i]) < 0) {
			free(list);
			return -ENOMEM;
		}
	}
	list[n] = NULL;
	*ret = list;
	*ret_n = n;
	return 0;
}
