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
int create_bind_data(struct sandbox *sb, const struct op *op);

/* Makes a file with the data of OP's descriptor on a hidden tmpfs. Returns a detached mount of it,
 * or -errno with the failure recorded. */
int create_data_file(struct sandbox *sb, const struct op *op);

/* Unmounts the hidden tmpfs that data files were made on; what is bound of it stays. Returns 0 or
 * -errno. */
int create_drop_scratch(struct sandbox *sb);
