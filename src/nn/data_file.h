// SPDX-License-Identifier: GPL-3.0-or-later
// Data files as streams of bytes, whether plain, gzip or xz; and what the readers of the
// two file layouts need from data.c.
#ifndef OG_NN_DATA_FILE_H
#define OG_NN_DATA_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/data.h"

enum { OG_DATA_PATH = 768 };

// Thread-safety: one per thread.
typedef struct og_data_file og_data_file;

// Opens folder/name, folder/name.gz or folder/name.xz, the first that exists.
og_status og_data_file_open(og_data_file **file, const char *folder, const char *name,
                            struct og_error *err);
void og_data_file_free(og_data_file *file);
const char *og_data_file_path(const og_data_file *file);
// Exactly n bytes, or an error that names the file and says what is wrong with it.
og_status og_data_file_take(og_data_file *file, void *to, size_t n, struct og_error *err);
// As many as there are, at most n: fewer only at the end.
og_status og_data_file_some(og_data_file *file, void *to, size_t n, size_t *got,
                            struct og_error *err);
// Fails if anything follows.
og_status og_data_file_end(og_data_file *file, struct og_error *err);
bool og_data_file_exists(const char *folder, const char *name);

// Both fill n, pixel and label of a set whose spec, path, classes and image size are set.
og_status og_data_idx_load(struct og_dataset *set, struct og_error *err);
og_status og_data_cifar_load(struct og_dataset *set, struct og_error *err);
// og_dataset_fetch() of images.
void og_images_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                     const struct og_augment *augment, float *x);
// Number of samples to keep of `available`, by spec.limit.
og_status og_data_limit(const struct og_dataset *set, size_t available, size_t *n,
                        struct og_error *err);
// Labels of samples [first, first + n) are below set->classes.
og_status og_data_check_labels(const struct og_dataset *set, size_t first, size_t n,
                               const char *path, struct og_error *err);

// The files of a split, ending with NULL.
extern const char *const og_data_idx_files[2][3];
extern const char *const og_data_cifar_files[2][6];

#endif
