/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loopback interface of a new network namespace. */
#pragma once

/* Brings lo up; the kernel gives it 127.0.0.1 and ::1. Returns 0 or -errno. netdevice(7). */
int net_loopback_up(void);
