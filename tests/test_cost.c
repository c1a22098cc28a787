// SPDX-License-Identifier: GPL-3.0-or-later
// Costs: one tile by hand to the last digit, how each key acts, what removal saves, and
// the technology files against the numbers that they quote.
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/config.h"
#include "ohmgrid/cost.h"

// Round numbers, so that sums can be checked by eye.
static struct og_technology simple(void)
{
    return (struct og_technology){
        .name = "simple",
        .ideal_bits = 8,
        .cell = {.area = 1e-14},
        .read = {.time = 100e-9, .pulse = 10e-9},
        .driver = {1e-15, 2e-12},
        .dac = {.at = {3e-15, 4e-12}, .bits = 1, .growth = 2},
        .sample = {5e-15, 6e-12},
        .subtract = {7e-15, 8e-12},
        .adc = {.at = {1e-12, 1e-9},
                .bits = 8,
                .energy_growth = 2,
                .area_growth = 1.5,
                .bit_time = 1e-9},
        .add = {.at = {9e-15, 10e-12}, .time = 2e-9},
        .input_buffer = {11e-15, 12e-12},
        .output_buffer = {13e-15, 14e-12},
    };
}

static struct bench tile(struct og_hardware hw, size_t rows, size_t cols)
{
    struct bench b = bench_open(hw, rows, cols, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    return b;
}

static struct og_hardware four_by_four(void)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.rows = hw.tile.cols = 4;
    hw.device.v_read = 0.2;
    hw.dac.bits = 3;
    hw.adc.bits = 6;
    return hw;
}

static struct og_costs cost_of(const struct bench *b)
{
    const struct og_technology technology = simple();
    struct og_costs costs;
    og_array_cost(b->array, &technology, NULL, &costs);
    return costs;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-12 * fabs(b));
}

static void assert_part(const struct og_cost *c, enum og_cost_part part, double uses,
                        double energy, double count, double area)
{
    if (c->part[part].uses != uses || c->part[part].count != count)
        fail_msg("%s: %g uses of %g", og_cost_part_name(part), c->part[part].uses,
                 c->part[part].count);
    assert_near(c->part[part].energy, uses * energy);
    assert_near(c->part[part].area, count * area);
}

// 4 x 4 weights in pairs, all of them +-1: one device at 10 uS, one at 1 uS. 3-bit DACs,
// 6-bit ADCs, one pass.
static void one_tile_by_hand(void **state)
{
    (void)state;
    struct bench b = bench_open(four_by_four(), 4, 4, 1, 1);
    for (int k = 0; k < 16; k++) b.w[k] = k % 3 ? 1 : -1;
    og_array_program(b.array, b.w, &b.chip);
    const float x[4] = {1, -2.0f / 3, 0, 0.3f};  // codes 3, -2, 0, 1
    double line[4], dense[4];
    og_array_lines(b.array, line, dense);
    assert_memory_equal(line, dense, sizeof line);
    for (int i = 0; i < 4; i++) assert_true(fabs(line[i] / 44e-6 - 1) < 1e-6);
    double load = og_array_load(b.array, line, x);
    assert_true(fabs(load / (44e-6 * (9 + 4 + 0 + 1) / 9.0) - 1) < 1e-6);

    const struct og_technology technology = simple();
    struct og_costs costs;
    og_array_cost(b.array, &technology, &(struct og_activity){load, load}, &costs);
    const struct og_cost *c = &costs.used;
    assert_near(c->part[OG_COST_ARRAY].energy, 0.2 * 0.2 * 100e-9 * load);
    assert_near(c->part[OG_COST_ARRAY].area, 32 * 1e-14);
    assert_part(c, OG_COST_DRIVER, 4, 1e-15, 4, 2e-12);
    assert_part(c, OG_COST_DAC, 4, 4 * 3e-15, 4, 4 * 4e-12);  // 2 bits more
    assert_part(c, OG_COST_SAMPLE, 4, 5e-15, 4, 6e-12);
    assert_part(c, OG_COST_SUBTRACT, 4, 7e-15, 4, 8e-12);
    assert_part(c, OG_COST_ADC, 4, 1e-12 / 4, 4, 1e-9 / 2.25);
    assert_part(c, OG_COST_ADD, 4, 9e-15, 4, 10e-12);
    assert_part(c, OG_COST_INPUT_BUFFER, 12, 11e-15, 12, 12e-12);
    assert_part(c, OG_COST_OUTPUT_BUFFER, 24, 13e-15, 24, 14e-12);
    double energy = 0, area = 0;
    for (int k = 0; k < OG_COST_PARTS; k++) {
        energy += c->part[k].energy;
        area += c->part[k].area;
    }
    assert_true(c->energy == energy && c->area == area);
    assert_near(c->latency, 100e-9 + 6e-9 + 2e-9);
    assert_near(c->interval, 100e-9);
    assert_memory_equal(&costs.used, &costs.dense, sizeof costs.used);
    bench_close(&b);
}

