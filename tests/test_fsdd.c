// SPDX-License-Identifier: GPL-3.0-or-later
// Spoken digits as sequences: order, length, units; the same from HDF5 and WAV files.
#ifdef _OPENMP
#include <omp.h>
#endif

#include "fsdd_files.h"

// x[n][steps][values] of all samples; og_free.
static float *fetched(const struct og_dataset *set, size_t *size)
{
    uint32_t index[CLIPS];
    for (uint32_t i = 0; i < CLIPS; i++) index[i] = i;
    *size = set->n * set->shape.dim[0] * set->shape.dim[1];
    float *x = og_alloc(*size, sizeof *x);
    og_dataset_fetch(set, index, set->n, NULL, x);
    return x;
}

// Official split; takes first, then digits; lengths, zeros after or before, ends cut off.
static void sequences_of(enum og_lengths lengths)
{
    write_h5(&(struct fault){0});
    struct og_series series = og_series_default();
    series.lengths = lengths;
    struct og_dataset *set =
        opened(root, &(struct og_data_spec){.split = OG_TEST, .series = series});
    const uint8_t order[10] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    assert_int_equal(set->n, 10);
    assert_int_equal(set->classes, 10);
    assert_memory_equal(set->label, order, 10);
    // Longest of the training set: 1900 samples, 1 + (1900 - 256) / 128 = 13 steps.
    assert_int_equal(set->shape.rank, 2);
    assert_int_equal(set->shape.dim[0], 13);
    assert_int_equal(set->shape.dim[1], 13);
    // The last two of digit 1 (takes 3 and 4) have 1900 and 2000 samples: 13 and 14
    // steps.
    assert_int_equal(set->shortened, 1);
    size_t size;
    float *x = fetched(set, &size);
    // Take 0 of digit 0: 1000 samples, 6 steps.
    const size_t from = lengths == OG_LENGTHS_OWN ? 0 : 7 * 13;
    for (size_t i = 0; i < 13 * 13; i++)
        assert_true((x[i] != 0) == (i >= from && i < from + 6 * 13));
    assert_memory_equal(x + from, set->step, 6 * 13 * sizeof *x);
    if (lengths == OG_LENGTHS_OWN) {
        assert_int_equal(set->length[0], 6);
        assert_int_equal(set->length[9], 13);
    } else {
        assert_null(set->length);
    }
    // Sample 9 is the one of 14 steps: its first 13.
    assert_int_equal(set->first[10] - set->first[9], 14);
    assert_memory_equal(x + 9 * 169, set->step + set->first[9] * 13, 169 * sizeof *x);
    og_free(x);
    og_dataset_free(set);
    set = opened(root,
                 &(struct og_data_spec){.split = OG_TEST, .speech.steps = 0, .limit = 3});
    assert_int_equal(set->n, 3);
    og_dataset_free(set);
}

static void sequences(void **state)
{
    (void)state;
    sequences_of(OG_LENGTHS_OWN);
    sequences_of(OG_LENGTHS_EQUAL);
}

static void steps_key(void **state)
{
    (void)state;
    write_h5(&(struct fault){0});
    struct og_data_spec spec = {.split = OG_TEST, .speech = og_speech_default()};
    spec.speech.steps = 8;
    struct og_dataset *set = opened(root, &spec);
    assert_int_equal(set->shape.dim[0], 8);
    size_t longer = 0;
    for (size_t i = 0; i < set->n; i++) longer += set->first[i + 1] - set->first[i] > 8;
    assert_in_range(longer, 2, 9);
    assert_int_equal(set->shortened, longer);
    og_dataset_free(set);
}

