// SPDX-License-Identifier: GPL-3.0-or-later
// Data files: every layout, and every kind of damage.
#include <lzma.h>

#include "data_files.h"

enum { RECORD = 3073, BATCH = 10000 };

static size_t read_back(const char *name, uint8_t *bytes, size_t room)
{
    FILE *f = fopen(in_root(name), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static size_t xz_bytes(const uint8_t *bytes, size_t n, uint8_t *out, size_t room)
{
    size_t used = 0;
    assert_int_equal(
        lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, bytes, n, out, &used, room),
        LZMA_OK);
    return used;
}

// Opening fails with exactly this status, and the sentence holds both texts.
static void fails(const char *name, enum og_split split, const char *file,
                  const char *said)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_set(&set, name, split, &err), OG_INPUT);
    assert_null(set);
    if (!strstr(err.text, file) || !strstr(err.text, said))
        fail_msg("'%s' and '%s' are not in: %s", file, said, err.text);
}

static void damaged_idx(void **state)
{
    (void)state;
    const char *file = "mnist/train-images-idx3-ubyte";
    const char *label_file = "mnist/train-labels-idx1-ubyte";
    write_mnist("mnist");
    size_t n = idx_images(images), m = idx_labels(labels);
    write_plain(file, images, n - 1);
    fails("mnist", OG_TRAIN, file, "truncated");
    write_plain(file, images, 3);
    fails("mnist", OG_TRAIN, file, "truncated");
    write_plain(file, images, n + 1);
    fails("mnist", OG_TRAIN, file, "after the last sample");
    images[3] = 1;
    write_plain(file, images, n);
    fails("mnist", OG_TRAIN, file, "magic");
    idx_images(images);
    images[11] = 27;
    write_plain(file, images, n);
    fails("mnist", OG_TRAIN, file, "27 x 28");
    idx_images(images);
    images[7] = 0;
    write_plain(file, images, 16);
    fails("mnist", OG_TRAIN, "mnist", "no samples");
    images[4] = 0x7f;  // more images than any memory holds
    write_plain(file, images, n);
    fails("mnist", OG_TRAIN, file, "truncated");
    idx_images(images);
    write_plain(file, images, n);
    labels[9] = 10;
    write_plain(label_file, labels, m);
    fails("mnist", OG_TRAIN, label_file, "label 1 is 10");
    idx_labels(labels);
    labels[7] = 4;
    write_plain(label_file, labels, m + 1);
    fails("mnist", OG_TRAIN, label_file, "4 labels for 3 images");
    idx_labels(labels);
    write_plain(label_file, labels, m - 1);
    fails("mnist", OG_TRAIN, label_file, "truncated");
    labels[m] = 0;
    write_plain(label_file, labels, m + 1);
    fails("mnist", OG_TRAIN, label_file, "after the last sample");
    unlink(in_root(label_file));
    fails("mnist", OG_TRAIN, "mnist", "not found");
}

static void damaged_gzip(void **state)
{
    (void)state;
    static uint8_t packed[1 << 14];
    const char *file = "mnist/t10k-images-idx3-ubyte.gz";
    write_mnist("mnist");
    size_t n = read_back(file, packed, sizeof packed);
    for (size_t cut = 1; cut < 12; cut += 5) {
        write_plain(file, packed, n - cut);
        fails("mnist", OG_TEST, file, "truncated");
    }
    packed[n - 6] ^= 0x40;  // the checksum
    write_plain(file, packed, n);
    fails("mnist", OG_TEST, file, "corrupt");
    packed[n - 6] ^= 0x40;
    memset(packed + n / 2, 0xff, 64);
    write_plain(file, packed, n);
    fails("mnist", OG_TEST, file, "corrupt");
    write_mnist("mnist");
}

static uint8_t cifar[(size_t)RECORD * (BATCH + 1)], packed_cifar[(size_t)RECORD * BATCH];

static void fill_cifar(void)
{
    for (size_t i = 0; i < BATCH; i++) {
        cifar[i * RECORD] = (uint8_t)(i % 10);
        for (size_t p = 1; p < RECORD; p++) cifar[i * RECORD + p] = (uint8_t)(i + p / 7);
    }
}

