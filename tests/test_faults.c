// SPDX-License-Identifier: GPL-3.0-or-later
// Fault maps, and weights that make way for stuck devices.
#include <math.h>

#include "array_helper.h"
#include "crossbar/assign.h"
#include "ohmgrid/cost.h"

// --- assignment ----------------------------------------------------------------------

// The least sum over all injections of n lines into m places.
static double least(const double *cost, size_t n, size_t m, size_t i, unsigned used)
{
    double best = INFINITY;
    if (i == n) return 0;
    for (size_t j = 0; j < m; j++)
        if ((used >> j & 1) == 0)
            best = fmin(best, cost[i * m + j] + least(cost, n, m, i + 1, used | 1u << j));
    return best;
}

static void assignments_are_the_cheapest(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const size_t n = 1 + seed % 6, m = n + seed % 3;
        float random[48];
        double cost[48], sum = 0;
        uint32_t to[6];
        unsigned used = 0;
        fill(random, n * m, seed, 0.5f);
        for (size_t k = 0; k < n * m; k++)
            cost[k] = random[k] < 0 ? 0 : (double)random[k];
        void *work = og_alloc(og_assign_bytes(n, m), 1);
        og_assign(cost, n, m, to, work);
        for (size_t i = 0; i < n; i++) {
            assert_true(to[i] < m && (used >> to[i] & 1) == 0);
            used |= 1u << to[i];
            sum += cost[i * m + to[i]];
        }
        assert_true(fabs(sum - least(cost, n, m, 0, 0)) < 1e-12);
        og_free(work);
    }
}

static void nothing_moves_for_nothing(void **state)
{
    (void)state;
    double cost[6 * 8];
    uint32_t to[6];
    void *work = og_alloc(og_assign_bytes(6, 8), 1);
    for (size_t k = 0; k < 48; k++) cost[k] = k % 9 == 0 ? 0.5 : 0.5 + (double)(k % 2);
    og_assign(cost, 6, 8, to, work);
    for (size_t i = 0; i < 6; i++) assert_int_equal(to[i], i);
    og_free(work);
}

// --- arrays --------------------------------------------------------------------------

enum { ROWS = 41, COLS = 23 };

static struct og_hardware faulty(void)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.rows = 16;
    hw.tile.cols = 10;
    hw.device.faults.p_lrs = 0.03;
    hw.device.faults.p_hrs = 0.05;
    hw.device.faults.g_hrs = 1e-6;
    return hw;
}

// Kinds of arrays in which weights are moved.
static struct og_hardware faulty_kind(int kind)
{
    struct og_hardware hw = faulty();
    if (kind == 1) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
    if (kind == 2) hw.mapping.scheme = OG_DIFFERENTIAL_TWO_SIDED;
    if (kind == 3) {
        hw.mapping.weight_bits = 7;
        hw.mapping.slice_bits = 3;
    }
    if (kind == 4) hw.mapping.devices_per_weight = 3;
    if (kind == 5) hw.tile.rows_active = 5;
    if (kind == 6) hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
    if (kind == 7) hw.mapping.granularity = OG_PER_TILE;
    if (kind == 8) hw.mapping.scheme = OG_OFFSET;
    if (kind == 9) hw.device.faults.p_open = 0.02;
    return hw;
}
enum { KINDS = 10 };

// Rms over the weights of w_hat - (w as mapped without faults), over the largest.
static double weight_error(struct og_hardware hw, struct og_fault_info *info)
{
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    float *w = og_alloc(ROWS * COLS, sizeof *w), *good = og_alloc(ROWS * COLS, sizeof *w);
    assert_int_equal(og_array_program(b.array, b.w, &b.chip), OG_OK);
    assert_int_equal(og_array_weights(b.array, w), OG_OK);
    *info = og_array_fault_info(b.array);
    const double w_max = og_array_info(b.array).w_max;
    struct og_hardware healthy = hw;
    healthy.device.faults.p_lrs = healthy.device.faults.p_hrs = 0;
    healthy.device.faults.p_open = 0;
    struct bench g = bench_open(healthy, ROWS, COLS, 1, 1);
    og_array_program(g.array, g.w, &g.chip);
    og_array_weights(g.array, good);
    double sum = 0;
    for (size_t k = 0; k < ROWS * COLS; k++)
        sum += ((double)w[k] - (double)good[k]) * ((double)w[k] - (double)good[k]);
    og_free(w);
    og_free(good);
    bench_close(&b);
    bench_close(&g);
    return sqrt(sum / (ROWS * COLS)) / w_max;
}