static struct og_cost with(struct og_hardware hw, size_t rows, size_t cols)
{
    struct bench b = tile(hw, rows, cols);
    struct og_cost cost = cost_of(&b).used;
    bench_close(&b);
    return cost;
}

static void columns_share_converters(void **state)
{
    (void)state;
    struct og_hardware hw = four_by_four();
    const struct og_cost one = with(hw, 4, 4);
    hw.tile.columns_per_adc = 3;
    const struct og_cost three = with(hw, 4, 4);
    assert_true(three.part[OG_COST_ADC].count == 2);
    assert_true(three.part[OG_COST_ADD].count == 2);
    assert_true(three.energy == one.energy && three.area < one.area);
    assert_near(three.latency, one.latency + 6e-9);  // 2 conversions each
    hw.tile.columns_per_adc = 100;
    const struct og_cost all = with(hw, 4, 4);
    assert_true(all.part[OG_COST_ADC].count == 1);
    assert_near(all.latency, one.latency + 3 * 6e-9);
    hw.adc.bits = 16;
    hw.tile.columns_per_adc = 64;
    hw.tile.cols = 64;
    assert_near(with(hw, 4, 64).interval, 64 * 16e-9);  // converters set the pace
}

static void more_tiles_more_parts(void **state)
{
    (void)state;
    struct og_hardware hw = four_by_four();
    const struct og_cost one = with(hw, 4, 4), wide = with(hw, 4, 8),
                         tall = with(hw, 8, 4);
    for (int k = 1; k < OG_COST_PARTS; k++) {
        assert_near(wide.part[k].energy, 2 * one.part[k].energy);
        assert_near(tall.part[k].area, 2 * one.part[k].area);
    }
    assert_true(wide.latency == one.latency);
    assert_near(tall.latency, one.latency + 2e-9);  // one more addition
    assert_true(tall.interval == one.interval);
    hw.tile.rows_active = 2;
    const struct og_cost groups = with(hw, 4, 4);
    assert_true(groups.part[OG_COST_DAC].uses == 4 && groups.part[OG_COST_ADC].uses == 8);
    assert_true(groups.part[OG_COST_ADC].count == 4);
    assert_near(groups.latency, 2 * 106e-9 + 2e-9);
    assert_true(groups.part[OG_COST_OUTPUT_BUFFER].uses == 4 * 7);
}