// Mean 0 and deviation 1 over the steps of the training set, for any limit; the test set
// is in the same units.
static void normalised(void **state)
{
    (void)state;
    write_h5(&(struct fault){0});
    struct og_dataset *set = opened(root, &(struct og_data_spec){0});
    assert_int_equal(set->n, 2);
    assert_int_equal(set->shortened, 0);
    const size_t steps = set->first[2];
    assert_int_equal(steps, 6 + 13);
    for (size_t k = 0; k < 13; k++) {
        double sum = 0, square = 0;
        for (size_t t = 0; t < steps; t++) {
            sum += set->step[t * 13 + k];
            square += (double)set->step[t * 13 + k] * set->step[t * 13 + k];
        }
        assert_true(!(fabs(sum / (double)steps) > 1e-5));
        assert_true(!(fabs(square / (double)steps - 1) > 1e-5));
    }
    struct og_dataset *one = opened(root, &(struct og_data_spec){.limit = 1});
    assert_int_equal(one->shape.dim[0], 13);
    assert_memory_equal(one->step, set->step, 6 * 13 * sizeof *one->step);
    og_dataset_free(one);
    og_dataset_free(set);
}

// Coefficients that never change have no deviation.
static void silence(void **state)
{
    (void)state;
    static int16_t before[CLIPS * ROOM];
    memcpy(before, sample, sizeof before);
    memset(sample, 0, sizeof sample);
    write_h5(&(struct fault){0});
    memcpy(sample, before, sizeof before);
    struct og_dataset *set = opened(root, &(struct og_data_spec){0});
    for (size_t i = 0; i < set->first[set->n] * 13; i++) assert_true(set->step[i] == 0);
    og_dataset_free(set);
}

// The same recordings as WAV files: the same bits, in the same order.
static void wav_files(void **state)
{
    (void)state;
    write_h5(&(struct fault){0});
    write_wavs();
    for (int split = 0; split < 2; split++) {
        const struct og_data_spec spec = {.split = (enum og_split)split};
        struct og_dataset *a = opened(root, &spec);
        struct og_dataset *b = opened(in_root("spoken"), &spec);
        size_t na, nb;
        float *x = fetched(a, &na), *y = fetched(b, &nb);
        assert_int_equal(na, nb);
        assert_memory_equal(x, y, na * sizeof *x);
        assert_memory_equal(a->label, b->label, a->n);
        assert_string_equal(b->path, in_root("spoken"));
        og_free(x);
        og_free(y);
        og_dataset_free(a);
        og_dataset_free(b);
    }
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
#ifdef _OPENMP
    write_h5(&(struct fault){0});
    const int before = omp_get_max_threads(), threads[] = {1, 2, 7};
    float *first = NULL;
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(threads[i]);
        struct og_dataset *set = opened(root, &(struct og_data_spec){.split = OG_TEST});
        size_t size;
        float *x = fetched(set, &size);
        if (first) assert_memory_equal(first, x, size * sizeof *x);
        if (first)
            og_free(x);
        else
            first = x;
        og_dataset_free(set);
    }
    og_free(first);
    omp_set_num_threads(before);
#endif
}

// The published set, where this machine has it.
static void real_fsdd(void **state)
{
    (void)state;
    const struct og_data_search where = {real_sets};
    char path[PATH];
    if (!og_data_found("fsdd", &where, path, sizeof path)) {
        print_message("fsdd is not here: skipped\n");
        skip();
    }
    for (int split = 0; split < 2; split++) {
        struct og_dataset *set =
            opened(real_sets, &(struct og_data_spec){.split = (enum og_split)split});
        size_t count[10] = {0};
        for (size_t i = 0; i < set->n; i++) count[set->label[i]]++;
        for (int c = 0; c < 10; c++) assert_int_equal(count[c], split ? 30 : 270);
        assert_int_equal(set->shape.dim[0], 141);
        assert_int_equal(set->shortened, 0);
        og_dataset_free(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences),  cmocka_unit_test(steps_key),
        cmocka_unit_test(normalised), cmocka_unit_test(silence),
        cmocka_unit_test(wav_files),  cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(real_fsdd),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
