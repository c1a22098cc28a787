// SPDX-License-Identifier: GPL-3.0-or-later
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
#include <lzma.h>
#include <zlib.h>

#include "base/mem.h"
#include "ohmgrid/data.h"

enum { PATH = 400, SIDE = 28, IMAGES = 3, PIXELS = SIDE * SIDE };
enum { RECORD = 3073, BATCH = 10000 };

static char root[PATH];  // a fresh folder for this program
static char *real_sets;  // $OHMGRID_DATA, hidden from all tests but those of real sets

static const char *in_root(const char *name)
{
    static char path[4][2 * PATH];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static void write_plain(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(in_root(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static size_t read_back(const char *name, uint8_t *bytes, size_t room)
{
    FILE *f = fopen(in_root(name), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static void write_gz(const char *name, const uint8_t *bytes, size_t n)
{
    gzFile f = gzopen(in_root(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static size_t xz_bytes(const uint8_t *bytes, size_t n, uint8_t *out, size_t room)
{
    size_t used = 0;
    assert_int_equal(
        lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, bytes, n, out, &used, room),
        LZMA_OK);
    return used;
}

static uint8_t pixel_of(int image, int at) { return (uint8_t)(image * 37 + at * 11); }

static size_t idx_images(uint8_t *out)
{
    const uint8_t header[16] = {0, 0, 8, 3,    0, 0, 0, IMAGES,
                                0, 0, 0, SIDE, 0, 0, 0, SIDE};
    memcpy(out, header, 16);
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < PIXELS; p++) out[16 + i * PIXELS + p] = pixel_of(i, p);
    return 16 + IMAGES * PIXELS;
}

static size_t idx_labels(uint8_t *out)
{
    const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 7, 0, 9};
    memcpy(out, labels, sizeof labels);
    return sizeof labels;
}

static uint8_t images[16 + IMAGES * PIXELS + 8], labels[16];

// The four files of a tiny MNIST: training plain, test gzipped.
static void write_mnist(const char *folder)
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

static og_status open_set(struct og_dataset **set, const char *name, enum og_split split,
                          struct og_error *err)
{
    struct og_data_spec spec = {.split = split};
    snprintf(spec.name, sizeof spec.name, "%s", name);
    struct og_data_search where = {root};
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, &spec, &where, err);
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

static void plain_and_gzip_idx(void **state)
{
    (void)state;
    write_mnist("mnist");
    for (int split = 0; split < 2; split++) {
        struct og_dataset *set;
        struct og_error err;
        assert_int_equal(open_set(&set, "mnist", (enum og_split)split, &err), OG_OK);
        assert_int_equal(set->n, IMAGES);
        assert_int_equal(set->classes, 10);
        assert_int_equal(set->shape.rank, 3);
        assert_int_equal(set->shape.dim[0], 1);
        assert_int_equal(set->shape.dim[2], SIDE);
        assert_string_equal(set->path, in_root("mnist"));
        const uint8_t expected[IMAGES] = {7, 0, 9};
        assert_memory_equal(set->label, expected, IMAGES);
        for (int i = 0; i < IMAGES * PIXELS; i++)
            assert_int_equal(set->pixel[i], pixel_of(i / PIXELS, i % PIXELS));
        og_dataset_free(set);
    }
    char path[PATH];
    struct og_data_search where = {root};
    assert_true(og_data_found("mnist", &where, path, sizeof path));
    assert_string_equal(path, in_root("mnist"));
    assert_false(og_data_found("nothing", &where, path, sizeof path));
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

static void bad_spec(void **state)
{
    (void)state;
    write_mnist("mnist");
    struct og_dataset *set;
    struct og_data_search where = {root};
    struct og_error err = {0};
    struct og_data_spec spec = {.name = "mnist", .limit = 4};
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "limit of 4"));
    spec = (struct og_data_spec){.name = "mnist", .crop = 28};
    err = (struct og_error){0};
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "crop is 28"));
    spec = (struct og_data_spec){.name = "mnist", .std = {-1}};
    err = (struct og_error){0};
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "std of channel 0"));
    spec = (struct og_data_spec){.name = "imagenet"};
    err = (struct og_error){0};
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "'imagenet' is unknown"));
}

