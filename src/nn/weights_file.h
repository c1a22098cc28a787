// SPDX-License-Identifier: GPL-3.0-or-later
// Files of named tensors in several formats, opened by what they hold. Opening reads
// names and shapes alone; values are read for one tensor at a time, once its shape has
// been compared with the network's, so that no file can ask for more memory than the
// network has.
#ifndef OG_NN_WEIGHTS_FILE_H
#define OG_NN_WEIGHTS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ohmgrid/status.h"

enum { OG_WEIGHT_RANK = 8, OG_WEIGHT_NAME = 512, OG_WEIGHT_ENTRIES = 100000 };

enum og_weight_type {
    OG_WEIGHT_OTHER,  // whole numbers and the like: no weights
    OG_WEIGHT_F16,
    OG_WEIGHT_BF16,
    OG_WEIGHT_F32,
    OG_WEIGHT_F64,
    OG_WEIGHT_NATIVE,  // the format's library converts
};

struct og_weight_entry {
    char *name;  // as in the file
    enum og_weight_type type;
    int rank;
    size_t dim[OG_WEIGHT_RANK], count;
    bool big_endian, fortran;
    uint64_t at;  // the format's own: place of the values, or number of a member
    char *key;    // what the name is compared as (weights_names.c)
    bool used;
};

typedef struct og_weight_file og_weight_file;

struct og_weight_format {
    og_status (*open)(og_weight_file *file, struct og_error *err);
    og_status (*read)(og_weight_file *file, const struct og_weight_entry *entry,
                      float *to, struct og_error *err);
    void (*close)(og_weight_file *file);
};
extern const struct og_weight_format og_weight_hdf5, og_weight_safetensors, og_weight_npz,
    og_weight_npy;

struct og_weight_file {
    const char *path;
    const struct og_weight_format *format;
    size_t n, room;
    struct og_weight_entry *entry;
    bool ohmgrid;  // a result file
    void *own;     // the format's
};

// Thread-safety: one per thread. Borrows the path.
og_status og_weight_file_open(og_weight_file **file, const char *path,
                              struct og_error *err);
void og_weight_file_free(og_weight_file *file);
// All entry->count values in C order; they are finite.
og_status og_weight_file_read(og_weight_file *file, const struct og_weight_entry *entry,
                              float *to, struct og_error *err);

// For the formats: copies an entry (its name, too) whose rank and dim are set, and
// counts its values.
og_status og_weight_file_add(og_weight_file *file, const struct og_weight_entry *entry,
                             struct og_error *err);
// "%s is damaged: ..." with the path.
og_status og_weight_damaged(const og_weight_file *file, struct og_error *err,
                            const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t og_weight_type_bytes(enum og_weight_type type);
// n values of raw bytes as float.
void og_weight_convert(const struct og_weight_entry *entry, const uint8_t *from, size_t n,
                       float *to);
// "[3][4]"; "[]" for rank 0.
void og_weight_shape_text(int rank, const size_t *dim, char *text, size_t size);

#endif
