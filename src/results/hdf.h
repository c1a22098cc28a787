// SPDX-License-Identifier: GPL-3.0-or-later
// HDF5 with every status looked at once: a writer whose first failure sticks, and the few
// reads that show, plot and diff need.
#ifndef OG_RESULTS_HDF_H
#define OG_RESULTS_HDF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <hdf5.h>

#include "ohmgrid/status.h"

// Silences HDF5's printing in this thread; each public entry restores what was set
// before.
struct og_hdf_guard {
    H5E_auto2_t function;
    void *data;
};
struct og_hdf_guard og_hdf_silence(void);
void og_hdf_restore(struct og_hdf_guard guard);

// After a failure all calls return at once.
struct og_hdf {
    const char *path;  // what errors call the file
    struct og_error *err;
    og_status status;
    hid_t file;  // by og_hdf_open, for what reads from it
    // Of a file in the making: its datasets, and the sum of their checksums.
    uint64_t datasets, sum;
};
// CRC-32 of n elements as they lie in memory; of texts, of their characters with the
// final 0.
uint32_t og_hdf_crc(const void *data, size_t n, size_t size, bool text);
// False (and a failure kept) when an HDF5 result is negative.
bool og_hdf_ok(struct og_hdf *h, long long result, const char *what);
// Closes an object of any kind; H5I_INVALID_HID is accepted.
void og_hdf_close(struct og_hdf *h, hid_t object);

// The sum of checksums of all names, shapes and attributes (outline.c); 0 on failure.
uint64_t og_hdf_outline(struct og_hdf *h, hid_t file);

// --- writing -------------------------------------------------------------------------
// A file in memory. HDF5 cannot recover from a full disk (its close fails and its exit
// handlers crash), so it never sees one: og_hdf_image gives the bytes (og_free), which
// are written by og_file_replace.
hid_t og_hdf_create(struct og_hdf *h);
void *og_hdf_image(struct og_hdf *h, hid_t file, size_t *size);

// A group that remembers the order in which its members were made.
hid_t og_hdf_group(struct og_hdf *h, hid_t parent, const char *path);
void og_hdf_attr_text(struct og_hdf *h, hid_t object, const char *name, const char *text);
// A text that is printed: opens memory to print to (NULL: h->status says so), then makes
// it an attribute and frees it.
struct og_hdf_print {
    FILE *out;
    char *text;
    size_t size;
};
FILE *og_hdf_print(struct og_hdf *h, struct og_hdf_print *p);
void og_hdf_attr_printed(struct og_hdf *h, hid_t object, const char *name,
                         struct og_hdf_print *p);
void og_hdf_attr_u64(struct og_hdf *h, hid_t object, const char *name, uint64_t value);
void og_hdf_attr_real(struct og_hdf *h, hid_t object, const char *name, double value);

struct og_hdf_array {
    const char *name;  // may hold '/': groups are made
    int rank;
    const hsize_t *dim;
    hid_t type;  // native type; in the file as well
    const void *data;
    const char *units, *long_name;  // NULL or "": no attribute
};
hid_t og_hdf_array(struct og_hdf *h, hid_t group, const struct og_hdf_array *a);
// A variable-length UTF-8 string type; the caller closes it.
hid_t og_hdf_text_type(struct og_hdf *h);

// --- reading -------------------------------------------------------------------------
// OG_USAGE when the file is missing, OG_INPUT when it is no HDF5 file.
hid_t og_hdf_open(struct og_hdf *h);
// og_free; NULL (without a failure) when there is no such attribute.
char *og_hdf_read_text(struct og_hdf *h, hid_t object, const char *name);
// An attribute that is one whole number; 0: there is none.
uint64_t og_hdf_read_u64(struct og_hdf *h, hid_t object, const char *name);
// All values as doubles, count of them; og_free. NULL on failure.
double *og_hdf_read_reals(struct og_hdf *h, hid_t dataset, size_t *count);
// Its number of values; OG_INPUT where they are not in the file (og_hdf5_is_whole).
size_t og_hdf_count(struct og_hdf *h, hid_t dataset);
// Whether the list of its dimensions' scales is one entry for each dimension; the library
// writes beyond its memory where a damaged file has more.
bool og_hdf_scales_sound(hid_t dataset);
bool og_hdf_is_dataset(hid_t group, const char *name);

#endif
