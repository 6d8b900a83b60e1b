/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* execvp(3) as glibc has it, whatever the C library. */
#pragma once

/* Executes FILE with ARGV and ENV, looking it up in the PATH of ENV unless it holds a slash; a file
 * that the kernel takes for no program is given to /bin/sh. Returns only on failure, -errno. */
int exec_search(const char *file, char **argv, char **env);
