/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that are about the ids of a process: setuid(2), getgroups(2) and their kin. */
#pragma once

#include "call.h"

extern const struct call_row ids_rows[];
extern const size_t ids_rows_n;
