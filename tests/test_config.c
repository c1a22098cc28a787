// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments: sweeps, --set, device overrides, stage keys, effective text, wrong files.
#include <string.h>

#include "base/mem.h"
#include "config/tables.h"
#include "config/tree.h"
#include "config_files.h"
#include "ohmgrid/config.h"

static int enter_folder(void **state)
{
    return make_folder(state) != 0 || chdir(folder) != 0;
}

static const char model[] = "model: {layers: [{dense: {units: 10}}]}\n";

// Reads model + text; the error sentence goes to `err`.
static og_experiment *read_text(const char *text, const struct og_overrides *o,
                                struct og_error *err)
{
    og_experiment *e;
    char whole[4096];
    snprintf(whole, sizeof whole, "%s%s", model, text);
    write_file("e.yaml", whole);
    og_status status = og_experiment_read(&e, "e.yaml", o, err);
    assert_true((status == OG_OK) == (e != NULL));
    return e;
}

static og_experiment *good(const char *text)
{
    struct og_error err = {0};
    og_experiment *e = read_text(text, NULL, &err);
    assert_string_equal(err.text, "");
    return e;
}

static struct og_config point(const og_experiment *e, size_t p)
{
    struct og_config c;
    assert_int_equal(og_experiment_point(e, p, &c, NULL), OG_OK);
    return c;
}

static bool same_key(const og_experiment *e, size_t p, size_t q, enum og_stage stage)
{
    char a[33], b[33];
    og_experiment_key(e, p, stage, a);
    og_experiment_key(e, q, stage, b);
    assert_int_equal(strlen(a), 32);
    return strcmp(a, b) == 0;
}

static void defaults_are_a_clean_crossbar(void **state)
{
    (void)state;
    og_experiment *e = good("");
    struct og_config c = point(e, 0);
    struct og_hardware h = og_hardware_default();
    assert_int_equal(og_experiment_points(e), 1);
    assert_memory_equal(&c.hardware, &h, sizeof h);
    assert_false(h.ideal);
    assert_true(h.device.program.kind == OG_SIGMA_NONE && h.device.program.scale == 1);
    assert_true(h.adc.bits == 0 && h.dac.bits == 0 && h.injection.points == 0);
    assert_true(h.mapping.weight_bits == 0 && h.mapping.devices_per_weight == 1);
    assert_true(h.rnn.x_bits == -1 && h.rnn.h_bits == -1);
    assert_true(c.train.hardware_mode == OG_TRAIN_IDEAL && c.train.hardware.ideal);
    assert_true(c.seed == 1 && c.train.seed == 1 && c.trials == 1);
    assert_string_equal(c.data.name, "fashion_mnist");
    assert_int_equal(c.layers->n, 1);
    og_experiment_free(e);
}

static void axes_are_row_major_with_units(void **state)
{
    (void)state;
    og_experiment *e = good(
        "sweep:\n"
        "  - {key: hardware.adc.bits, values: [4, 6, 8]}\n"
        "  - {key: hardware.device.read.sigma, name: noise, values: [0 uS, 0.25 uS]}\n");
    assert_int_equal(og_experiment_points(e), 6);
    const struct og_axis *bits = og_experiment_axis(e, 0),
                         *noise = og_experiment_axis(e, 1);
    assert_true(og_experiment_axes(e) == 2 && bits->n == 3 && noise->n == 2);
    assert_string_equal(bits->column[0].name, "adc_bits");
    assert_string_equal(bits->column[0].units, "1");
    assert_string_equal(noise->column[0].name, "noise");
    assert_string_equal(noise->column[0].units, "S");
    assert_true(noise->column[0].value[1] == 0.25e-6 && bits->column[0].value[2] == 8);
    for (size_t p = 0; p < 6; p++) {
        struct og_config c = point(e, p);
        assert_int_equal(c.hardware.adc.bits, 4 + 2 * (int)(p / 2));
        assert_true(c.hardware.device.read.sigma == (p % 2 ? 0.25e-6 : 0));
        assert_int_equal(c.hardware.device.read.kind, OG_SIGMA_CONSTANT);
    }
    og_experiment_free(e);
}

