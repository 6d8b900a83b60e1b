/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel settings: their names, and the namespaces they belong to. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setting.h"
#include "sys.h"

#include "tap.h"

static void is(const char *word, const char *path, const char *value)
{
	const char *got_value;
	char *got;
	int r = setting_parse(word, &got, &got_value);

	ok(r == 0 && strcmp(got, path) == 0 && strcmp(got_value, value) == 0, "%s", word);
	if (r == 0)
		free(got);
}

static void refused(const char *word)
{
	const char *value;
	char *path;

	ok(setting_parse(word, &path, &value) == -EINVAL, "refused: %s", word);
}

int main(void)
{
	is("net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1");
	is("net/ipv4/ip_forward=1", "net/ipv4/ip_forward", "1");
	is("net.ipv4.conf.eth0/1.forwarding=1", "net/ipv4/conf/eth0.1/forwarding", "1");
	is("net/ipv4/conf/eth0.1/forwarding=1", "net/ipv4/conf/eth0.1/forwarding", "1");
	is("kernel.sem=250 32000", "kernel/sem", "250 32000");
	is("kernel.hostname=a=b", "kernel/hostname", "a=b");
	is("kernel.hostname=", "kernel/hostname", "");
	refused("");
	refused("=");
	refused("kernel");
	refused("kernel=1");
	refused("a.b");
	refused("a..b=1");
	refused(".a=1");
	refused("a.=1");
	refused("net/../kernel/core_pattern=1");
	refused("net///x=1");
	refused("x=net.ipv4=1");
	ok(setting_namespace("net/ipv4/ip_forward") == CLONE_NEWNET, "net");
	ok(setting_namespace("kernel/sem") == CLONE_NEWIPC, "sem");
	ok(setting_namespace("user/max_net_namespaces") == CLONE_NEWUSER, "user");
	ok(setting_namespace("kernel/pid_max") == CLONE_NEWPID, "pid_max");
	ok(setting_namespace("kernel/semaphore") == 0, "a longer name is another");
	ok(setting_namespace("kernel/se") == 0, "a shorter one too");
	ok(setting_namespace("network/x") == 0, "a longer directory too");
	ok(setting_namespace("kernel/core_pattern") == 0, "of the whole machine");
	return done();
}
