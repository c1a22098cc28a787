// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of what time does, and of what is done against it.
#include "config_texts.h"

static void times_are_swept_with_their_units(void **state)
{
    (void)state;
    static const double want[] = {0, 1, 180, 7200, 86400, 864000, 31536000};
    og_experiment *e;
    struct og_config c;
    struct og_error err = {0};
    const char text[] =
        "hardware:\n"
        "  device: {name: pcm_joshi, drift: {nu: 0.06, spread: {scale: 0.5}}}\n"
        "  compensation: per_column\n"
        "sweep: [{key: hardware.t_inference, values: [0, 1 s, 3 min, 2 h, 1 day, 10 days,"
        " 1 year]}]\n";
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    for (size_t p = 0; p < 7; p++) {
        assert_int_equal(og_experiment_point(e, p, &c, NULL), OG_OK);
        assert_true(c.hardware.t_inference == want[p]);
        assert_int_equal(c.hardware.compensation.mode, OG_COMPENSATE_COLUMNS);
        assert_int_equal(c.hardware.compensation.reads, 32);
        // A number alone is the whole law; a map changes that of the file.
        assert_true(c.hardware.device.drift.nu.offset == 0.06);
        assert_true(c.hardware.device.drift.nu.slope == 0);
        assert_true(c.hardware.device.drift.spread.slope == -0.0125);
        assert_true(c.hardware.device.drift.spread.scale == 0.5);
    }
    og_experiment_free(e);
}

// Every key of this page can be an axis under its own name.
static void keys_are_axes(void **state)
{
    (void)state;
    static const char *const swept[] = {
        "{key: hardware.past_reads, values: [0, 1e6]}",
        "{key: hardware.t_cycle, values: [1 us, 2 us]}",
        "{key: hardware.compensation, values: [none, global]}",
        "{key: hardware.thermal.bandwidth, values: [1 MHz, 2 MHz]}",
        "{key: hardware.device.rtn.amplitude, values: [0.1, 0.2]}",
        "{key: hardware.device.drift.nu.scale, values: [0.5, 1]}",
        "{key: hardware.device.flicker.q.scale, values: [0, 1]}",
    };
    for (size_t k = 0; k < sizeof swept / sizeof *swept; k++) {
        og_experiment *e;
        struct og_error err = {0};
        char text[1024];
        snprintf(text, sizeof text,
                 "hardware:\n"
                 "  device: {name: pcm_joshi, disturb: {reads: 1e9},"
                 " rtn: {fraction: 0.1, amplitude: 0.2}}\n"
                 "  t_cycle: 1 us\n"
                 "  thermal: {law: thermal_shot, bandwidth: 1 MHz}\n"
                 "sweep: [%s]\n",
                 swept[k]);
        if (read_text(&e, text, &err) != OG_OK) fail_msg("%s: %s", swept[k], err.text);
        og_experiment_free(e);
    }
}

