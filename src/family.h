/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket families by name. */
#pragma once

#include <stddef.h>

#define FAMILY_MAX 46 /* of Linux; families are numbers below it */

/* The number of the family called NAME, with or without AF_, in upper or lower case, or -1. */
int family_find(const char *name);

/* The name of family NUMBER, in lower case, or NULL. */
const char *family_name(unsigned number);