static void zipped_axes_share_a_dimension(void **state)
{
    (void)state;
    og_experiment *e =
        good("sweep:\n"
             "  - zip:\n"
             "    - {key: hardware.injection.points, values: [[], [X], [X, H]]}\n"
             "    - {key: hardware.tile.rows, values: [64, 128, 64]}\n"
             "  - {key: train.reparam, values: [true, false]}\n");
    const struct og_axis *a = og_experiment_axis(e, 0);
    assert_true(og_experiment_points(e) == 6 && a->columns == 2 && a->n == 3);
    assert_true(a->column[0].text && !a->column[1].text);
    assert_string_equal(a->column[0].label[0], "none");
    assert_string_equal(a->column[0].label[2], "X+H");
    assert_string_equal(og_experiment_axis(e, 1)->column[0].label[1], "false");
    struct og_config c = point(e, 4);
    assert_true(c.hardware.injection.points == 3 && c.hardware.tile.rows == 64);
    assert_true(c.train.reparam);
    og_experiment_free(e);
}

static void layers_can_be_swept(void **state)
{
    (void)state;
    og_experiment *e =
        good("sweep:\n  - {key: 'model.layers[0].dense.units', values: [10, 20]}\n");
    const struct og_axis_column *column = og_experiment_axis(e, 0)->column;
    assert_string_equal(column->name, "dense_units");
    assert_true(!column->text && column->value[1] == 20);
    struct og_config c = point(e, 1);
    assert_true(og_item_is_text(og_item_find(c.layers, "[0].dense.units", false), "20"));
    assert_false(same_key(e, 0, 1, OG_STAGE_TRAIN));
    og_experiment_free(e);
}

static void training_sees_what_was_chosen(void **state)
{
    (void)state;
    og_experiment *e = good("hardware: {adc: {bits: 8}}\n"
                            "sweep:\n"
                            "  - key: train.hardware\n"
                            "    values: [ideal, same, nominal, {adc: {bits: 3}}]\n"
                            "    labels: [ideal, same, nominal, own]\n"
                            "  - {key: hardware.adc.bits, values: [4, 8]}\n");
    const int bits[4][2] = {{0, 0}, {4, 8}, {8, 8}, {3, 3}};
    for (size_t p = 0; p < 8; p++) {
        struct og_config c = point(e, p);
        assert_int_equal(c.train.hardware_mode, p / 2);
        assert_int_equal(c.train.hardware.adc.bits, bits[p / 2][p % 2]);
        assert_int_equal(c.train.hardware.ideal, p < 2);
    }
    assert_true(same_key(e, 0, 1, OG_STAGE_TRAIN));   // ideal: trained once
    assert_false(same_key(e, 2, 3, OG_STAGE_TRAIN));  // same: once per point
    assert_true(same_key(e, 4, 5, OG_STAGE_TRAIN));   // nominal: once
    assert_true(same_key(e, 3, 4, OG_STAGE_TRAIN));   // same as nominal at 8 bits
    assert_true(same_key(e, 6, 7, OG_STAGE_TRAIN));
    assert_false(same_key(e, 0, 4, OG_STAGE_TRAIN));
    assert_false(same_key(e, 0, 1, OG_STAGE_PROGRAM));
    og_experiment_free(e);
}