static void what_has_no_effect_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {t_inference: 1 h}\n",
         "e.yaml:2: key 'hardware.t_inference': has no effect: the device has no drift, "
         "flicker or retention"},
        {"hardware: {t_inference: 1 V}\n", "e.yaml:2: key 'hardware.t_inference': '1 V' "
                                           "has a wrong unit: it is measured in "
                                           "s"},
        {"hardware: {device: {v_read: 1 day}}\n",
         "e.yaml:2: key 'hardware.device.v_read': '1 day' has a wrong unit: it is "
         "measured in V"},
        {"hardware: {compensation: {reads: 8}}\n",
         "e.yaml:2: key 'hardware.compensation.reads': has no effect with "
         "compensation.mode none"},
        {"hardware: {compensation: {mode: global}, adc: {kind: ramp}}\n",
         "e.yaml:2: key 'hardware.compensation.mode': needs sums that can be scaled: it "
         "excludes adc.kind ramp, whose output is a function of the sum"},
        {"hardware: {device: {drift: {nu: {exponent: 2}}}}\n",
         "e.yaml:2: key 'hardware.device.drift.nu': exponent has no effect without "
         "factor"},
        {"hardware: {device: {drift: {spread: {offset: 1, min: 3}}}}\n",
         "e.yaml:2: key 'hardware.device.drift.spread': min is above max"},
        {"hardware: {device: {flicker: {q: {above: 0.5}}}}\n",
         "e.yaml:2: key 'hardware.device.flicker.q': above has no effect without "
         "coefficients"},
        {"hardware: {thermal: {law: thermal_shot}}\n",
         "e.yaml:2: key 'hardware.thermal.law': needs thermal.bandwidth above 0"},
        {"hardware: {thermal: {bandwidth: 1 MHz}}\n",
         "e.yaml:2: key 'hardware.thermal.bandwidth': has no effect with thermal.law "
         "none"},
        {"hardware: {thermal: {law: thermal_only, bandwidth: 1 MHz}, adc: {kind: "
         "ramp}}\n",
         "e.yaml:2: key 'hardware.thermal.law': excludes adc.kind ramp, whose own cells "
         "would need a bandwidth of their own"},
        {"hardware: {device: rram_wan2022, t_inference: 1 h}\n",
         "e.yaml:2: key 'hardware.t_inference': is none of the times of "
         "device.retention.t (or 0), and nothing is known between them"},
        {"hardware: {device: {name: rram_wan2022, d2d: {g_max: 0.1}}, t_inference: 1 "
         "day}\n",
         "e.yaml:2: key 'hardware.t_inference': device.retention has all errors from the "
         "target: it excludes device.d2d and pulse-by-pulse programming"},
        {"hardware: {device: {retention: {t: [1 h, 2 h], sigma: [1 uS, 2 uS, 3 uS]}}}\n",
         "e.yaml:2: key 'hardware.device.retention': sigma, and mean where it is given, "
         "need as many coefficients for each time of t"},
        {"hardware: {device: {retention: {t: [2 h, 1 h], sigma: [1 uS, 2 uS]}}}\n",
         "e.yaml:2: key 'hardware.device.retention.t': must be rising"},
        {"hardware: {device: {retention: {sigma: [1 uS]}}}\n",
         "e.yaml:2: key 'hardware.device.retention': has no effect without times t"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us, t_sample: 1 ms}\nevaluate: {norm_samples: 8}\n",
         "e.yaml:3: key 'evaluate.norm_samples': 8 excludes device.flicker.mode "
         "correlated: those samples have no time on the read clock"},
        {"data: {name: ptb, as: words}\nevaluate: {norm_samples: 8}\n",
         "e.yaml:3: key 'evaluate.norm_samples': has no effect without samples of their "
         "own, which text has not"},
        {"hardware: {past_reads: 1000}\n", "e.yaml:2: key 'hardware.past_reads': has no "
                                           "effect without device.disturb.reads"},
        {"hardware: {device: {disturb: {beta: 0.5}}}\n",
         "e.yaml:2: key 'hardware.device.disturb': has no effect without reads"},
        {"hardware: {t_cycle: 1 us}\n",
         "e.yaml:2: key 'hardware.t_cycle': has no effect without device.rtn, or "
         "device.flicker of mode correlated"},
        {"hardware: {device: {rtn: {fraction: 0.1}}}\n",
         "e.yaml:2: key 'hardware.device.rtn': has no effect without both fraction and "
         "amplitude above 0"},
        {"hardware: {device: {rtn: {fraction: 0.1, amplitude: 0.2}}}\n",
         "e.yaml:2: key 'hardware.device.rtn': needs hardware.t_cycle above 0"},
        {"hardware: {device: {name: pcm_joshi, drift: {t_0: 0.1 s}, flicker: {t_read: 1 "
         "s}}}\n",
         "e.yaml:2: key 'hardware.device.flicker.t_read': is longer than "
         "device.drift.t_0 and t_inference together, the time in which the noise has "
         "accumulated"},
        {"hardware: {t_sample: 1 ms}\n",
         "e.yaml:2: key 'hardware.t_sample': has no effect without device.flicker of "
         "mode correlated"},
        {"hardware: {t_pass: 1 ms}\n", "e.yaml:2: key 'hardware.t_pass': has no effect "
                                       "without device.flicker of mode correlated"},
        {"hardware: {device: {flicker: {mode: correlated}}, t_cycle: 1 us, t_sample: 1 "
         "ms}\n",
         "e.yaml:2: key 'hardware.device.flicker.mode': correlated has no effect: "
         "device.flicker.q is 0"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us}\n",
         "e.yaml:2: key 'hardware.device.flicker.mode': correlated needs "
         "hardware.t_cycle and hardware.t_sample above 0"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us, t_sample: 2.5 us}\n",
         "e.yaml:2: key 'hardware.t_sample': is no whole number of hardware.t_cycle, the "
         "ticks of reads"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "ns, t_sample: 2 s}\n",
         "e.yaml:2: key 'hardware.t_sample': is more than 1e9 times hardware.t_cycle"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us, t_sample: 1 ms, t_pass: 2 ms}\n",
         "e.yaml:2: key 'hardware.t_pass': is longer than hardware.t_sample"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us, t_sample: 1 ms, adc: {kind: ramp}}\n",
         "e.yaml:2: key 'hardware.device.flicker.mode': correlated excludes adc.kind "
         "ramp, whose own cells are read on another clock"},
        {"hardware: {device: {name: pcm_joshi, flicker: {mode: correlated}}, t_cycle: 1 "
         "us, t_sample: 1 ms, t_pass: 0.4 ms}\nevaluate: {votes: 3}\n",
         "e.yaml:3: key 'evaluate.votes': 3 passes over a sample, with "
         "device.flicker.mode correlated, need hardware.t_pass above 0 and "
         "hardware.t_sample of at least 3 times that"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_swept_with_their_units),
        cmocka_unit_test(keys_are_axes),
        cmocka_unit_test(what_has_no_effect_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