static void how_inputs_come(void **state)
{
    (void)state;
    struct og_hardware hw = four_by_four();
    const struct og_cost one = with(hw, 4, 4);
    hw.input.sign = OG_INPUT_TWO_PASS;
    struct og_cost c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ADC].uses == 8 && c.part[OG_COST_DAC].uses == 8);
    assert_true(c.part[OG_COST_ARRAY].energy == one.part[OG_COST_ARRAY].energy);
    assert_near(c.latency, 2 * 106e-9 + 2e-9);
    hw = four_by_four();
    hw.input.encoding = OG_BIT_SERIAL;  // two bits of |code|
    c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ADC].uses == 8);
    assert_part(&c, OG_COST_DAC, 8, 3e-15, 4, 4e-12);
    assert_true(c.part[OG_COST_INPUT_BUFFER].uses == 12);
    assert_near(c.part[OG_COST_ARRAY].energy, 2 * one.part[OG_COST_ARRAY].energy);
    hw.input.encoding = OG_PULSE_WIDTH;
    hw.dac.bits = 5;  // 15 steps of 10 ns
    c = with(hw, 4, 4);
    assert_near(c.latency, 156e-9 + 2e-9);
    assert_near(c.part[OG_COST_ARRAY].energy, 1.5 * one.part[OG_COST_ARRAY].energy);
    hw = four_by_four();
    hw.dac.bits = hw.adc.bits = 0;  // counted as 8
    c = with(hw, 4, 4);
    assert_part(&c, OG_COST_ADC, 4, 1e-12, 4, 1e-9);
    assert_part(&c, OG_COST_DAC, 4, 128 * 3e-15, 4, 128 * 4e-12);
}

static void how_weights_are_held(void **state)
{
    (void)state;
    struct og_hardware hw = four_by_four();
    hw.pair.subtract = OG_SUBTRACT_DIGITAL;
    struct og_cost c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ADC].uses == 8 && c.part[OG_COST_ADC].count == 8);
    assert_true(c.part[OG_COST_SUBTRACT].uses == 0 && c.part[OG_COST_SUBTRACT].area == 0);
    hw = four_by_four();
    hw.mapping.weight_bits = 7;
    hw.mapping.slice_bits = 2;
    hw.mapping.devices_per_weight = 3;
    c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ARRAY].count == 2 * 3 * 3 * 16);
    assert_true(c.part[OG_COST_ADC].uses == 12 && c.part[OG_COST_DAC].uses == 4);
    assert_true(c.part[OG_COST_OUTPUT_BUFFER].uses == 4 * (6 + 2 * 2));
    hw = four_by_four();
    hw.mapping.scheme = OG_OFFSET;
    c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ARRAY].count == 16 + 4);  // and a reference column
    assert_true(c.part[OG_COST_SUBTRACT].uses == 4);
    hw.mapping.reference = OG_REFERENCE_DIGITAL;
    c = with(hw, 4, 4);
    assert_true(c.part[OG_COST_ARRAY].count == 16 && c.part[OG_COST_ADD].uses == 4 + 8);
}

static void lines_are_sums_of_devices(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    hw.mapping.devices_per_weight = 2;
    struct bench b = bench_open(hw, 50, 70, 1, 1);
    for (size_t j = 0; j < 70; j++) b.w[j * 50 + 7] = 0;
    for (size_t i = 0; i < 50; i++) b.w[3 * 50 + i] = 0;
    for (size_t j = 64; j < 70; j++) b.w[j * 50 + 9] = 0;
    og_array_program(b.array, b.w, &b.chip);
    size_t devices = og_array_info(b.array).dense.devices;
    float *g = og_alloc(devices, sizeof *g);
    og_array_conductance(b.array, g);
    double line[50], dense[50], total = 0, all = 0;
    og_array_lines(b.array, line, dense);
    for (size_t i = 0; i < 50; i++) {
        double sum = 0;
        for (size_t s = 0; s < 4; s++)
            for (size_t j = 0; j < 70; j++) sum += g[(s * 50 + i) * 70 + j];
        assert_true(fabs(line[i] - sum) <= 1e-12 * sum);
        // Column 3 is gone and the others have moved: the second tile begins at 65.
        size_t missing = i == 7 ? 70 : i == 9 ? 1 + 5 : 1;
        assert_true(fabs(dense[i] - sum - (double)missing * 4e-6) < 1e-12);
        total += line[i];
        all += dense[i];
    }
    const struct og_costs bound = cost_of(&b);
    double each = hw.device.v_read * hw.device.v_read * 100e-9;
    assert_true(fabs(bound.used.part[OG_COST_ARRAY].energy / (each * total) - 1) < 1e-9);
    assert_true(fabs(bound.dense.part[OG_COST_ARRAY].energy / (each * all) - 1) < 1e-9);
    og_free(g);
    bench_close(&b);
}

