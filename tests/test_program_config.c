// SPDX-License-Identifier: GPL-3.0-or-later
// hardware.program, device.pulse and device.faults in an experiment.
#include "config/tree.h"
#include "config_texts.h"

#define PULSED "hardware: {device: {pulse: {up: 1 uS, down: 2 uS, c2c: 0.3}}, "

static void keys_of_writing(void **state)
{
    (void)state;
    og_experiment *e, *again;
    struct og_error err = {0};
    struct og_config a, b;
    const char text[] = PULSED
        "program: {mode: write_verify, acceptance: 0.02, pulses: 40, noise: 50 nS}}\n"
        "sweep: [{key: hardware.program.mode, name: mode, values: [direct, "
        "write_verify]}]\n";
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(og_experiment_point(e, 0, &a, NULL), OG_OK);
    assert_int_equal(og_experiment_point(e, 1, &b, NULL), OG_OK);
    assert_int_equal(a.hardware.device.write.mode, OG_WRITE_DIRECT);
    assert_int_equal(b.hardware.device.write.mode, OG_WRITE_VERIFIED);
    assert_true(b.hardware.device.write.acceptance == 0.02);
    assert_true(b.hardware.device.write.pulses == 40);
    assert_true(b.hardware.device.write.noise == 50e-9);
    assert_true(b.hardware.device.pulse.down == 2e-6);
    char *effective = og_experiment_text(e);
    write_file("again.yaml", effective);
    assert_int_equal(og_experiment_read(&again, "again.yaml", NULL, NULL), OG_OK);
    assert_int_equal(og_experiment_point(again, 1, &a, NULL), OG_OK);
    assert_memory_equal(&a.hardware, &b.hardware, sizeof a.hardware);
    free(effective);
    og_experiment_free(e);
    og_experiment_free(again);
    assert_int_equal(read_text(&e, PULSED "program: write_verify}\n", NULL), OG_OK);
    og_experiment_free(e);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {program: write_verify}\n",
         "e.yaml:2: key 'hardware.program': 'program.mode': write_verify needs what a "
         "pulse does: device.pulse.up and device.pulse.down above 0"},
        {"hardware: {device: {pulse: {gamma_up: 1}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.gamma_up': has no effect with this "
         "pulse.law"},
        {"hardware: {device: {pulse: {law: soft_bounds, g_zero: 5 uS, a: 1}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.a': has no effect with this pulse.law"},
        {"hardware: {device: {pulse: {law: linear, nonlinearity_up: 1}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.nonlinearity_up': has no effect with this "
         "pulse.law"},
        {"hardware: {device: {pulse: {additive: true}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.additive': has no effect without "
         "pulse.c2c"},
        {"hardware: {device: {pulse: {law: exp_step, g_zero: 30 uS}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.g_zero': is not between g_min and g_max"},
        {"hardware: {device: {pulse: {law: linear, g_zero: 25 uS}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.g_zero': has to be above g_min and below "
         "g_max with this pulse.law"},
        {"hardware: {device: {pulse: {up: 1 uS, down: 1 uS, d2d_law: lognormal}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.d2d_law': has no effect without "
         "pulse.d2d"},
        {"hardware: {device: {pulse: {up: 1 uS, down: 1 uS, mirror: true}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.mirror': has no effect with this "
         "pulse.law"},
        {"hardware: {device: {pulse: {up: 1 uS, down: 1 uS, law: linear, g_zero: 9 uS, "
         "reference: symmetry_point}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.reference': has no effect with this "
         "pulse.law"},
        {"hardware: {device: {pulse: {up: 1 uS, down: 1 uS, reference_d2d: 1 uS}}}\n",
         "e.yaml:2: key 'hardware.device.pulse.reference_d2d': has no effect with this "
         "pulse.law"},
        {PULSED "program: {pulses: 7}}\n", "e.yaml:2: key 'hardware.program.pulses': has "
                                           "no effect with program.mode direct"},
        {PULSED "program: {noise: 1 nS}}\n", "e.yaml:2: key 'hardware.program.noise': "
                                             "has no effect with program.mode direct"},
        {PULSED "program: {start: direct}}\n", "e.yaml:2: key 'hardware.program.start': "
                                               "has no effect with program.mode direct"},
        {PULSED "program: {mode: write_verify, acceptance: 0}}\n",
         "e.yaml:2: key 'hardware.program.acceptance': 0 is outside the allowed range "
         "(1e-06 .. 1)"},
        {"hardware: {mapping: {scheme: offset, remap: [columns, sides]}}\n",
         "e.yaml:2: key 'hardware.mapping.remap': sides and partners need a differential "
         "mapping.scheme, not offset"},
        {"hardware: {fault_map: {group: x}}\n",
         "e.yaml:2: key 'hardware.fault_map.group': has no effect without "
         "fault_map.file"},
        {"hardware: {device: {faults: {p_short: 0.1}}}\n",
         "e.yaml:2: key 'hardware.device.faults': 'faults.g_short': is needed with "
         "p_short "
         "above 0"},
        {"hardware: {device: {faults: {p_open: 0.6, p_lrs: 0.6}}}\n",
         "e.yaml:2: key 'hardware.device.faults': p_lrs + p_hrs + p_open + p_short = 1.2 "
         "is "
         "above 1"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_writing),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