// What a stage reads changes its key, what it does not read leaves it.
static void keys_follow_the_stages(void **state)
{
    (void)state;
    static const struct {
        const char *key, *values;
        enum og_stage first;  // the first stage whose key differs
    } cases[] = {
        {"data.as", "[image, rows]", OG_STAGE_DATA},
        {"data.steps", "[10, 20]", OG_STAGE_DATA},
        {"data.features.hop", "[64, 128]", OG_STAGE_DATA},
        {"data.train_limit", "[10, 20]", OG_STAGE_TRAIN},
        {"data.test_limit", "[10, 20]", OG_STAGE_EVALUATE},
        {"train.lr", "[0.1, 0.2]", OG_STAGE_TRAIN},
        {"train.seed", "[1, 2]", OG_STAGE_TRAIN},
        {"hardware.device", "[pcm_joshi, rram_yuan]", OG_STAGE_PROGRAM},
        {"hardware.dac.bits", "[4, 8]", OG_STAGE_PROGRAM},
        {"hardware.device.program.scale", "[1, 2]", OG_STAGE_PROGRAM},
        {"hardware.device.read.sigma", "[1 uS, 2 uS]", OG_STAGE_EVALUATE},
        {"hardware.adc.noise", "[0.5 LSB, 1 LSB]", OG_STAGE_EVALUATE},
        {"seed", "[5, 6]", OG_STAGE_TRAIN},  // train.seed follows it
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "sweep: [{key: %s, values: %s}]\n", cases[i].key,
                 cases[i].values);
        og_experiment *e = good(text);
        for (int s = OG_STAGE_DATA; s <= OG_STAGE_EVALUATE; s++)
            assert_int_equal(same_key(e, 0, 1, (enum og_stage)s),
                             s < (int)cases[i].first);
        og_experiment_free(e);
    }
    og_experiment *e = good("train: {seed: 3}\nsweep: [{key: seed, values: [5, 6]}]\n");
    assert_true(same_key(e, 0, 1, OG_STAGE_TRAIN));
    assert_false(same_key(e, 0, 1, OG_STAGE_PROGRAM));
    og_experiment_free(e);
}

static void overrides_lie_over_the_device_file(void **state)
{
    (void)state;
    og_experiment *e =
        good("hardware:\n"
             "  device: {name: pcm_joshi, g_min: 0.5 uS, read: {sigma: 2 uS}}\n"
             "sweep:\n"
             "  - {key: hardware.device, values: [pcm_joshi, rram_yuan]}\n"
             "  - {key: hardware.device.program.sigma, values: [0 S, 3 uS]}\n");
    struct og_config c = point(e, 1);
    const struct og_device *d = &c.hardware.device;
    assert_true(d->g_min == 0.5e-6 && d->g_max == 25e-6);
    assert_true(d->read.kind == OG_SIGMA_CONSTANT && d->read.sigma == 2e-6);
    // Another law replaces the file's polynomial altogether.
    assert_true(d->program.kind == OG_SIGMA_CONSTANT && d->program.sigma == 3e-6);
    assert_int_equal(d->program.coefficients.n, 0);
    og_experiment_free(e);
    e = good("hardware: {device: {name: pcm_joshi, read: {sigma: 2 uS}}}\n"
             "sweep: [{key: hardware.device, values: [pcm_joshi, rram_yuan]}]\n");
    assert_string_equal(og_experiment_axis(e, 0)->column[0].name, "device");
    c = point(e, 1);
    assert_string_equal(d->name, "rram_yuan");
    assert_true(d->g_max == 1e-6 && d->read.sigma == 2e-6 && d->cell.levels == 16);
    og_experiment_free(e);
}

static void set_and_seed_come_on_top(void **state)
{
    (void)state;
    const char *set[] = {"hardware.adc.bits=5",
                         "hardware.device=rram_yuan",
                         "hardware.device.g_off=1 nS",
                         "train.hardware={dac: {bits: 2}}",
                         "trials=3",
                         "model.layers[0].dense.units=7"};
    uint64_t seed = 77;
    struct og_overrides o = {.set = set, .sets = 6, .seed = &seed};
    struct og_error err = {0};
    og_experiment *e = read_text("seed: 5\n", &o, &err);
    assert_string_equal(err.text, "");
    struct og_config c = point(e, 0);
    assert_true(c.hardware.adc.bits == 5 && c.trials == 3);
    assert_true(c.seed == 77 && c.train.seed == 77);
    assert_string_equal(c.hardware.device.name, "rram_yuan");
    assert_true(c.hardware.device.g_off == 1e-9 && c.train.hardware.dac.bits == 2);
    assert_true(og_item_is_text(og_item_find(c.layers, "[0].dense.units", false), "7"));
    og_experiment_free(e);
}

