/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels in a static build, which cannot load libselinux: refused. */
#include "label.h"

#include "fail.h"

int label_check(const char *label, struct fail *f)
{
	(void)label;
	return fail_hint(f, fail(f, 0, "labeling not supported on this system"),
			 "labels are not in this build, which is static");
}
