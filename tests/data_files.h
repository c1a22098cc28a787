// SPDX-License-Identifier: GPL-3.0-or-later
// For the tests of data sets: tiny files in a folder of their own.
#ifndef OG_TESTS_DATA_FILES_H
#define OG_TESTS_DATA_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "ohmgrid/data.h"
#include "temp_folder.h"

enum { PATH = 400, SIDE = 28, IMAGES = 3, PIXELS = SIDE * SIDE };

static char root[PATH];  // a fresh folder for this program
static char *real_sets;  // $OHMGRID_DATA, hidden from all tests but those of real sets

static inline const char *in_root(const char *name)
{
    static char path[4][2 * PATH];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static inline void write_plain(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(in_root(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void write_gz(const char *name, const uint8_t *bytes, size_t n)
{
    gzFile f = gzopen(in_root(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static inline uint8_t pixel_of(int image, int at)
{
    return (uint8_t)(image * 37 + at * 11);
}

static inline size_t idx_images(uint8_t *out)
{
    const uint8_t header[16] = {0, 0, 8, 3,    0, 0, 0, IMAGES,
                                0, 0, 0, SIDE, 0, 0, 0, SIDE};
    memcpy(out, header, 16);
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < PIXELS; p++) out[16 + i * PIXELS + p] = pixel_of(i, p);
    return 16 + IMAGES * PIXELS;
}

static inline size_t idx_labels(uint8_t *out)
{
    const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 7, 0, 9};
    memcpy(out, labels, sizeof labels);
    return sizeof labels;
}

static uint8_t images[16 + IMAGES * PIXELS + 8], labels[16];

// The four files of a tiny MNIST: training plain, test gzipped.
static inline void write_mnist(const char *folder)
{
    char name[PATH];
    size_t n = idx_images(images), m = idx_labels(labels);
    mkdir(in_root(folder), 0777);
    snprintf(name, sizeof name, "%s/train-images-idx3-ubyte", folder);
    write_plain(name, images, n);
    snprintf(name, sizeof name, "%s/train-labels-idx1-ubyte", folder);
    write_plain(name, labels, m);
    snprintf(name, sizeof name, "%s/t10k-images-idx3-ubyte.gz", folder);
    write_gz(name, images, n);
    snprintf(name, sizeof name, "%s/t10k-labels-idx1-ubyte.gz", folder);
    write_gz(name, labels, m);
}

static inline og_status open_set(struct og_dataset **set, const char *name,
                                 enum og_split split, struct og_error *err)
{
    struct og_data_spec spec = {.split = split};
    snprintf(spec.name, sizeof spec.name, "%s", name);
    struct og_data_search where = {root};
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, &spec, &where, err);
}

static inline int make_root(void **state)
{
    (void)state;
    const char *real = getenv("OHMGRID_DATA");
    if (real && *real && !(real_sets = og_copy_text(real))) return -1;
    unsetenv("OHMGRID_DATA");
    return temp_make(root) ? 0 : -1;
}

static inline int remove_root(void **state)
{
    (void)state;
    og_free(real_sets);
    return temp_remove(root);
}

#endif