static void wrong_sets_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *set, *error;
    } cases[] = {
        {"hardware.adc.bits=17",
         "--set hardware.adc.bits=17: key 'hardware.adc.bits': 17 is "
         "outside the allowed range (0 .. 16)"},
        {"hardware.acd.bits=4", "--set hardware.acd.bits=4: key 'hardware.acd': unknown "
                                "key; did you mean 'adc'?"},
        {"nonsense", "--set nonsense: want key=value, for instance hardware.adc.bits=4"},
        {"trials=", "--set trials=: there is no value after '='"},
        {"seed.x=1", "--set seed.x=1: key 'seed': must be a whole number, not a map"},
        {"model.layers[4]=1", "--set model.layers[4]=1: cannot be set there: there is no "
                              "such entry in the list"},
        {"hardware.device=nothing", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct og_overrides o = {.set = &cases[i].set, .sets = 1};
        struct og_error err = {0};
        assert_null(read_text("", &o, &err));
        if (cases[i].error != NULL)
            assert_string_equal(err.text, cases[i].error);
        else
            assert_non_null(strstr(err.text, "key 'hardware.device.name': no device file "
                                             "'nothing'; looked in ., ., "));
    }
}

static const struct {
    const char *yaml, *error;  // line 1 is the model
} bad[] = {
    {"trails: 3\n", "e.yaml:2: key 'trails': unknown key; did you mean 'trials'?"},
    {"trials: 0\n",
     "e.yaml:2: key 'trials': 0 is outside the allowed range (1 .. 1000000)"},
    {"seed: 1.5\n", "e.yaml:2: key 'seed': '1.5' is not a whole number from 0 to "
                    "18446744073709551615"},
    {"hardware:\n  adc: {bits: 8, rnage: 1}\n",
     "e.yaml:3: key 'hardware.adc.rnage': unknown key; did you mean 'range'?"},
    {"hardware: {adc: {noise: 1 V}}\n",
     "e.yaml:2: key 'hardware.adc.noise': '1 V' has a wrong unit: it is measured in LSB"},
    {"hardware: {dac: {range_mode: worst_case}}\n",
     "e.yaml:2: key 'hardware.dac.range_mode': 'worst_case' is none of: fixed, minmax, "
     "percentile, mse"},
    {"hardware: {device: {g_max: 1 uS, g_min: 2 uS}}\n",
     "e.yaml:2: key 'hardware.device.g_min': 2e-06 S is not below g_max = 1e-06 S"},
    {"hardware: {device: {name: pcm_joshi, g_min: 26 uS}}\n",
     "e.yaml:2: key 'hardware.device.g_min': 2.6e-05 S is not below g_max = 2.5e-05 S"},
    {"hardware: {mapping: {slice_bits: 2}}\n",
     "e.yaml:2: key 'hardware.mapping.slice_bits': needs weight_bits above 0"},
    {"hardware: {mapping: {weight_bits: 4, slice_bits: 4}}\n",
     "e.yaml:2: key 'hardware.mapping.slice_bits': 4 is more than the 3 bits of "
     "|weight|"},
    {"hardware: {mapping: {rounding: mid_rise}}\n",
     "e.yaml:2: key 'hardware.mapping.rounding': mid_rise needs weight_bits above 0"},
    {"hardware: {tile: {rows: 64, rows_active: 65}}\n",
     "e.yaml:2: key 'hardware.tile.rows_active': 65 is more than tile.rows = 64"},
    {"hardware: {adc: {bits: 4, noise: 1 LSB, noise_full_scale: 0.1}}\n",
     "e.yaml:2: key 'hardware.adc.noise_full_scale': excludes adc.noise, the same in "
     "LSB: "
     "give one of them"},
    {"hardware: {adc: {kind: ramp, noise_full_scale: 0.1}}\n",
     "e.yaml:2: key 'hardware.adc.noise_full_scale': excludes adc.kind ramp: give "
     "adc.noise"},
    {"hardware: {weight_noise: {read: 0.1}, input: {encoding: pulse_width}}\n",
     "e.yaml:2: key 'hardware.weight_noise.read': excludes input.encoding pulse_width, "
     "in "
     "which noise is averaged over each pulse"},
    {"hardware: {weight_noise: {programmed: 0.1}, pair: {subtract: digital}}\n",
     "e.yaml:2: key 'hardware.weight_noise.programmed': is of whole weights: it excludes "
     "pair.subtract digital"},
    {"hardware: {weight_noise: {read: 0.1}, mapping: {weight_bits: 4, slice_bits: 2}}\n",
     "e.yaml:2: key 'hardware.weight_noise.read': is of whole weights: it excludes "
     "mapping.slice_bits"},
    {"hardware: {rnn: {gate_rounding: mid_rise}}\n",
     "e.yaml:2: key 'hardware.rnn.gate_rounding': mid_rise needs rnn.gate_bits above 0"},
    {"hardware: {rnn: {c_rounding: mid_rise}}\n",
     "e.yaml:2: key 'hardware.rnn.c_rounding': mid_rise needs rnn.c_bits above 0"},
    {"hardware: {dac: {rounding: mid_rise}}\n",
     "e.yaml:2: key 'hardware.dac.rounding': mid_rise needs dac.bits above 0"},
    {"hardware: {dac: {bits: 4, rounding: mid_rise}, input: {encoding: bit_serial}}\n",
     "e.yaml:2: key 'hardware.dac.rounding': mid_rise excludes input.encoding "
     "bit_serial, "
     "whose codes are whole numbers"},
    {"hardware: {injection: {snr_db: 20}}\n",
     "e.yaml:2: key 'hardware.injection.snr_db': has no effect without injection.points"},
    {"hardware: {injection: {power: batch}}\n",
     "e.yaml:2: key 'hardware.injection.power': has no effect without injection.points"},
    {"hardware: {technology: isaac_32nm}\noutput: {layer_samples: 0}\n",
     "e.yaml:2: key 'hardware.technology': has no effect without output.layer_samples"},
    {"output: {trace: true, layer_samples: 0}\n",
     "e.yaml:2: key 'output.trace': has no effect without output.layer_samples"},
    {"hardware: {injection: {points: [X], power: epoch}}\n",
     "e.yaml:2: key 'hardware.injection.power': 'epoch' is none of: running, batch"},
    {"hardware:\n  injection: {points: [A_z, X, A]}\n",
     "e.yaml:3: key 'hardware.injection.points': A_z has no effect beside A, of which it "
     "is a part"},
    {"hardware:\n  injection: {points: [H, RH]}\n",
     "e.yaml:3: key 'hardware.injection.points': RH has no effect beside H, of which it "
     "is a part"},
    {"hardware:\n  layers:\n  - {layer: a, injection: {points: [A, A_i]}}\n",
     "e.yaml:4: key 'hardware.layers[0].injection.points': A_i has no effect beside A, "
     "of which it is a part"},
    {"hardware: {injection: {points: [Y]}}\n",
     "e.yaml:2: key 'hardware.injection.points[0]': 'Y' is none of: X, H, A, G, C, O, T, "
     "RH, "
     "A_i, A_f, A_g, A_o, A_z, A_r, A_n"},
    {"data: {features: {coefficients: 20, mels: 16}}\n",
     "e.yaml:2: key 'data.features.coefficients': 20 is more than the 16 bands of "
     "features.mels"},
    {"data: {features: {kind: log_mel, coefficients: 12}}\n",
     "e.yaml:2: key 'data.features.coefficients': has no effect with kind log_mel (it "
     "needs kind mfcc)"},
    {"data: {classes: yes no}\n",
     "e.yaml:2: key 'data.classes': has no effect without data.name wav"},
    {"data: {file: words}\n",
     "e.yaml:2: key 'data.file': has no effect without data.name text, hdf5 or wav"},
    {"data: {features: {top_db: 60}}\n",
     "e.yaml:2: key 'data.features.top_db': has no effect with scale ln (it needs scale "
     "db)"},
    {"data: {features: {mel: bark}}\n",
     "e.yaml:2: key 'data.features.mel': 'bark' is none of: htk, slaney"},
    {"data: {features: {centre: 1}}\n",
     "e.yaml:2: key 'data.features.centre': '1' is none of: false, true"},
    {"data: {features: {low: 2 kHz, high: 1 kHz}}\n",
     "e.yaml:2: key 'data.features.high': 1000 Hz is not above features.low, 2000 Hz"},
    {"data: {features: {hop: 0}}\n",
     "e.yaml:2: key 'data.features.hop': 0 is outside the allowed range (1 .. 8192)"},
    {"data: {mean: [0.5]}\n",
     "e.yaml:2: key 'data.mean': needs data.std of the same length"},
    {"data: {mean: [0.5], std: [1, 1]}\n",
     "e.yaml:2: key 'data.std': has 2 entries, data.mean 1"},
    {"train: {epochs: 2, warmup: 3}\n",
     "e.yaml:2: key 'train.warmup': 3 is more than train.epochs = 2"},
    {"train: {hardware: real}\n",
     "e.yaml:2: key 'train.hardware': 'real' is none of: "
     "ideal, same, nominal, or a block of keys like hardware"},
    {"train: {hardware: {adc: {bits: 99}}}\n",
     "e.yaml:2: key 'train.hardware.adc.bits': 99 "
     "is outside the allowed range (0 .. 16)"},
    {"sweep: 3\n", "e.yaml:2: key 'sweep': must be a list of axes {key, name, values}"},
    {"sweep: [{key: seed}]\n",
     "e.yaml:2: key 'sweep[0]': key 'values' is missing: List of values."},
    {"sweep: [{key: seed, values: []}]\n",
     "e.yaml:2: key 'sweep[0].values': must be a list of at least one value"},
    {"sweep: [{key: trials, values: [1, 2]}]\n",
     "e.yaml:2: key 'sweep[0].key': 'trials' "
     "holds for a whole run and cannot be swept"},
    {"sweep: [{key: seed, name: trial, values: [1]}]\n",
     "e.yaml:2: key 'sweep[0]': axis name 'trial' is taken by the result file"},
    {"sweep: [{key: seed, name: trained, values: [1]}]\n",
     "e.yaml:2: key 'sweep[0]': axis name 'trained' is taken by the result file"},
    {"sweep: [{key: seed, name: a b, values: [1]}]\n",
     "e.yaml:2: key 'sweep[0]': axis name 'a b' is not made of letters, digits and _"},
    {"sweep: [{key: seed, values: [1, 2, 1]}]\n",
     "e.yaml:2: key 'sweep[0].values[2]': axis 'seed' has this value or label twice"},
    {"sweep:\n- {key: seed, values: [1]}\n- {key: seed, name: s, values: [1]}\n",
     "e.yaml:4: key 'sweep[1]': 'seed' is swept twice"},
    {"sweep:\n- {key: seed, values: [1]}\n- {key: train.seed, name: seed, values: [1]}\n",
     "e.yaml:4: key 'sweep[1]': two axes are called 'seed': give them a name"},
    {"sweep: [{zip: [{key: seed, values: [1]}, {key: train.lr, values: [1, 2]}]}]\n",
     "e.yaml:2: key 'sweep[0].zip[1].values': has 2 values, but 'seed', zipped with it, "
     "has "
     "1"},
    {"sweep: [{key: hardware.adc.bit, values: [1]}]\n",
     "e.yaml:2: key 'hardware.adc.bit': unknown key; did you mean 'bits'?"},
    {"sweep: [{key: hardware.adc.bits, values: [4, 40]}]\n",
     "e.yaml:2: key 'hardware.adc.bits': 40 is outside the allowed range (0 .. 16)"},
    {"sweep: [{key: train.hardware, values: [{adc: {bits: 3}}]}]\n",
     "e.yaml:2: key 'sweep[0].values[0]': has no short text: give the axis labels"},
    {"sweep: [{key: seed, values: [1, 2], labels: [a]}]\n",
     "e.yaml:2: key 'sweep[0].labels': must be a list of 2 labels, one per value"},
};

