/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stat family: what is pretended of a file is shown. */
#pragma once

#include "call.h"

extern const struct call_row stat_rows[];
extern const size_t stat_rows_n;
