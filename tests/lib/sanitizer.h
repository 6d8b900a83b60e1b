/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of the sanitizers, compiled in, for programs whose environment tests replace.
 *
 * The Makefile includes it in front of every file of the sanitized build. A launch ends by execve
 * and _exit without freeing anything, so nobody looks for leaks; and the leak checker could not
 * run in a process whose /proc is gone or which is traced. Signals and limits are husk's: tests
 * send every signal at every moment, and the handlers of the sanitizers, which allocate and lock,
 * may then spin for ever in a process that was about to do the same.
 */
#ifndef TESTS_LIB_SANITIZER_H
#define TESTS_LIB_SANITIZER_H

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

__attribute__((weak, used, no_sanitize("address", "undefined")))
const char *__asan_default_options(void)
{
	return "detect_leaks=0:disable_coredump=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
	       "handle_sigill=0:handle_abort=0";
}

__attribute__((weak, used, no_sanitize("address", "undefined")))
const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:print_stacktrace=1";
}

#endif
