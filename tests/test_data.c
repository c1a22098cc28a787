// SPDX-License-Identifier: GPL-3.0-or-later
// Data sets: where they are found, and what is fetched from them.
#include "data_files.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_idx),
        cmocka_unit_test(bad_spec),
        cmocka_unit_test(folders),
        cmocka_unit_test(fetched_pixels),
        cmocka_unit_test(fetched_colour_rows),
        cmocka_unit_test(augmentation),
        cmocka_unit_test(real_mnist),
        cmocka_unit_test(real_fashion_mnist),
        cmocka_unit_test(real_cifar10),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
