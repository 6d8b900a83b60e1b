/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe of --self-test. */
#pragma once

/* Tries from inside what the words, three a check, promise; prints TAP 14 to standard output. WORDS
 * are those after the program's name. Returns the exit status: 0 when all of it holds, else 1. */
int probe_main(char **words);