// What the array says of the error is what its weights show, and every way to move
// weights lessens it.
static void moving_weights_lessens_their_error(void **state)
{
    (void)state;
    static const int ways[] = {OG_REMAP_COLUMNS,
                               OG_REMAP_ROWS,
                               OG_REMAP_COLUMNS | OG_REMAP_ROWS,
                               OG_REMAP_SIDES,
                               OG_REMAP_PARTNERS,
                               OG_REMAP_COLUMNS | OG_REMAP_SIDES,
                               15};
    for (int kind = 0; kind < KINDS; kind++) {
        struct og_hardware hw = faulty_kind(kind);
        struct og_fault_info info, moved;
        const double before = weight_error(hw, &info);
        const bool offset = hw.mapping.scheme == OG_OFFSET;
        // The reference devices of offset arrays are stuck as well; info is of weights.
        if (!offset) assert_true(fabs(before / info.error - 1) < 1e-4);
        assert_true(info.stuck > 0.05 * (double)info.devices);
        double error[7];
        for (int k = 0; k < 7; k++) {
            hw.mapping.remap = ways[k];
            if (offset && (ways[k] & 12) != 0) continue;
            error[k] = weight_error(hw, &moved);
            if (!offset) assert_true(fabs(error[k] / moved.error - 1) < 1e-4);
            assert_int_equal(moved.stuck, info.stuck);  // no line is left out
            assert_true(moved.error < 0.97 * info.error);
        }
        assert_true(error[2] <= error[0]);
        if (offset) continue;
        assert_true(error[5] <= error[0] * (1 + 1e-9));
        assert_true(error[6] < error[4]);
        hw.mapping.remap = 0;
        hw.tile.spare_columns = 3;
        const double spared = weight_error(hw, &moved);
        assert_true(spared < before);
        hw.mapping.remap = OG_REMAP_COLUMNS;
        assert_true(weight_error(hw, &moved) < fmin(spared, error[0]));
    }
}

// All of it on, and nothing stuck: to the bit what there would be without.
static void healthy_arrays_are_as_they_were(void **state)
{
    (void)state;
    struct og_hardware hw = faulty(), all;
    hw.device.faults.p_lrs = hw.device.faults.p_hrs = 0;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.2e-6, .scale = 1};
    all = hw;
    all.mapping.remap = 15;
    all.tile.spare_columns = 2;
    struct bench a = bench_open(hw, ROWS, COLS, 5, 1),
                 b = bench_open(all, ROWS, COLS, 5, 1);
    const struct og_fault_shape s = og_array_fault_shape(b.array);
    assert_true(s.dim[0] == 2 && s.dim[1] == ROWS && s.dim[2] == COLS + 3 * 2);
    int8_t *none = og_alloc(s.dim[0] * s.dim[1], s.dim[2]);
    assert_int_equal(og_array_set_faults(b.array, none, s.dim, NULL), OG_OK);
    bench_run(&a);
    bench_run(&b);
    assert_memory_equal(a.y, b.y, 5 * COLS * sizeof *a.y);
    assert_true(og_array_fault_info(b.array).stuck == 0);
    og_free(none);
    bench_close(&a);
    bench_close(&b);
}

