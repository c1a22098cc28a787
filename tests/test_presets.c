// SPDX-License-Identifier: GPL-3.0-or-later
// Presets: that every file is a hardware, that its numbers are those published, and how a
// user's keys lie on top.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "config_texts.h"
#include "ohmgrid/array.h"

enum { ROWS = 48, COLS = 6, READS = 4000 };

static og_experiment *read_well(const char *text)
{
    og_experiment *e;
    struct og_error err = {0};
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static struct og_hardware hardware_at(const og_experiment *e, size_t point)
{
    struct og_config config;
    struct og_error err = {0};
    if (og_experiment_point(e, point, &config, &err) != OG_OK) fail_msg("%s", err.text);
    return config.hardware;
}

static struct og_hardware hardware_of(const char *text)
{
    og_experiment *e = read_well(text);
    struct og_hardware hw = hardware_at(e, 0);
    og_experiment_free(e);
    return hw;
}

static void near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-6 * fabs(wanted)))
        fail_msg("%.9g is not %.9g", found, wanted);
}

// --- arrays of a preset ----------------------------------------------------------------

static og_array *make_array(const struct og_hardware *hw)
{
    og_array *array;
    struct og_error err = {0};
    const struct og_array_shape shape = {
        .rows = ROWS,
        .cols = COLS,
        .segments = 1,
        .segment = {{.rows = ROWS, .dac_bits = hw->dac.bits, .range = 1}}};
    if (og_array_alloc(&array, hw, &shape, &err) != OG_OK) fail_msg("%s", err.text);
    return array;
}

// Weights of which the largest of each column is 1.
static void fill(float w[COLS * ROWS])
{
    for (int k = 0; k < COLS * ROWS; k++)
        w[k] = k % ROWS == 0 ? 1 : (float)sin(1.7 * k) * (k % 3 == 0 ? 0.02f : 0.9f);
}

static void program(og_array *array, float w[COLS * ROWS])
{
    fill(w);
    assert_int_equal(og_array_program(array, w, &(struct og_chip){.seed = 5}), OG_OK);
}

// Standard deviations of the outputs over reads of one input vector.
static void spread(const og_array *array, const float x[ROWS], double sd[COLS])
{
    static float many[READS * ROWS], y[READS * COLS];
    static uint32_t sample[READS];
    for (uint32_t r = 0; r < READS; r++) {
        sample[r] = r;
        memcpy(many + r * ROWS, x, ROWS * sizeof *x);
    }
    const struct og_read at = {.seed = 5, .sample = sample, .positions = 1};
    void *work = malloc(og_array_work_bytes(array, READS));
    const struct og_read_io io = {
        .x = many, .ldx = ROWS, .n = READS, .y = y, .ldy = COLS, .work = work};
    og_array_read(array, &at, &io);
    free(work);
    for (int j = 0; j < COLS; j++) {
        double sum = 0, square = 0;
        for (int r = 0; r < READS; r++) sum += y[r * COLS + j];
        for (int r = 0; r < READS; r++) square += pow(y[r * COLS + j] - sum / READS, 2);
        sd[j] = sqrt(square / READS);
    }
}

// --- tests -----------------------------------------------------------------------------

