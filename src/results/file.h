// SPDX-License-Identifier: GPL-3.0-or-later
// Small helpers around POSIX files: whole writes, durable renames.
#ifndef OG_RESULTS_FILE_H
#define OG_RESULTS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

// path + ending, or NULL when out of memory; og_free.
char *og_path_with(const char *path, const char *ending);
// All n bytes at `offset`; false with errno set.
bool og_write_at(int fd, const void *data, size_t n, uint64_t offset);
// All n bytes; false with errno set (0: the file ends before).
bool og_read_at(int fd, void *data, size_t n, uint64_t offset);
// fsync of the folder that holds `path`, so that a rename or removal in it lasts.
bool og_sync_folder(const char *path);
// A wrong path is the user's fault, a full disk is not.
og_status og_fail_errno(struct og_error *err, const char *path, const char *what);
og_status og_fail_memory(struct og_error *err);
// Replaces `path` by these bytes: temporary file beside it, fsync, rename, fsync of
// folder.
og_status og_file_replace(const char *path, const void *data, size_t n,
                          struct og_error *err);

#endif