// Spare columns do not change which of the others are stuck, and a map that is written
// out gives the same chip when it is read back.
static void maps_go_out_and_in(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct og_hardware hw = faulty_kind(kind);
        const bool offset = hw.mapping.scheme == OG_OFFSET;
        if (offset) continue;  // its reference column has faults of its own
        hw.tile.spare_columns = 2;
        hw.mapping.remap = OG_REMAP_ROWS | OG_REMAP_SIDES;
        struct bench a = bench_open(hw, ROWS, COLS, 3, 1);
        for (size_t i = 0; i < ROWS; i++) a.w[4 * ROWS + i] = a.w[17 * ROWS + i] = 0;
        for (size_t j = 0; j < COLS; j++) a.w[j * ROWS + 30] = 0;
        bench_run(&a);
        const struct og_fault_shape s = og_array_fault_shape(a.array);
        int8_t *map = og_alloc(s.dim[0] * s.dim[1], s.dim[2]);
        og_array_faults(a.array, map);
        hw.device.faults.p_lrs = hw.device.faults.p_hrs = hw.device.faults.p_open = 0;
        struct bench b = bench_open(hw, ROWS, COLS, 3, 1);
        memcpy(b.w, a.w, ROWS * COLS * sizeof *b.w);
        b.chip.trial = b.at.trial = 77;
        assert_int_equal(og_array_set_faults(b.array, map, s.dim, NULL), OG_OK);
        bench_run(&b);
        assert_memory_equal(a.y, b.y, 3 * COLS * sizeof *a.y);
        og_free(map);
        bench_close(&a);
        bench_close(&b);
    }
}

// Weights without a value find a place like any other, and show in the sums.
static void diverged_weights_have_no_best_place(void **state)
{
    (void)state;
    struct og_hardware hw = faulty();
    hw.mapping.remap = 15;
    hw.tile.spare_columns = 2;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    b.w[3 * ROWS + 5] = NAN;
    bench_run(&b);
    assert_true(isnan(b.y[3]));
    bench_close(&b);
}

static void wrong_maps_are_refused(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    struct bench b = bench_open(hw, 6, 5, 1, 1);
    struct og_error err = {0};
    int8_t code[2 * 6 * 5] = {0};
    size_t dim[3] = {2, 5, 6};
    assert_int_equal(og_array_set_faults(b.array, code, dim, &err), OG_INPUT);
    assert_string_equal(
        err.text, "a fault map has 2 x 5 x 6 codes; the array has 2 sets of devices "
                  "(copies x slices x sides), 6 word lines and 5 bit lines (with "
                  "spare ones)");
    dim[1] = 6;
    dim[2] = 5;
    code[7] = 9;
    err = (struct og_error){0};
    assert_int_equal(og_array_set_faults(b.array, code, dim, &err), OG_INPUT);
    assert_string_equal(err.text, "a fault map holds the code 9; 0 to 4 are known");
    code[7] = OG_SHORT;
    err = (struct og_error){0};
    assert_int_equal(og_array_set_faults(b.array, code, dim, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "g_short is needed"));
    bench_close(&b);
}

// --- what is done about single faults ------------------------------------------------

