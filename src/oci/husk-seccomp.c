/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* husk-seccomp: compiles the seccomp profile of a container engine to a filter for husk --seccomp.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../caps.h"
#include "profile.h"

#define X32_BIT 0x40000000u
#define NO_CALL (SECCOMP_RET_ERRNO | ENOSYS)

struct code {
	struct sock_filter to[BPF_MAXINSNS];
	size_t n;
};

void profile_die(const char *format, ...)
{
	va_list ap;

	fputs("husk-seccomp: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void emit(struct code *c, unsigned code, uint32_t k, unsigned jt, unsigned jf)
{
	if (c->n == BPF_MAXINSNS)
		profile_die("the filter has more than %d instructions", BPF_MAXINSNS);
	c->to[c->n++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
}

/* The greatest number that the profile names for an architecture; -1 where it has not got it. */
static int last_of(const struct profile *p, uint32_t token)
{
	size_t i;

	for (i = 0; i < p->n_arches; i++)
		if (p->arches[i].token == token)
			return p->arches[i].last;
	return -1;
}

/* As runc: a call with a number beyond those that a refusing profile names is one that its author
 * could not know; it gets ENOSYS, so that programs fall back. */
static void emit_newer(struct code *c, const struct profile *p)
{
	size_t i;

	if (p->allows || p->default_action == SCMP_ACT_ERRNO(ENOSYS))
		return;
	emit(c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (i = 0; i < p->n_arches; i++) {
		bool x32 = p->arches[i].token == SCMP_ARCH_X86_64;
		int last = p->arches[i].last, last_x32 = last_of(p, SCMP_ARCH_X32);

		if (p->arches[i].token == SCMP_ARCH_X32 || last < 0)
			continue;
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, p->arches[i].token, 0, x32 ? 7 : 4);
		emit(c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
		/* x32 has numbers of its own; where the profile has no x32, its filter answers */
		if (x32) {
			emit(c, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 2);
			emit(c, BPF_JMP | BPF_JGT | BPF_K,
			     last_x32 >= 0 ? (uint32_t)last_x32 : UINT32_MAX, 2, 0);
			emit(c, BPF_JMP | BPF_JA, 2, 0, 0);
		}
		emit(c, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, 0, 1);
		emit(c, BPF_RET | BPF_K, NO_CALL, 0, 0);
		emit(c, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	}
}

/* Appends what libseccomp makes of the rules. */
static void emit_rules(struct code *c, const struct profile *p)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), r;
	struct sock_filter one;
	ssize_t n;

	if (fd < 0)
		profile_die("memfd_create: %s", strerror(errno));
	r = seccomp_export_bpf(p->filter, fd);
	if (r < 0)
		profile_die("libseccomp cannot make the filter: %s", strerror(-r));
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, &one, sizeof one)) == sizeof one)
		emit(c, one.code, one.k, one.jt, one.jf);
	if (n != 0)
		profile_die("the filter that libseccomp made cannot be read");
	close(fd);
}

static json_object *read_json(const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	struct json_tokener *tokener = json_tokener_new();
	json_object *root = NULL;
	char buf[65536];
	size_t n;

	if (!in || !tokener)
		profile_die("%s: %s", path, strerror(errno));
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	while (!root && (n = fread(buf, 1, sizeof buf, in)) > 0) {
		root = json_tokener_parse_ex(tokener, buf, (int)n);
		if (!root && json_tokener_get_error(tokener) != json_tokener_continue)
			break;
	}
	if (ferror(in))
		profile_die("%s: %s", path, strerror(errno));
	if (!root)
		profile_die("%s: is not JSON: %s", path,
			    json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	if (in != stdin)
		fclose(in);
	return root;
}

static void write_code(const struct code *c, const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : STDOUT_FILENO;
	const char *from = (const char *)c->to;
	size_t left = c->n * sizeof c->to[0];
	ssize_t n = 0;

	if (fd < 0)
		profile_die("%s: %s", path, strerror(errno));
	if (isatty(fd))
		profile_die("a filter is no text for a terminal: redirect it, or name a file by "
			    "--output");
	while (left > 0 && (n = write(fd, from, left)) >= 0) {
		from += n;
		left -= (size_t)n;
	}
	if (n < 0 || (path && close(fd) < 0))
		profile_die("%s: %s", path ? path : "standard output", strerror(errno));
}

static const char usage[] =
	"usage: husk-seccomp [--cap CAP]... [--kernel VERSION] [--quiet] [--output FILE] "
	"[PROFILE]\n"
	"\n"
	"Compiles the seccomp profile of a container engine, JSON from the file PROFILE or "
	"standard\n"
	"input, to a filter for husk --seccomp.\n"
	"\n"
	"    --cap CAP         compile for a container that has capability CAP, or ALL; "
	"repeatable\n"
	"    --kernel VERSION  compile for this kernel, as 5.14; else for the one that runs\n"
	"    --output FILE     write the filter to FILE, not to standard output\n"
	"    --quiet           do not note what is left out\n"
	"    --help            print this\n"
	"    --version         print the version\n";

/* The operand of the option at WORDS[0]. */
static const char *operand(char **words)
{
	if (!words[1])
		profile_die("%s takes an argument; see --help", words[0]);
	return words[1];
}

static void read_kernel(struct profile_target *target, const char *version)
{
	if (sscanf(version, "%u.%u", &target->kernel[0], &target->kernel[1]) != 2)
		profile_die("“%s” is no version of a kernel, as 5.14", version);
}

/* Reads the words of the command line. Returns the path of the profile. */
static const char *read_words(char **words, struct profile_target *target, const char **ret_output)
{
	const char *path = NULL;
	uint64_t cap;

	for (; *words; words++) {
		if (strcmp(*words, "--help") == 0 || strcmp(*words, "--version") == 0) {
			fputs((*words)[2] == 'h' ? usage : "husk-seccomp " HUSK_VERSION "\n",
			      stdout);
			exit(0);
		} else if (strcmp(*words, "--quiet") == 0) {
			target->quiet = true;
		} else if (strcmp(*words, "--cap") == 0) {
			if (caps_parse(operand(words), &cap) < 0)
				profile_die("no capability is called “%s”", words[1]);
			target->caps |= cap;
			words++;
		} else if (strcmp(*words, "--kernel") == 0) {
			read_kernel(target, operand(words++));
		} else if (strcmp(*words, "--output") == 0) {
			*ret_output = operand(words++);
		} else if ((*words)[0] == '-' && (*words)[1]) {
			profile_die("unknown option %s; see --help", *words);
		} else if (path) {
			profile_die("one profile is enough; see --help");
		} else {
			path = *words;
		}
	}
	return path ? path : "-";
}

int main(int argc, char **argv)
{
	struct profile_target target = { .caps = 0 };
	struct profile profile = { .filter = NULL };
	struct code *code = calloc(1, sizeof *code);
	const char *output = NULL, *path;
	struct utsname system;
	json_object *root;

	if (!code)
		profile_die("out of memory");
	if (uname(&system) == 0)
		read_kernel(&target, system.release);
	path = argc > 0 ? read_words(argv + 1, &target, &output) : "-";
	root = read_json(path);
	profile_read(&profile, root, &target);
	emit_newer(code, &profile);
	emit_rules(code, &profile);
	write_code(code, output);
	seccomp_release(profile.filter);
	json_object_put(root);
	free(code);
	return 0;
}
