/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capability names, capget(2) and capset(2): libcap would cost 0.07 ms at every start. */
#include "caps.h"

#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "sys.h"
#include "util.h"

static const char *const names[] = {
	"cap_chown",
	"cap_dac_override",
	"cap_dac_read_search",
	"cap_fowner",
	"cap_fsetid",
	"cap_kill",
	"cap_setgid",
	"cap_setuid",
	"cap_setpcap",
	"cap_linux_immutable",
	"cap_net_bind_service",
	"cap_net_broadcast",
	"cap_net_admin",
	"cap_net_raw",
	"cap_ipc_lock",
	"cap_ipc_owner",
	"cap_sys_module",
	"cap_sys_rawio",
	"cap_sys_chroot",
	"cap_sys_ptrace",
	"cap_sys_pacct",
	"cap_sys_admin",
	"cap_sys_boot",
	"cap_sys_nice",
	"cap_sys_resource",
	"cap_sys_time",
	"cap_sys_tty_config",
	"cap_mknod",
	"cap_lease",
	"cap_audit_write",
	"cap_audit_control",
	"cap_setfcap",
	"cap_mac_override",
	"cap_mac_admin",
	"cap_syslog",
	"cap_wake_alarm",
	"cap_block_suspend",
	"cap_audit_read",
	"cap_perfmon",
	"cap_bpf",
	"cap_checkpoint_restore",
};

int caps_parse(const char *name, uint64_t *ret)
{
	size_t i;

	if (strcasecmp(name, "all") == 0) {
		*ret = CAPS_ALL;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0 ||
		    strcasecmp(name, names[i] + strlen("cap_")) == 0) {
			*ret = CAP_BIT(i);
			return 0;
		}
	return -EINVAL;
}

const char *caps_name(unsigned cap)
{
	return cap < ARRAY_SIZE(names) ? names[cap] : NULL;
}

int caps_effective(uint64_t *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return neg_errno();
	*ret = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

int caps_held(uint64_t *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	unsigned i;

	if (syscall(SYS_capget, &header, data) < 0)
		return neg_errno();
	for (*ret = 0, i = 0; i < 2; i++)
		*ret |= (uint64_t)(data[i].effective | data[i].permitted | data[i].inheritable)
			<< (32 * i);
	return 0;
}

int caps_limit_bounding(uint64_t set)
{
	unsigned cap;

	for (cap = 0; cap < 64; cap++) {
		if (set & CAP_BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* the end of the kernel's list */
			return neg_errno();
		}
	}
	return 0;
}

uint64_t caps_bounding(uint64_t set)
{
	uint64_t found = 0;
	unsigned cap;

	for (cap = 0; cap < 64; cap++)
		if ((set & CAP_BIT(cap)) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			found |= CAP_BIT(cap);
	return found;
}

static int raise_ambient(uint64_t set)
{
	unsigned cap;

	for (cap = 0; cap < 64; cap++)
		if ((set & CAP_BIT(cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return neg_errno();
		}
	return 0;
}

int caps_limit(uint64_t set, bool ambient)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2], want[2];
	unsigned i;

	memset(now, 0, sizeof now);
	if (set != 0 && syscall(SYS_capget, &header, now) < 0)
		return neg_errno();
	for (i = 0; i < 2; i++) {
		want[i].permitted = now[i].permitted & (uint32_t)(set >> (32 * i));
		want[i].effective = want[i].permitted;
		want[i].inheritable = ambient ? want[i].permitted : 0;
	}
	if (syscall(SYS_capset, &header, want) < 0)
		return neg_errno();
	if (!ambient)
		return 0;
	return raise_ambient((uint64_t)want[1].permitted << 32 | want[0].permitted);
}

int caps_set_effective(uint64_t set)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	unsigned i;

	if (syscall(SYS_capget, &header, data) < 0)
		return neg_errno();
	for (i = 0; i < 2; i++)
		data[i].effective = data[i].permitted & (uint32_t)(set >> (32 * i));
	return syscall(SYS_capset, &header, data) < 0 ? neg_errno() : 0;
}
