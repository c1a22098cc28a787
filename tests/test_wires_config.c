// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of wires: swept, switched off, and refused where they would be ignored.
#include "config/tables.h"
#include "config_texts.h"

static void they_can_be_swept(void **state)
{
    (void)state;
    og_experiment *e;
    struct og_error err = {0};
    struct og_config c;
    const char *text =
        "hardware: {wires: {mode: none, r_source: 1 kohm, drive: both}}\n"
        "sweep:\n"
        "  - {key: hardware.wires.mode, values: [none, approximate, exact]}\n"
        "  - zip: [{key: hardware.wires.r_row, values: [0, 2 ohm]},\n"
        "          {key: hardware.wires.r_col, values: [0, 2 ohm]}]\n";
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(og_experiment_points(e), 6);
    assert_int_equal(og_experiment_point(e, 5, &c, &err), OG_OK);
    assert_true(c.hardware.wires.mode == OG_WIRES_EXACT);
    assert_true(c.hardware.wires.r_row == 2 && c.hardware.wires.r_col == 2);
    assert_true(c.hardware.wires.r_source == 1000);
    assert_true(c.hardware.wires.drive == OG_BOTH_ENDS);
    assert_true(c.hardware.wires.sense == OG_ONE_END);
    og_experiment_free(e);
}

static void a_variant_is_without(void **state)
{
    (void)state;
    struct og_hardware h = og_hardware_default();
    h.wires = (struct og_wiring){.mode = OG_WIRES_EXACT, .r_row = 1};
    h.pair.layout = OG_LAYOUT_SEPARATE;
    strcpy(h.variant, "without wires");
    og_variant_apply(&h, NULL);
    assert_true(h.wires.mode == OG_WIRES_NONE && h.wires.r_row == 0);
    assert_true(h.pair.layout == OG_LAYOUT_ADJACENT);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {wires: {r_row: 2}}\n",
         "e.yaml:2: key 'hardware.wires': has no effect without a mode"},
        {"hardware: {pair: {layout: separate_arrays}}\n",
         "e.yaml:2: key 'hardware.pair.layout': has no effect without wires.mode"},
        {"hardware: {wires: {mode: exact, r_col: 1e-9}}\n",
         "e.yaml:2: key 'hardware.wires.r_col': is above 0 but below 1e-6 ohm"},
        {"hardware: {mapping: {scheme: offset}, wires: {mode: exact}, pair: {layout: "
         "separate_arrays}}\n",
         "e.yaml:2: key 'hardware.pair.layout': has no effect with mapping.scheme "
         "offset, "
         "which has no pairs"},
        {"hardware: {wires: {mode: exact_nonlinear, r_row: 1}}\n",
         "e.yaml:2: key 'hardware.wires.mode': exact_nonlinear needs a "
         "device.iv that is not ohmic: of ohmic cells exact is all there is"},
        {"hardware: {device: {iv: {kind: sinh, a: 3}}, wires: {mode: exact, r_row: 1}}\n",
         "e.yaml:2: key 'hardware.wires.mode': needs ohmic cells: with this "
         "device.iv use exact_nonlinear"},
        {"hardware: {device: {iv: {a: 3}}}\n",
         "e.yaml:2: key 'hardware.device.iv.a': has no effect with kind ohmic (it needs "
         "kind "
         "sinh)"},
        {"hardware: {device: {iv: {kind: sinh}}}\n",
         "e.yaml:2: key 'hardware.device.iv': kind sinh needs a above 0"},
        {"hardware: {device: {iv: {kind: sinh, a: 3}}, input: {sign: offset}}\n",
         "e.yaml:2: key 'hardware.device.iv': excludes input.sign offset unless ohmic, "
         "which "
         "takes away what ohmic cells would carry"},
        {"hardware: {device: {iv: {kind: sinh, a: 3, v_max: 1}}}\n",
         "e.yaml:2: key 'hardware.device.iv.v_max': has no effect with kind sinh (it "
         "needs "
         "kind polynomial)"},
        {"hardware: {device: {iv: {kind: polynomial, coefficients: [1, 0, 2]}}}\n",
         "e.yaml:2: key 'hardware.device.iv': kinds polynomial and table need dac.bits: "
         "ideal converters go beyond v_read"},
        {"hardware: {dac: {bits: 8}, device: {iv: {kind: table, table_v: [0, 300 mV], "
         "table_i: [0, 1]}}, wires: {mode: exact_nonlinear, r_row: 1}}\n",
         "e.yaml:2: key 'hardware.device.iv': reaches 0.3 V, but between wires cells see "
         "up "
         "to 0.4 V (input.sign two_pass: half of it)"},
        {"hardware: {wires: {mode: exact, r_row: 1, approximation: ladder}}\n",
         "e.yaml:2: key 'hardware.wires.approximation': has no effect without wires.mode "
         "approximate"},
        {"hardware: {wires: {mode: approximate, r_row: 1, approximation: cubic}}\n",
         "e.yaml:2: key 'hardware.wires.approximation': cubic needs wires.r_col, the "
         "only "
         "resistance that it knows"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_can_be_swept),
        cmocka_unit_test(a_variant_is_without),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