static void every_preset_is_a_hardware(void **state)
{
    (void)state;
    size_t n;
    char **name = og_preset_names(&n);
    assert_true(n >= 5);
    for (size_t i = 0; i < n; i++) {
        char text[200];
        struct og_preset_about about;
        float w[COLS * ROWS];
        struct og_error err = {0};
        if (og_preset_read(&about, name[i], NULL, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(strlen(about.title) > 10 && strlen(about.citation) > 30);
        snprintf(text, sizeof text, "hardware: {preset: %s}\n", name[i]);
        const struct og_hardware hw = hardware_of(text);
        assert_string_equal(hw.preset, name[i]);
        og_array *array = make_array(&hw);
        program(array, w);
        og_array_free(array);
        free(name[i]);
    }
    free(name);
}

// IOParameters: resolutions, bounds and noise in aihwkit's units, weights at most 1.
static void aihwkit_io_has_its_units(void **state)
{
    (void)state;
    const struct og_hardware hw = hardware_of("hardware: {preset: aihwkit_io}\n");
    float w[COLS * ROWS], x[ROWS] = {0};
    double sd[COLS];
    near(2 / (pow(2, hw.dac.bits) - 2), 2 * 1 / (pow(2, 7) - 2));  // inp_res
    near(hw.dac.range, 1);                                         // inp_bound
    og_array *array = make_array(&hw);
    program(array, w);
    near(og_array_info(array).lsb, 2 * 12 / (pow(2, 9) - 2));  // out_bound, out_res
    // out_noise, and what rounding adds to it.
    spread(array, x, sd);
    const double wanted = sqrt(0.06 * 0.06 + pow(og_array_info(array).lsb, 2) / 12);
    for (int j = 0; j < COLS; j++)
        assert_true(fabs(sd[j] / wanted - 1) <= 4.5 / sqrt(2.0 * READS));
    og_array_free(array);
}

static void aihwkit_pcm_is_io_on_pcm(void **state)
{
    (void)state;
    const struct og_hardware io = hardware_of("hardware: {preset: aihwkit_io}\n");
    const struct og_hardware hw = hardware_of("hardware: {preset: aihwkit_pcm}\n");
    assert_memory_equal(&hw.adc, &io.adc, sizeof hw.adc);
    assert_memory_equal(&hw.dac, &io.dac, sizeof hw.dac);
    assert_string_equal(hw.device.name, "pcm_joshi");
    assert_int_equal(hw.compensation.mode, OG_COMPENSATE_GLOBAL);
    near(hw.device.g_max, 25e-6);
    near(hw.device.program.coefficients.v[0], 0.26348e-6);
    near(hw.device.program.coefficients.v[1], 1.9650e-6);
    near(hw.device.program.coefficients.v[2], -1.1731e-6);
    near(hw.device.drift.t_0, 20);
}

// sigma_y = 0.0175 sqrt(sum |w| x^2), besides output noise and rounding.
static void aihwkit_hwa_has_its_weight_noise(void **state)
{
    (void)state;
    struct og_hardware hw = hardware_of(
        "hardware: {preset: aihwkit_hwa, wires: {mode: none, r_col: 0 ohm}}\n");
    float w[COLS * ROWS], x[ROWS];
    double sd[COLS];
    assert_int_equal(hw.adc.bits, 8);
    assert_int_equal(hw.dac.bits, 8);
    near(hw.adc.full_scale, 10);
    near(hw.adc.noise_full_scale * hw.adc.full_scale, 0.04);
    assert_int_equal(hw.tile.rows, 512);
    for (int i = 0; i < ROWS; i++) x[i] = (float)cos(0.9 * i) > 0 ? 1 : -1;
    hw.adc.bits = 0;  // the noise of the devices alone
    hw.adc.noise_full_scale = 0;
    og_array *array = make_array(&hw);
    program(array, w);
    spread(array, x, sd);
    for (int j = 0; j < COLS; j++) {
        double law = 0;
        for (int i = 0; i < ROWS; i++) law += fabsf(w[j * ROWS + i]) * x[i] * x[i];
        law = 0.0175 * sqrt(law);
        assert_true(fabs(sd[j] / law - 1) <= 0.01 + 4.5 / sqrt(2.0 * READS));
    }
    og_array_free(array);
    hw = hardware_of("hardware: {preset: aihwkit_hwa}\n");
    near(hw.wires.r_col * hw.device.g_max, 0.35 * 5e-6);
}

static void crosssim_and_neurosim_have_their_numbers(void **state)
{
    (void)state;
    struct og_hardware hw = hardware_of("hardware: {preset: crosssim_default}\n");
    near(1 / hw.device.g_max, 1e3);
    near(1 / hw.device.g_min, 1e4);
    near(hw.device.v_read, 0.1);
    assert_int_equal(hw.tile.rows, 1024);
    assert_int_equal(hw.tile.cols, 1024);
    assert_int_equal(hw.adc.bits + hw.dac.bits, 0);
    assert_int_equal(hw.device.clip, OG_CLIP_NONNEGATIVE);
    hw = hardware_of("hardware: {preset: neurosim_1_4}\n");
    near(1 / hw.device.g_max, 100e3);
    assert_true(fabs(1 / hw.device.g_min - 1.7e6) < 1);
    near(hw.device.v_read, 0.55);
    assert_int_equal(hw.device.cell.levels, 2);
    assert_int_equal(hw.mapping.weight_bits, 8);
    assert_int_equal(hw.dac.bits, 8);
    assert_int_equal(hw.tile.rows, 128);
    assert_int_equal(hw.adc.bits, 5);
    assert_int_equal(hw.input.encoding, OG_BIT_SERIAL);
}

static void keys_of_the_user_lie_on_top(void **state)
{
    (void)state;
    struct og_hardware hw =
        hardware_of("hardware:\n  preset: aihwkit_pcm\n  adc: {bits: 4}\n"
                    "  device: {program: {scale: 2}, read: {sigma: 1 uS}}\n");
    assert_int_equal(hw.adc.bits, 4);
    near(hw.adc.full_scale, 12);
    assert_string_equal(hw.device.name, "pcm_joshi");
    near(hw.device.program.scale, 2);
    assert_int_equal(hw.device.program.kind, OG_SIGMA_POLYNOMIAL);
    assert_int_equal(hw.device.read.kind, OG_SIGMA_CONSTANT);
    // Another device takes nothing over from that of the preset, all else stays.
    hw = hardware_of("hardware: {preset: aihwkit_hwa, device: rram_yuan}\n");
    assert_string_equal(hw.device.name, "rram_yuan");
    assert_int_equal(hw.device.read.kind, OG_SIGMA_NONE);
    near(hw.device.g_max, 1e-6);
    near(hw.adc.full_scale, 10);
    og_experiment *e = read_well(
        "hardware: {adc: {bits: 3}}\ntrain: {hardware: {preset: aihwkit_io}}\n");
    struct og_config config;
    assert_int_equal(og_experiment_point(e, 0, &config, NULL), OG_OK);
    assert_int_equal(config.hardware.adc.bits, 3);
    assert_int_equal(config.train.hardware.adc.bits, 9);
    og_experiment_free(e);
}

static void presets_are_swept_and_set(void **state)
{
    (void)state;
    og_experiment *e = read_well(
        "hardware: {preset: aihwkit_io, tile: {rows: 64}}\n"
        "sweep: [{key: hardware.preset, values: [aihwkit_io, crosssim_default]}]\n");
    struct og_hardware a = hardware_at(e, 0), b = hardware_at(e, 1);
    assert_int_equal(a.adc.bits, 9);
    assert_int_equal(b.adc.bits, 0);
    near(b.device.g_max, 1e-3);
    assert_int_equal(a.tile.rows, 64);
    assert_int_equal(b.tile.rows, 64);
    // The effective text is the same experiment, point by point.
    char *text = og_experiment_text(e), key[2][2][33];
    og_experiment *again;
    struct og_error err = {0};
    if (og_experiment_parse(&again, "e.yaml", text, NULL, &err) != OG_OK)
        fail_msg("%s", err.text);
    for (size_t point = 0; point < 2; point++) {
        og_experiment_key(e, point, OG_STAGE_EVALUATE, key[0][point]);
        og_experiment_key(again, point, OG_STAGE_EVALUATE, key[1][point]);
        assert_string_equal(key[0][point], key[1][point]);
    }
    assert_string_not_equal(key[0][0], key[0][1]);
    og_experiment_free(again);
    og_experiment_free(e);
    free(text);
}

// A text with every key needs no file, and another preset replaces them all.
static void an_effective_text_needs_no_preset(void **state)
{
    (void)state;
    write_file("mine.yaml",
               "title: Of this test alone, nobody else's\n"
               "citation: None, numbers of no meaning\nhardware: {adc: {bits: 5}}\n");
    og_experiment *e = read_well("hardware: {preset: mine}\n"), *again;
    char *text = og_experiment_text(e);
    struct og_error err = {0};
    assert_int_equal(hardware_at(e, 0).adc.bits, 5);
    og_experiment_free(e);
    assert_int_equal(remove("mine.yaml"), 0);
    if (og_experiment_parse(&again, "e.yaml", text, NULL, &err) != OG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hardware_at(again, 0).adc.bits, 5);
    og_experiment_free(again);
    const char *const set[] = {"hardware.preset=aihwkit_io"};
    const struct og_overrides over = {.set = set, .sets = 1};
    if (og_experiment_parse(&again, "e.yaml", text, &over, &err) != OG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hardware_at(again, 0).adc.bits, 9);
    og_experiment_free(again);
    free(text);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    og_experiment *e;
    struct og_error err = {0};
    assert_int_equal(read_text(&e, "hardware: {preset: nobodys}\n", &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no hardware preset 'nobodys'; looked in "));
    write_file("bare.yaml", "title: without a source\nhardware: {}\n");
    write_file("nested.yaml", "title: t\ncitation: c\nhardware: {preset: aihwkit_io}\n");
    write_file("list.yaml", "title: t\ncitation: c\nhardware: [1]\n");
    write_file("wrong.yaml", "title: t\ncitation: c\nhardware:\n  adc: {bits: 99}\n");
    static const char *const bad[][2] = {
        {"hardware: {preset: bare}\n",
         "./bare.yaml:1: key 'citation' is missing: Where the numbers come from."},
        {"hardware: {preset: nested}\n",
         "./nested.yaml:3: key 'hardware.preset': a preset has no preset"},
        {"hardware: {preset: list}\n",
         "./list.yaml:3: key 'hardware': must be a map of keys"},
        {"hardware: {preset: wrong}\n", "./wrong.yaml:4: key 'hardware.adc.bits': 99 is "
                                        "outside the allowed range (0 .. 16)"},
        {"hardware: {layers: [{layer: a, preset: aihwkit_io}]}\n",
         "e.yaml:2: key 'hardware.layers[0].preset': holds for the whole network, not "
         "for a "
         "layer"},
        {"hardware: {adc: {bits: 6, full_scale: 3}}\n",
         "e.yaml:2: key 'hardware.adc.full_scale': has no effect without adc.range_mode "
         "absolute"},
    };
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_is_a_hardware),
        cmocka_unit_test(aihwkit_io_has_its_units),
        cmocka_unit_test(aihwkit_pcm_is_io_on_pcm),
        cmocka_unit_test(aihwkit_hwa_has_its_weight_noise),
        cmocka_unit_test(crosssim_and_neurosim_have_their_numbers),
        cmocka_unit_test(keys_of_the_user_lie_on_top),
        cmocka_unit_test(presets_are_swept_and_set),
        cmocka_unit_test(an_effective_text_needs_no_preset),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
