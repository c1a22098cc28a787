// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of ramp ADCs and of row tiles joined in analog.
#include "config_texts.h"

static void ramps_are_swept(void **state)
{
    (void)state;
    og_experiment *e;
    struct og_config c;
    struct og_error err = {0};
    const char text[] =
        "hardware:\n"
        "  tile: {accumulate: analog}\n"
        "  adc:\n"
        "    kind: ramp\n"
        "    ramp: {split: false, calibration: none, bias_cells: 7, v_read: 150 mV,"
        " cell_state: true}\n"
        "sweep: [{key: hardware.adc.ramp.bits, values: [3, 8]}]\n";
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    for (int p = 0; p < 2; p++) {
        assert_int_equal(og_experiment_point(e, (size_t)p, &c, NULL), OG_OK);
        assert_int_equal(c.hardware.adc.kind, OG_ADC_RAMP);
        assert_int_equal(c.hardware.adc.ramp.bits, p == 0 ? 3 : 8);
        assert_false(c.hardware.adc.ramp.split);
        assert_int_equal(c.hardware.adc.ramp.calibration, OG_RAMP_UNCALIBRATED);
        assert_int_equal(c.hardware.adc.ramp.bias_cells, 7);
        assert_true(c.hardware.adc.ramp.v_read == 0.15);
        assert_true(c.hardware.adc.ramp.cell_state);
        assert_int_equal(c.hardware.tile.accumulate, OG_ACCUMULATE_ANALOG);
    }
    og_experiment_free(e);
}

static void what_has_no_effect_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {adc: {ramp: {bits: 4}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.bits': has no effect without adc.kind ramp"},
        {"hardware: {adc: {ramp: {split: false}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.split': has no effect without adc.kind ramp"},
        {"hardware: {adc: {ramp: {calibration: none}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.calibration': has no effect without adc.kind "
         "ramp"},
        {"hardware: {adc: {ramp: {bias_cells: 9}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.bias_cells': has no effect without adc.kind "
         "ramp"},
        {"hardware: {adc: {ramp: {v_read: 0.1 V}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.v_read': has no effect without adc.kind ramp"},
        {"hardware: {adc: {ramp: {cell_state: true}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.cell_state': has no effect without adc.kind "
         "ramp"},
        {"hardware: {adc: {kind: ramp, ramp: {bits: 9}}}\n",
         "e.yaml:2: key 'hardware.adc.ramp.bits': 9 is outside the allowed range (2 .. "
         "8)"},
        {"hardware: {adc: {kind: ramp}, rnn: {mapping: split}}\n",
         "e.yaml:2: key 'hardware.rnn.mapping': split leaves no whole column sums for "
         "adc.kind ramp: use combined or per_gate"},
        {"hardware: {adc: {kind: ramp}, technology: isaac_32nm}\n",
         "e.yaml:2: key 'hardware.technology': ramp.clock is 0: the costs of adc.kind "
         "ramp need the ramp block of a technology"},
        {"hardware: {tile: {accumulate: analog, rows_active: 64}}\n",
         "e.yaml:2: key 'hardware.tile.rows_active': 64 excludes tile.accumulate analog, "
         "which joins whole tiles: tile.accumulate_groups has to be analog too"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ramps_are_swept),
        cmocka_unit_test(what_has_no_effect_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