// MNIST's files never pass for Fashion-MNIST's, and every place is named.
static void folders(void **state)
{
    (void)state;
    write_mnist("mnist");
    write_mnist("other");
    char path[PATH];
    char mnist_path[2 * PATH], slash_path[2 * PATH];
    snprintf(mnist_path, sizeof mnist_path, "%s/mnist", root);
    snprintf(slash_path, sizeof slash_path, "%s/mnist//", root);
    struct og_data_search mnist = {mnist_path}, other = {in_root("other")};
    assert_true(og_data_found("mnist", &mnist, path, sizeof path));
    assert_string_equal(path, in_root("mnist"));
    assert_true(og_data_found("fashion_mnist", &other, path, sizeof path));
    assert_string_equal(path, in_root("other"));
    struct og_data_search slash = {slash_path};
    if (og_data_found("fashion_mnist", &slash, path, sizeof path))
        assert_null(strstr(path, root));
    setenv("OHMGRID_DATA", root, 1);
    struct og_dataset *set;
    struct og_error err = {0};
    struct og_data_spec spec = {.name = "mnist"};
    assert_int_equal(og_dataset_open(&set, &spec, NULL, &err), OG_OK);
    og_dataset_free(set);
    spec = (struct og_data_spec){.name = "cifar10"};
    assert_int_equal(og_dataset_open(&set, &spec, &mnist, &err), OG_INPUT);
    assert_non_null(strstr(err.text, in_root("cifar10")));
    assert_non_null(strstr(err.text, "mnist/cifar-10-batches-bin"));
    assert_non_null(strstr(err.text, "data/cifar10"));
    assert_non_null(strstr(err.text, "/usr/share/datasets/cifar10"));
    unsetenv("OHMGRID_DATA");
}

static void fetched_pixels(void **state)
{
    (void)state;
    write_mnist("mnist");
    struct og_data_search where = {root};
    struct og_error err = {0};
    struct og_data_spec spec = {.name = "mnist", .rows = true};
    struct og_dataset *set;
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_OK);
    assert_int_equal(set->shape.rank, 2);
    assert_int_equal(set->shape.dim[0], SIDE);
    assert_int_equal(set->shape.dim[1], SIDE);
    static float x[2 * PIXELS];
    const uint32_t index[] = {2, 0};
    og_dataset_fetch(set, index, 2, NULL, x);
    for (int p = 0; p < PIXELS; p++) {
        assert_true(x[p] == (float)pixel_of(2, p) / 255.0f);
        assert_true(x[PIXELS + p] == (float)pixel_of(0, p) / 255.0f);
    }
    set->spec.mean[0] = 0.25f;
    set->spec.std[0] = 0.5f;
    og_dataset_fetch(set, index, 1, NULL, x);
    assert_true(x[5] == ((float)pixel_of(2, 5) / 255.0f - 0.25f) / 0.5f);
    og_dataset_free(set);
}

// Colour images as rows: row h holds the three channels' row h.
static void fetched_colour_rows(void **state)
{
    (void)state;
    uint8_t pixel[3 * 4 * 4];
    for (int i = 0; i < 48; i++) pixel[i] = (uint8_t)i;
    struct og_dataset set = {
        .n = 1, .classes = 10, .pixel = pixel, .channels = 3, .height = 4, .width = 4};
    for (int c = 0; c < 3; c++) {
        set.spec.mean[c] = 0.1f * (float)c;
        set.spec.std[c] = 1.0f;
    }
    set.spec.rows = true;
    float x[48];
    const uint32_t index = 0;
    og_dataset_fetch(&set, &index, 1, NULL, x);
    for (int h = 0; h < 4; h++)
        for (int c = 0; c < 3; c++)
            for (int w = 0; w < 4; w++)
                assert_true(x[(h * 3 + c) * 4 + w] ==
                            (float)(c * 16 + h * 4 + w) / 255.0f - 0.1f * (float)c);
}

// Which shift and mirror turned the numbered pixels into x: -1 if none did.
static int which_shift(const uint8_t *pixel, int side, int crop, const float *x)
{
    for (int dy = -crop; dy <= crop; dy++)
        for (int dx = -crop; dx <= crop; dx++)
            for (int m = 0; m < 2; m++) {
                bool same = true;
                for (int h = 0; h < side; h++)
                    for (int w = 0; w < side; w++) {
                        int a = h + dy, b = w + dx;
                        bool in = a >= 0 && a < side && b >= 0 && b < side;
                        int raw = in ? pixel[a * side + (m ? side - 1 - b : b)] : 0;
                        same = same &&
                               x[h * side + w] == ((float)raw / 255.0f - 0.5f) / 2.0f;
                    }
                if (same) return ((dy + crop) * (2 * crop + 1) + dx + crop) * 2 + m;
            }
    return -1;
}