// The load is that of the voltages of each pass.
static void loads_by_encoding(void **state)
{
    (void)state;
    static const double codes[] = {3, 2, 0, 1};  // of 3, second one negative
    const float x[4] = {1, -2.0f / 3, 0, 0.3f};
    const double line[4] = {1, 10, 100, 1000};
    for (int kind = 0; kind < 6; kind++) {
        struct og_hardware hw = four_by_four();
        bool offset = kind % 2, serial = kind / 2 == 1, width = kind / 2 == 2;
        hw.input.encoding = width    ? OG_PULSE_WIDTH
                            : serial ? OG_BIT_SERIAL
                                     : OG_AMPLITUDE;
        if (offset) hw.input.sign = OG_INPUT_OFFSET;
        struct bench b = tile(hw, 4, 4);
        double want = 0;
        for (int i = 0; i < 4; i++) {
            double d = offset ? 3 + (i == 1 ? -codes[i] : codes[i]) : codes[i];
            double share = d / (offset ? 6 : 3);
            static const int bits[] = {0, 1, 1, 2, 1, 2, 2};
            want += line[i] * (serial ? bits[(int)d] : width ? share : share * share);
        }
        assert_near(og_array_load(b.array, line, x), want);
        bench_close(&b);
    }
}

// A matrix with zero rows and columns costs what the smaller one costs, and its dense
// twin what the whole one does.
static void removal_saves_what_is_removed(void **state)
{
    (void)state;
    struct og_hardware hw = four_by_four();
    hw.tile.rows_active = 3;
    struct bench whole = bench_open(hw, 11, 9, 1, 1), left = bench_open(hw, 7, 5, 1, 1);
    struct bench full = tile(hw, 11, 9);
    for (size_t j = 0; j < 9; j++)
        for (size_t i = 0; i < 11; i++) {
            if (i < 7 && j < 5) left.w[j * 7 + i] = whole.w[j * 11 + i];
            if (i >= 7 || j >= 5) whole.w[j * 11 + i] = 0;
        }
    og_array_program(whole.array, whole.w, &whole.chip);
    og_array_program(left.array, left.w, &left.chip);
    struct og_costs a = cost_of(&whole), b = cost_of(&left), c = cost_of(&full);
    assert_memory_equal(&a.used, &b.used, sizeof a.used);
    c.used.part[OG_COST_ARRAY].energy = a.dense.part[OG_COST_ARRAY].energy;
    c.used.energy = a.dense.energy;  // the weights are others
    assert_memory_equal(&a.dense, &c.used, sizeof a.dense);
    assert_true(a.used.area < 0.5 * a.dense.area && a.used.energy < 0.5 * a.dense.energy);
    bench_close(&whole);
    bench_close(&left);
    bench_close(&full);
}

// Tile (0, 0) lacks bit line 1, tile (1, 1) is empty.
static void missing_lines_of_tiles(void **state)
{
    (void)state;
    struct bench b = bench_open(four_by_four(), 8, 8, 1, 1);
    for (size_t i = 0; i < 4; i++) b.w[8 + i] = 0;
    for (size_t j = 4; j < 8; j++)
        for (size_t i = 4; i < 8; i++) b.w[j * 8 + i] = 0;
    og_array_program(b.array, b.w, &b.chip);
    const struct og_costs c = cost_of(&b);
    assert_true(c.dense.part[OG_COST_ADC].uses == 16 &&
                c.used.part[OG_COST_ADC].uses == 11);
    assert_true(c.used.part[OG_COST_ADC].count == 11);
    assert_true(c.dense.part[OG_COST_DAC].uses == 16 &&
                c.used.part[OG_COST_DAC].uses == 12);
    assert_true(c.used.part[OG_COST_ARRAY].count == 2 * (64 - 4 - 16));
    assert_true(c.used.latency == c.dense.latency);
    for (size_t k = 0; k < 64; k++) b.w[k] = 0;
    og_array_program(b.array, b.w, &b.chip);
    const struct og_cost none = cost_of(&b).used;
    assert_true(none.energy == 0 && none.area == 0 && none.latency == 0 &&
                none.interval == 0);
    bench_close(&b);
}

