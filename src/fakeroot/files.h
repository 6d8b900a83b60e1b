/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that change what files are: owners, modes, types, names. */
#pragma once

#include "call.h"

extern const struct call_row files_rows[];
extern const size_t files_rows_n;
