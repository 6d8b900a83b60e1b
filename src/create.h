/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that create files: directories, links, files with data. */
#pragma once

struct op;
struct sandbox;

/* Each carries out one operation and returns 0, or -errno with the failure recorded. */
int create_dir(struct sandbox *sb, const struct op *op);
int create_file(struct sandbox *sb, const struct op *op);
int create_symlink(struct sandbox *sb, const struct op *op);
int create_chmod(struct sandbox *sb, const struct op *op);

/* The source half of --bind-data: a file with the data of OP's descriptor on a hidden tmpfs, as a
 * detached mount. Returns 0, or -errno with the failure recorded. */
int create_data_source(struct sandbox *sb, const struct op *op);