static void bad_experiments_get_one_exact_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct og_error err = {0};
        assert_null(read_text(bad[i].yaml, NULL, &err));
        assert_string_equal(err.text, bad[i].error);
        assert_int_equal(err.status, OG_INPUT);
    }
    struct og_error err = {0};
    og_experiment *e;
    assert_int_equal(og_experiment_read(&e, "absent.yaml", NULL, &err), OG_INPUT);
    assert_string_equal(err.text, "cannot open absent.yaml: No such file or directory");
    struct og_error layers = {0};
    write_file("n.yaml", "seed: 1\n");
    assert_int_equal(og_experiment_read(&e, "n.yaml", NULL, &layers), OG_INPUT);
    assert_string_equal(layers.text,
                        "n.yaml:1: key 'model': key 'layers' is missing: The list of "
                        "layers, from input to output.");
}

static const char rich[] =
    "title: 'a: \"b\" # c'\nseed: 9\noutput: {layer_samples: 0}\n"
    "hardware: {device: {name: rram_wan2022, read: {fraction: 0.01}}, adc: {bits: 8}}\n"
    "train: {hardware: {device: pcm_joshi, dac: {bits: 4}}, lr: 0.123456789012345678}\n"
    "sweep:\n"
    "  - {key: hardware.adc.bits, values: [4, 8]}\n"
    "  - {key: train.hardware.device.read.sigma, values: [0 S, 1 uS]}\n";

