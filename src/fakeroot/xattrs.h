/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that are about extended attributes: setxattr(2), getxattr(2) and their kin. */
#pragma once

#include "call.h"

extern const struct call_row xattrs_rows[];
extern const size_t xattrs_rows_n;