static void augmentation(void **state)
{
    (void)state;
    enum { SMALL = 5, N = 4000, WAYS = 18 };
    uint8_t *pixel = og_alloc(N, SMALL * SMALL);
    for (int i = 0; i < N * SMALL * SMALL; i++) pixel[i] = (uint8_t)(1 + i % 25);
    struct og_dataset set = {.n = N,
                             .classes = 10,
                             .pixel = pixel,
                             .channels = 1,
                             .height = SMALL,
                             .width = SMALL};
    set.spec.crop = 1;
    set.spec.flip = true;
    set.spec.mean[0] = 0.5f;
    set.spec.std[0] = 2.0f;
    uint32_t *index = og_alloc(N, sizeof *index);
    for (uint32_t i = 0; i < N; i++) index[i] = i;
    float *x = og_alloc(N, SMALL * SMALL * sizeof *x), y[SMALL * SMALL];
    struct og_augment augment = {11, 3};
    og_dataset_fetch(&set, index, N, &augment, x);
    int count[WAYS] = {0}, differ = 0;
    for (int i = 0; i < N; i++) {
        int way = which_shift(pixel, SMALL, 1, x + i * 25);
        assert_in_range(way, 0, WAYS - 1);
        count[way]++;
        // By sample, not by place in the batch; anew in each epoch.
        og_dataset_fetch(&set, index + i, 1, &augment, y);
        assert_memory_equal(y, x + i * 25, sizeof y);
        og_dataset_fetch(&set, index + i, 1, &(struct og_augment){11, 4}, y);
        differ += memcmp(y, x + i * 25, sizeof y) != 0;
    }
    // Binomial(4000, 1/18): mean 222, sigma 14.5; 5 sigma.
    for (int w = 0; w < WAYS; w++) assert_in_range(count[w], 150, 295);
    assert_true(differ > N * 9 / 10);
    og_dataset_fetch(&set, index, 1, NULL, y);
    assert_int_equal(which_shift(pixel, SMALL, 0, y), 0);
    og_free(pixel);
    og_free(index);
    og_free(x);
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

// The published sets, where this machine has them.
static void check_real(const char *name, size_t train, size_t test, double mean)
{
    char path[PATH];
    const struct og_data_search where = {real_sets};
    if (!og_data_found(name, &where, path, sizeof path)) {
        print_message("%s is not here: skipped\n", name);
        skip();
    }
    for (int split = 0; split < 2; split++) {
        struct og_data_spec spec = {.split = (enum og_split)split};
        snprintf(spec.name, sizeof spec.name, "%s", name);
        struct og_dataset *set;
        struct og_error err = {0};
        assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_OK);
        assert_int_equal(set->n, split == OG_TRAIN ? train : test);
        size_t size = set->channels * set->height * set->width, count[10] = {0};
        double sum = 0;
        for (size_t i = 0; i < set->n * size; i++) sum += set->pixel[i];
        double got = sum / (double)(set->n * size) / 255;
        assert_true(got > mean - 0.01 && got < mean + 0.01);
        for (size_t i = 0; i < set->n; i++) count[set->label[i]]++;
        for (int c = 0; c < 10; c++)
            assert_in_range(count[c], set->n * 8 / 100, set->n * 12 / 100);
        og_dataset_free(set);
    }
}

static void real_mnist(void **state)
{
    (void)state;
    check_real("mnist", 60000, 10000, 0.1307);
}

static void real_fashion_mnist(void **state)
{
    (void)state;
    check_real("fashion_mnist", 60000, 10000, 0.2860);
}

static void real_cifar10(void **state)
{
    (void)state;
    check_real("cifar10", 50000, 10000, 0.4734);
}

static int make_root(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR"), *real = getenv("OHMGRID_DATA");
    if (real && *real && !(real_sets = og_copy_text(real))) return -1;
    unsetenv("OHMGRID_DATA");
    snprintf(root, sizeof root, "%s/og_test_data_XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    og_free(real_sets);
    static const char *const names[] = {
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz", "test_batch.bin.xz"};
    static const char *const sets[] = {"mnist", "other", "cifar10"};
    for (int s = 0; s < 3; s++) {
        for (int i = 0; i < 5; i++) {
            char name[PATH];
            snprintf(name, sizeof name, "%s/%s", sets[s], names[i]);
            unlink(in_root(name));
        }
        rmdir(in_root(sets[s]));
    }
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_idx),
        cmocka_unit_test(damaged_idx),
        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(plain_and_xz_cifar),
        cmocka_unit_test(cifar_limit),
        cmocka_unit_test(bad_spec),
        cmocka_unit_test(folders),
        cmocka_unit_test(fetched_pixels),
        cmocka_unit_test(fetched_colour_rows),
        cmocka_unit_test(augmentation),
        cmocka_unit_test(memory_failures),
        cmocka_unit_test(real_mnist),
        cmocka_unit_test(real_fashion_mnist),
        cmocka_unit_test(real_cifar10),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