static void expect_same_again(const char *yaml)
{
    og_experiment *e = good(yaml), *again;
    char *text = og_experiment_text(e), *second, names[256];
    write_file("again.yaml", text);
    assert_int_equal(og_experiment_read(&again, "again.yaml", NULL, NULL), OG_OK);
    second = og_experiment_text(again);
    assert_string_equal(text, second);
    for (size_t p = 0; p < og_experiment_points(e); p++) {
        char a[33], b[33];
        og_experiment_key(e, p, OG_STAGE_OUTPUT, a);
        og_experiment_key(again, p, OG_STAGE_OUTPUT, b);
        assert_string_equal(a, b);
    }
    if (yaml == rich) assert_non_null(strstr(text, "    g_max: 4e-05 S\n"));
    og_experiment_differences(text, second, names, sizeof names);
    assert_string_equal(names, "");
    free(text);
    free(second);
    og_experiment_free(e);
    og_experiment_free(again);
}

static void effective_text_reads_back(void **state)
{
    (void)state;
    expect_same_again(rich);
    expect_same_again("title: |\n  two\n  lines\nsweep:\n- key: hardware.adc.bits\n"
                      "  values: [4, 6]\n  labels:\n  - 'a: b'\n  - two\n\n    parts\n");
}

static void a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    og_experiment *e;
    struct og_error err = {0};
    write_file("bom.yaml", "\xef\xbb\xbfseed: 5\nmodel: {layers: [relu]}\n");
    assert_int_equal(og_experiment_read(&e, "bom.yaml", NULL, &err), OG_OK);
    assert_true(point(e, 0).seed == 5);
    og_experiment_free(e);
}