static void check_cifar(void)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_set(&set, "cifar10", OG_TEST, &err), OG_OK);
    assert_int_equal(set->n, BATCH);
    assert_int_equal(set->shape.dim[0], 3);
    assert_int_equal(set->shape.dim[1], 32);
    for (size_t i = 0; i < BATCH; i++) {
        assert_int_equal(set->label[i], i % 10);
        assert_memory_equal(set->pixel + i * 3072, cifar + i * RECORD + 1, 3072);
    }
    og_dataset_free(set);
}

static void plain_and_xz_cifar(void **state)
{
    (void)state;
    const char *file = "cifar10/test_batch.bin";
    const char *xz = "cifar10/test_batch.bin.xz";
    fill_cifar();
    mkdir(in_root("cifar10"), 0777);
    write_plain(file, cifar, (size_t)RECORD * BATCH);
    check_cifar();
    write_plain(file, cifar, (size_t)RECORD * BATCH + 1);
    fails("cifar10", OG_TEST, file, "after the last sample");
    write_plain(file, cifar, (size_t)RECORD * BATCH - 1);
    fails("cifar10", OG_TEST, file, "truncated");
    cifar[(size_t)RECORD * 1234] = 255;
    write_plain(file, cifar, (size_t)RECORD * BATCH);
    fails("cifar10", OG_TEST, file, "label 1234 is 255");
    fill_cifar();
    unlink(in_root(file));
    size_t n = xz_bytes(cifar, (size_t)RECORD * BATCH, packed_cifar, sizeof packed_cifar);
    write_plain(xz, packed_cifar, n);
    check_cifar();
    write_plain(xz, packed_cifar, n - 1);
    fails("cifar10", OG_TEST, xz, "truncated");
    write_plain(xz, packed_cifar, n / 2);
    fails("cifar10", OG_TEST, xz, "truncated");
    packed_cifar[n / 2] ^= 0x55;
    write_plain(xz, packed_cifar, n);
    fails("cifar10", OG_TEST, xz, "corrupt");
    fails("cifar10", OG_TRAIN, "cifar10", "not found");
}

// Five files, of which a limit reads only the first ones.
static void cifar_limit(void **state)
{
    (void)state;
    fill_cifar();
    mkdir(in_root("cifar10"), 0777);
    write_plain("cifar10/data_batch_1.bin", cifar, (size_t)RECORD * BATCH);
    write_plain("cifar10/data_batch_2.bin", cifar, (size_t)RECORD * 5);
    for (int k = 3; k <= 5; k++) {
        char name[PATH];
        snprintf(name, sizeof name, "cifar10/data_batch_%d.bin", k);
        write_plain(name, cifar, 0);
    }
    struct og_dataset *set;
    struct og_error err = {0};
    struct og_data_spec spec = {.name = "cifar10", .limit = BATCH + 5};
    struct og_data_search where = {root};
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_OK);
    assert_int_equal(set->n, BATCH + 5);
    assert_int_equal(set->label[BATCH + 4], 4);
    og_dataset_free(set);
    spec.limit = BATCH + 6;
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "data_batch_2.bin is truncated"));
    for (int k = 1; k <= 5; k++) {
        char name[PATH];
        snprintf(name, sizeof name, "cifar10/data_batch_%d.bin", k);
        unlink(in_root(name));
    }
}

static void memory_failures(void **state)
{
    (void)state;
    write_mnist("mnist");
    struct og_error err;
    struct og_dataset *set;
    int failures = 0;
    for (size_t n = 1;; n++) {
        og_alloc_fail_at(n);
        og_status status = open_set(&set, "mnist", OG_TRAIN, &err);
        og_alloc_fail_at(0);
        if (status == OG_OK) break;
        assert_int_equal(status, OG_NO_MEMORY);
        assert_null(set);
        failures++;
    }
    og_dataset_free(set);
    assert_int_equal(failures, 5);  // set, two readers, pixels, labels
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_idx),        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(plain_and_xz_cifar), cmocka_unit_test(cifar_limit),
        cmocka_unit_test(memory_failures),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
