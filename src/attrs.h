/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of a mount, by name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The MOUNT_ATTR_* bit that the LENGTH bytes of NAME stand for, as mountinfo and mount(8) call it;
 * 0 when there is none that takes something away. */
uint64_t attr_find(const char *name, size_t length);

/* The name of the I-th attribute and in *RET_BIT its bit, or NULL after the last. */
const char *attr_at(size_t i, uint64_t *ret_bit);

/* MOUNT_ATTR_* as flags of mount(2). */
unsigned long attrs_ms(uint64_t attrs);