// With the device swept, its block stays as written and the file is read for each value.
static void a_swept_device_reads_back(void **state)
{
    (void)state;
    og_experiment *
        e =
           good("hardware: {device: {name: pcm_joshi, g_off: 1 nS}}\n"
                "sweep: [{key: hardware.device.name, values: [rram_milo, rram_yuan]}]\n"),
       *again;
    char *text = og_experiment_text(e);
    write_file("again.yaml", text);
    assert_int_equal(og_experiment_read(&again, "again.yaml", NULL, NULL), OG_OK);
    for (size_t p = 0; p < 2; p++) {
        struct og_config a = point(e, p), b = point(again, p);
        assert_memory_equal(&a.hardware, &b.hardware, sizeof a.hardware);
        assert_string_equal(a.hardware.device.name, p ? "rram_yuan" : "rram_milo");
        assert_true(a.hardware.device.g_off == 1e-9);
    }
    free(text);
    og_experiment_free(e);
    // A block that gives every key belongs to one device: another name replaces it.
    e = good("hardware: {device: rram_wan2022}\n");
    text = og_experiment_text(e);
    write_file("again.yaml", text);
    og_experiment_free(again);
    const char *set[] = {"hardware.device=rram_yuan"};
    struct og_overrides o = {.set = set, .sets = 1};
    assert_int_equal(og_experiment_read(&again, "again.yaml", &o, NULL), OG_OK);
    struct og_config c = point(again, 0);
    assert_true(c.hardware.device.g_max == 1e-6);
    free(text);
    og_experiment_free(e);
    og_experiment_free(again);
}