static void totals_of_a_network(void **state)
{
    (void)state;
    struct og_cost a = {.energy = 1, .area = 10, .latency = 3, .interval = 2};
    struct og_cost b = {.energy = 5, .area = 20, .latency = 7, .interval = 6};
    struct og_cost_total total = {0};
    og_cost_add(&total, &a, 4);
    og_cost_add(&total, &b, 1);
    assert_true(total.energy == 9 && total.area == 30 && total.latency == 19);
    assert_true(total.interval == 8);
}

static void technology_files(void **state)
{
    (void)state;
    struct og_technology t;
    assert_int_equal(og_technology_read(&t, "isaac_32nm", NULL, NULL), OG_OK);
    assert_near(t.adc.at.energy, 16e-3 / 8 / 1.28e9);
    assert_near(t.adc.at.area, 0.0096e-6 / 8);
    assert_near(t.adc.bit_time * 8, 1 / 1.28e9);
    assert_near(t.dac.at.energy, 4e-3 * 100e-9 / 1024);
    assert_near(t.dac.at.area, 0.00017e-6 / 1024);
    assert_near(t.sample.energy, 10e-6 * 100e-9 / 1024);
    assert_near(t.sample.area, 0.00004e-6 / 1024);
    assert_near(t.cell.area, 0.0002e-6 / (8 * 128 * 128));
    assert_near(t.add.at.energy, 0.2e-3 / 8 / 1.28e9);
    assert_near(t.add.at.area, 0.00024e-6 / 8);
    assert_near(t.input_buffer.energy, 1.24e-3 * 100e-9 / 1024);
    assert_near(t.input_buffer.area, 0.0021e-6 / (2048 * 8));
    assert_near(t.output_buffer.energy, 0.23e-3 * 1.6e-6 / 2048);
    assert_near(t.output_buffer.area, 0.00077e-6 / (256 * 8));
    struct og_technology y;
    assert_int_equal(og_technology_read(&y, "yuan_45nm", NULL, NULL), OG_OK);
    double s = 45.0 / 32;
    const struct og_part_cost pairs[][2] = {
        {t.adc.at, y.adc.at},
        {t.dac.at, y.dac.at},
        {t.sample, y.sample},
        {t.add.at, y.add.at},
        {t.input_buffer, y.input_buffer},
        {t.output_buffer, y.output_buffer},
    };
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        assert_true(fabs(pairs[k][1].energy / (s * pairs[k][0].energy) - 1) < 1e-10);
        assert_true(fabs(pairs[k][1].area / (s * s * pairs[k][0].area) - 1) < 1e-10);
    }
    assert_near(y.cell.area, 4 * 45e-9 * 45e-9);
    size_t n;
    char **names = og_technology_names(&n);
    assert_true(n >= 2);
    for (size_t k = 0; k < n; k++) {
        struct og_error err = {0};
        if (og_technology_read(&t, names[k], NULL, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(t.citation[0] != '\0');
        free(names[k]);
    }
    free(names);
    struct og_error err = {0};
    assert_int_equal(og_technology_read(&t, "absent", NULL, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no technology file 'absent'; looked in "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tile_by_hand),
        cmocka_unit_test(columns_share_converters),
        cmocka_unit_test(more_tiles_more_parts),
        cmocka_unit_test(how_inputs_come),
        cmocka_unit_test(how_weights_are_held),
        cmocka_unit_test(lines_are_sums_of_devices),
        cmocka_unit_test(loads_by_encoding),
        cmocka_unit_test(removal_saves_what_is_removed),
        cmocka_unit_test(missing_lines_of_tiles),
        cmocka_unit_test(totals_of_a_network),
        cmocka_unit_test(technology_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