// A 6 x 5 array with a map, and its weights.
static void program_map(struct og_hardware hw, const int8_t *code, float *w, float *w_hat)
{
    struct bench b = bench_open(hw, 6, 5, 1, 1);
    const struct og_fault_shape s = og_array_fault_shape(b.array);
    struct og_error err = {0};
    if (og_array_set_faults(b.array, code, s.dim, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_array_program(b.array, b.w, &b.chip);
    og_array_weights(b.array, w_hat);
    memcpy(w, b.w, 30 * sizeof *w);
    bench_close(&b);
}

static void partners_take_on_what_is_off(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.mapping.remap = OG_REMAP_PARTNERS;
    hw.device.faults.g_lrs = 4e-6;  // a third of the range
    int8_t code[60] = {0};
    float w[30], w_hat[30];
    code[2 * 5 + 1] = OG_STUCK_ON;        // (2, 1), positive side
    code[30 + 4 * 5 + 3] = OG_STUCK_OFF;  // (4, 3), negative side: at 0, below g_min
    program_map(hw, code, w, w_hat);
    double w_max = 0;
    for (int k = 0; k < 30; k++) w_max = fmax(w_max, fabs((double)w[k]));
    for (int j = 0; j < 5; j++)
        for (int i = 0; i < 6; i++) {
            const double is = (double)w_hat[j * 6 + i], u = (double)w[j * 6 + i] / w_max;
            double wanted = u;
            // g+ at 1/3: the other device gives 1/3 - u, between 0 and 1.
            if (i == 2 && j == 1) wanted = u < 1.0 / 3 ? fmax(u, 1.0 / 3 - 1) : 1.0 / 3;
            // g- at -1/9 of the range: g+ gives u - 1/9, not below 0.
            if (i == 4 && j == 3) wanted = fmax(u, 1.0 / 9);
            assert_true(fabs(is / w_max - wanted) < 1e-5);
        }
}

static void a_spare_column_replaces_the_worst(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.tile.spare_columns = 1;
    int8_t code[2 * 6 * 6] = {0};
    float w[30], w_hat[30];
    for (int i = 0; i < 6; i++) code[i * 6 + 3] = OG_STUCK_ON;
    code[36 + 2 * 6 + 1] = OG_STUCK_ON;  // one fault in column 1, which stays
    program_map(hw, code, w, w_hat);
    for (int k = 0; k < 30; k++)
        assert_true((fabsf(w[k] - w_hat[k]) < 1e-6f) == (k != 1 * 6 + 2));
}

static void sides_change_where_that_helps(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.mapping.remap = OG_REMAP_SIDES;
    hw.device.faults.g_hrs = hw.device.g_min;
    int8_t code[60] = {0};
    float w[30], w_hat[30];
    program_map(hw, code, w, w_hat);
    // All devices at g_min that the positive weights of column 2 want, and no others.
    for (int i = 0; i < 6; i++)
        if (w[2 * 6 + i] > 0) code[i * 5 + 2] = OG_STUCK_OFF;
    for (int i = 0; i < 6; i++)
        if (w[2 * 6 + i] <= 0) code[i * 5 + 2] = OG_HEALTHY;
    program_map(hw, code, w, w_hat);
    for (int k = 0; k < 30; k++) assert_true(fabsf(w[k] - w_hat[k]) < 1e-6f);
}

static void spare_columns_cost_area_only(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.tile.cols = 10;
    struct og_technology t = {.ideal_bits = 8, .cell = {2.0}, .sample = {1.0, 3.0}};
    struct og_costs c[2];
    for (int k = 0; k < 2; k++) {
        hw.tile.spare_columns = 4 * k;
        struct bench b = bench_open(hw, 20, 15, 1, 1);
        og_array_program(b.array, b.w, &b.chip);
        og_array_cost(b.array, &t, &(struct og_activity){1, 1}, &c[k]);
        bench_close(&b);
    }
    // Two tiles of 20 rows, each with 4 columns of pairs more.
    assert_true(fabs(c[1].used.area - c[0].used.area - 2 * 4 * (20 * 2 * 2.0 + 3)) <
                1e-9);
    assert_true(fabs(c[1].dense.area - c[1].used.area) < 1e-9);
    assert_true(c[1].used.energy == c[0].used.energy);
    assert_true(c[1].used.latency == c[0].used.latency);
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    struct og_hardware hw = faulty();
    hw.mapping.remap = 15;
    hw.tile.spare_columns = 1;
    const struct og_array_shape shape = {
        .rows = 9, .cols = 7, .segments = 1, .segment = {{.rows = 9, .range = 1}}};
    og_array *array = NULL;
    int failed = 0;
    for (size_t n = 1; array == NULL; n++) {
        og_alloc_fail_at(n);
        const og_status status = og_array_alloc(&array, &hw, &shape, NULL);
        og_alloc_fail_at(0);
        assert_true(status == OG_OK || status == OG_NO_MEMORY);
        failed += status != OG_OK;
    }
    assert_true(failed > 20);
    og_array_free(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments_are_the_cheapest),
        cmocka_unit_test(nothing_moves_for_nothing),
        cmocka_unit_test(moving_weights_lessens_their_error),
        cmocka_unit_test(healthy_arrays_are_as_they_were),
        cmocka_unit_test(maps_go_out_and_in),
        cmocka_unit_test(diverged_weights_have_no_best_place),
        cmocka_unit_test(wrong_maps_are_refused),
        cmocka_unit_test(partners_take_on_what_is_off),
        cmocka_unit_test(a_spare_column_replaces_the_worst),
        cmocka_unit_test(sides_change_where_that_helps),
        cmocka_unit_test(spare_columns_cost_area_only),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