static void differences_are_named(void **state)
{
    (void)state;
    char names[256];
    og_experiment_differences("a: 1\nb: {c: [1, 2], d: 3}\n",
                              "a: 2\nb: {c: [1, 4], e: 3}\nf: 1\n", names, sizeof names);
    assert_string_equal(names, "a, b.c[1], b.d, b.e, f");
    og_experiment_differences("a: [1]\n", "a: [1, 2]\n", names, sizeof names);
    assert_string_equal(names, "a");
    og_experiment_differences("aaaa: 1\nbbbb: 1\n", "{}", names, 7);
    assert_string_equal(names, "aaaa, ");
}

static void every_key_has_help(void **state)
{
    (void)state;
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    og_config_print_keys(out);
    fclose(out);
    assert_non_null(strstr(text,
                           "hardware.adc.noise\n    number, 0 .. 1000 LSB; default 0; "
                           "stage evaluate\n    Rms noise of every conversion.\n"));
    assert_non_null(strstr(text,
                           "hardware.device.read.sigma\n    number, 0 .. 1 S; default "
                           "0; stage evaluate\n"));
    assert_non_null(strstr(text, "one of fixed minmax percentile mse; default minmax"));
    free(text);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    write_file("fail.yaml", "model: {layers: [1]}\nhardware: {device: pcm_joshi}\n"
                            "sweep: [{key: hardware.adc.bits, values: [4]}]\n");
    size_t n = 1;
    for (og_status status = OG_NO_MEMORY; status == OG_NO_MEMORY; n++) {
        struct og_error err = {0};
        og_experiment *e;
        og_alloc_fail_at(n);
        status = og_experiment_read(&e, "fail.yaml", NULL, &err);
        og_alloc_fail_at(0);
        assert_true(status == OG_OK || status == OG_NO_MEMORY);
        assert_true((e != NULL) == (status == OG_OK));
        og_experiment_free(e);
    }
    assert_true(n > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_a_clean_crossbar),
        cmocka_unit_test(axes_are_row_major_with_units),
        cmocka_unit_test(zipped_axes_share_a_dimension),
        cmocka_unit_test(layers_can_be_swept),
        cmocka_unit_test(training_sees_what_was_chosen),
        cmocka_unit_test(keys_follow_the_stages),
        cmocka_unit_test(overrides_lie_over_the_device_file),
        cmocka_unit_test(set_and_seed_come_on_top),
        cmocka_unit_test(wrong_sets_are_named),
        cmocka_unit_test(bad_experiments_get_one_exact_sentence),
        cmocka_unit_test(effective_text_reads_back),
        cmocka_unit_test(a_byte_order_mark_is_no_text),
        cmocka_unit_test(a_swept_device_reads_back),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(every_key_has_help),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
