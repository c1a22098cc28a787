// SPDX-License-Identifier: GPL-3.0-or-later
// From the bitmap of a digit to the path of a pen.
#include "data_files.h"
#include "nn/skeleton.h"

// Rows of text, one character a pixel: '.' is 0, others 255.
static void paint(uint8_t *image, const char *const *row, int rows)
{
    memset(image, 0, PIXELS);
    for (int r = 0; r < rows; r++)
        for (int c = 0; row[r][c]; c++)
            if (row[r][c] != '.') image[(r + 2) * SIDE + c + 3] = 255;
}

static size_t path_of(const uint8_t *image, uint16_t *at)
{
    struct og_ink ink;
    og_ink_threshold(&ink, image);
    og_ink_thin(&ink);
    og_ink_clean(&ink);
    return og_ink_path(&ink, at);
}

static void thin_lines_stay(void **state)
{
    (void)state;
    static const char *const row[] = {"##......", "..#.....", "...#####"};
    uint8_t image[PIXELS];
    uint16_t at[PIXELS];
    paint(image, row, 3);
    assert_int_equal(path_of(image, at), 8);
    static const uint16_t right[8] = {59, 60, 89, 118, 119, 120, 121, 122};
    assert_memory_equal(at, right, sizeof right);
}

static void thick_lines_are_thinned(void **state)
{
    (void)state;
    static const char *const row[] = {"############", "############", "############"};
    uint8_t image[PIXELS];
    struct og_ink ink;
    paint(image, row, 3);
    og_ink_threshold(&ink, image);
    og_ink_thin(&ink);
    int n = 0;
    for (int i = 0; i < OG_INK; i++) {
        n += ink.on[i];
        if (ink.on[i]) assert_int_equal(i / OG_INK_SIDE, 4);  // the middle row
    }
    assert_in_range(n, 9, 12);
}

// The threshold rises until it would part the line, or take half of it away.
static void threshold(void **state)
{
    (void)state;
    uint8_t image[PIXELS] = {0};
    struct og_ink ink;
    for (int c = 5; c < 15; c++) image[10 * SIDE + c] = 240;
    image[10 * SIDE + 9] = 120;
    image[10 * SIDE + 20] = 60;  // a part of its own, gone above 60
    og_ink_threshold(&ink, image);
    int n = 0;
    for (int i = 0; i < OG_INK; i++) n += ink.on[i];
    assert_int_equal(n, 11);
    image[10 * SIDE + 20] = 0;
    og_ink_threshold(&ink, image);
    assert_true(ink.on[11 * OG_INK_SIDE + 10]);
    for (int c = 5; c < 15; c++) image[10 * SIDE + c] = (uint8_t)(c < 11 ? 100 : 240);
    og_ink_threshold(&ink, image);
    n = 0;
    for (int i = 0; i < OG_INK; i++) n += ink.on[i];
    assert_int_equal(n, 10);
}

static void specks_are_removed(void **state)
{
    (void)state;
    static const char *const row[] = {"#####..#", "........", "##......"};
    uint8_t image[PIXELS];
    uint16_t at[PIXELS];
    paint(image, row, 3);
    assert_int_equal(path_of(image, at), 5);
    paint(image, row + 2, 1);  // nothing but a speck
    assert_in_range(path_of(image, at), 1, 2);
    memset(image, 0, PIXELS);
    assert_int_equal(path_of(image, at), 0);
}

// Of a T, drawn from its left end: the right end before the stem, or after it.
static void the_cheaper_path(void **state)
{
    (void)state;
    static const char *const row[] = {"#######", "...#...", "...#...", "...#..."};
    uint8_t image[PIXELS];
    uint16_t at[PIXELS];
    paint(image, row, 4);
    struct og_ink ink;
    og_ink_threshold(&ink, image);
    assert_int_equal(og_ink_path(&ink, at), 10);
    for (int k = 0; k < 7; k++) assert_int_equal(at[k], 59 + k);
    assert_int_equal(at[7], 59 + 3 + SIDE);  // back by 3, which is less than down to up
}

static uint8_t pictures[16 + 2 * PIXELS];

// Rows, the end of a stroke before a jump, the end of the digit; an empty image.
static void sequences(void **state)
{
    (void)state;
    static const char *const row[] = {"###....", ".......", "....###"};
    const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    const uint8_t digits[10] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 7};
    memcpy(pictures, header, 16);
    paint(pictures + 16, row, 3);
    mkdir(in_root("mnist"), 0777);
    write_plain("mnist/train-images-idx3-ubyte", pictures, sizeof pictures);
    write_plain("mnist/train-labels-idx1-ubyte", digits, sizeof digits);
    write_gz("mnist/t10k-images-idx3-ubyte.gz", pictures, sizeof pictures);
    write_gz("mnist/t10k-labels-idx1-ubyte.gz", digits, sizeof digits);
    struct og_data_spec spec = {.name = "mnist", .strokes = true, .split = OG_TEST};
    const struct og_data_search where = {root};
    struct og_error err = {0};
    struct og_dataset *set;
    spec.series = og_series_default();
    spec.series.scale = OG_SCALE_NONE;
    if (og_dataset_open(&set, &spec, &where, &err) != OG_OK) fail_msg("%s", err.text);
    static const float right[9][4] = {{3, 2, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0},
                                      {0, 0, 1, 0}, {2, 2, 0, 0}, {1, 0, 0, 0},
                                      {1, 0, 0, 0}, {0, 0, 1, 1}, {0, 0, 1, 1}};
    assert_int_equal(set->n, 2);
    assert_int_equal(set->first[1], 8);
    assert_int_equal(set->first[2], 9);
    assert_int_equal(set->label[1], 7);
    assert_memory_equal(set->step, right, sizeof right);
    og_dataset_free(set);
    spec.series.spacing = 2;  // of each stroke its two ends
    if (og_dataset_open(&set, &spec, &where, &err) != OG_OK) fail_msg("%s", err.text);
    static const float ends[6][4] = {{3, 2, 0, 0}, {2, 0, 0, 0}, {0, 0, 1, 0},
                                     {2, 2, 0, 0}, {2, 0, 0, 0}, {0, 0, 1, 1}};
    assert_int_equal(set->first[1], 6);
    assert_memory_equal(set->step, ends, sizeof ends);
    og_dataset_free(set);
    spec.series.spacing = 1e-300;
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "data.pen.spacing: 1e-300 would make more than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thin_lines_stay),  cmocka_unit_test(thick_lines_are_thinned),
        cmocka_unit_test(threshold),        cmocka_unit_test(specks_are_removed),
        cmocka_unit_test(the_cheaper_path), cmocka_unit_test(sequences),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
