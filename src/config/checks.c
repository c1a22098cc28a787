// SPDX-License-Identifier: GPL-3.0-or-later
// What no single row of a table can check: relations between keys.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"

og_status og_fail_at(const og_item *map, const char *path, struct og_error *err,
                     const char *format, ...)
{
    char text[OG_ERROR_TEXT / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (map == NULL) return og_fail(err, OG_INPUT, "key '%s': %s", path, text);
    const og_item *exact = og_item_find(map, path, false);
    if (exact != NULL) return og_item_fail(exact, err, "%s", text);
    return og_item_fail(og_item_find(map, path, true), err, "'%s': %s", path, text);
}

static bool rising(const struct og_list *list)
{
    for (int i = 1; i < list->n; i++)
        if (!(list->v[i] > list->v[i - 1])) return false;
    return true;
}

// A key of another law than `kind` would be ignored; kind none ignores all on purpose.
static og_status check_law(const struct og_sigma *s, const char *where,
                           const og_item *map, struct og_error *err)
{
    static const char *const words[] = {"none",       "constant",   "proportional",
                                        "polynomial", "saturating", "table"};
    const struct {
        const char *key;
        bool given;
        enum og_sigma_kind kind;
    } uses[] = {
        {"sigma", s->sigma != 0, OG_SIGMA_CONSTANT},
        {"fraction", s->fraction != 0, OG_SIGMA_PROPORTIONAL},
        {"coefficients", s->coefficients.n > 0, OG_SIGMA_POLYNOMIAL},
        {"g_ref", s->g_ref != 0, OG_SIGMA_POLYNOMIAL},
        {"limit", s->limit != 0, OG_SIGMA_SATURATING},
        {"g_rise", s->g_rise != 0, OG_SIGMA_SATURATING},
        {"table_g", s->table_g.n > 0, OG_SIGMA_TABLE},
        {"table_sigma", s->table_sigma.n > 0, OG_SIGMA_TABLE},
    };
    if (s->kind == OG_SIGMA_NONE) return OG_OK;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char path[64];
        if (!uses[i].given || uses[i].kind == s->kind) continue;
        snprintf(path, sizeof path, "%s.%s", where, uses[i].key);
        return og_fail_at(map, path, err, "has no effect with kind %s (it needs kind %s)",
                          words[s->kind], words[uses[i].kind]);
    }
    return OG_OK;
}

static og_status check_sigma(const struct og_sigma *s, const char *where,
                             const og_item *map, struct og_error *err)
{
    char path[64];
    OG_TRY(check_law(s, where, map, err));
    if (s->kind == OG_SIGMA_POLYNOMIAL && s->coefficients.n == 0)
        return og_fail_at(map, where, err, "kind polynomial needs coefficients");
    if (s->kind == OG_SIGMA_SATURATING && s->g_rise == 0)
        return og_fail_at(map, where, err, "kind saturating needs limit and g_rise");
    if (s->kind != OG_SIGMA_TABLE) return OG_OK;
    snprintf(path, sizeof path, "%s.table_g", where);
    if (s->table_g.n == 0 || s->table_g.n != s->table_sigma.n)
        return og_fail_at(
            map, where, err,
            "table_g has %d entries and table_sigma %d; kind table needs equally "
            "many, at least one",
            s->table_g.n, s->table_sigma.n);
    if (!rising(&s->table_g)) return og_fail_at(map, path, err, "must be rising");
    return OG_OK;
}

static og_status check_cell(const struct og_device *d, const og_item *map,
                            struct og_error *err)
{
    const struct og_list *list = &d->cell.list;
    if (d->cell.levels == 1)
        return og_fail_at(map, "cell.levels", err,
                          "1 level stores nothing: 0 (analog) or >= 2");
    if (list->n == 0) return OG_OK;
    if (d->cell.levels > 0)
        return og_fail_at(map, "cell.list", err,
                          "excludes cell.levels: give one of them");
    if (list->n < 2) return og_fail_at(map, "cell.list", err, "needs at least 2 levels");
    if (!rising(list)) return og_fail_at(map, "cell.list", err, "must be rising");
    if (list->v[0] < d->g_min || list->v[list->n - 1] > d->g_max)
        return og_fail_at(map, "cell.list", err,
                          "a level lies outside g_min .. g_max (%.6g .. %.6g S)",
                          d->g_min, d->g_max);
    return OG_OK;
}

og_status og_device_check(const struct og_device *d, const og_item *map,
                          struct og_error *err)
{
    if (!(d->g_min < d->g_max))
        return og_fail_at(map, "g_min", err, "%.6g S is not below g_max = %.6g S",
                          d->g_min, d->g_max);
    OG_TRY(check_sigma(&d->program, "program", map, err));
    OG_TRY(check_sigma(&d->read, "read", map, err));
    OG_TRY(check_cell(d, map, err));
    OG_TRY(og_pulse_check(d, map, err));
    return og_faults_check(d, map, err);
}

static og_status check_mapping(const struct og_hardware *h, const og_item *map,
                               struct og_error *err)
{
    int bits = h->mapping.weight_bits, slice = h->mapping.slice_bits;
    bool mid_rise = h->mapping.rounding == OG_MID_RISE;
    if (bits == 1 && !mid_rise)
        return og_fail_at(
            map, "mapping.weight_bits", err,
            "1 bit with mid_tread is the level 0 alone: use rounding mid_rise");
    if (mid_rise && bits == 0)
        return og_fail_at(map, "mapping.rounding", err,
                          "mid_rise needs weight_bits above 0");
    if (h->device.pruned_cells == OG_ZERO_OFF && h->mapping.scheme == OG_OFFSET)
        return og_fail_at(
            map, "device.pruned_cells", err,
            "off needs a differential mapping.scheme: in offset a zero weight "
            "is not a zero conductance");
    if (slice == 0) return OG_OK;
    if (bits == 0)
        return og_fail_at(map, "mapping.slice_bits", err, "needs weight_bits above 0");
    if (mid_rise)
        return og_fail_at(map, "mapping.slice_bits", err,
                          "needs rounding mid_tread: slices hold whole numbers");
    if (slice > bits - 1)
        return og_fail_at(map, "mapping.slice_bits", err,
                          "%d is more than the %d bits of |weight|", slice, bits - 1);
    if (h->mapping.scheme != OG_DIFFERENTIAL)
        return og_fail_at(map, "mapping.slice_bits", err, "needs scheme differential");
    return OG_OK;
}

// Without a technology nothing is counted.
static og_status check_cost(const struct og_hardware *h, const og_item *map,
                            struct og_error *err)
{
    const og_item *block = map != NULL ? og_item_get(map, "technology") : NULL;
    const bool priced = h->technology.name[0] != '\0';
    const bool slope = h->adc.kind == OG_ADC_RAMP || h->adc.kind == OG_ADC_SINGLE_SLOPE;
    if (priced && slope && h->technology.ramp.clock == 0)
        return og_fail_at(map, "technology", err,
                          "ramp.clock is 0: the costs of adc.kind %s need the ramp block "
                          "of a technology",
                          h->adc.kind == OG_ADC_RAMP ? "ramp" : "single_slope");
    if (priced) return OG_OK;
    if (h->tile.columns_per_adc != 1 && h->adc.circuit.capacitor == 0 &&
        h->adc.circuit.comparator == 0)
        return og_fail_at(map, "tile.columns_per_adc", err,
                          "has no effect without hardware.technology, or errors of "
                          "adc.circuit");
    if (block != NULL && og_item_get(block, "name") == NULL)
        return og_item_fail(block, err, "has no effect without a name");
    return OG_OK;
}

static og_status check_weight_noise(const struct og_hardware *h, const og_item *map,
                                    struct og_error *err)
{
    const bool programmed = h->weight_noise.programmed > 0,
               read = h->weight_noise.read > 0;
    const char *key = read ? "weight_noise.read" : "weight_noise.programmed";
    if (!programmed && !read) return OG_OK;
    if (h->mapping.slice_bits > 0)
        return og_fail_at(map, key, err,
                          "is of whole weights: it excludes mapping.slice_bits");
    if (h->pair.subtract == OG_SUBTRACT_DIGITAL)
        return og_fail_at(map, key, err,
                          "is of whole weights: it excludes pair.subtract digital");
    if (read && h->input.encoding == OG_PULSE_WIDTH)
        return og_fail_at(
            map, key, err,
            "excludes input.encoding pulse_width, in which noise is averaged "
            "over each pulse");
    return OG_OK;
}

// Noise at a point that holds others is at these as well.
static og_status check_parts(int points, const og_item *map, struct og_error *err)
{
    static const struct {
        const char *name, *whole_name;
        int part, whole;
    } parts[] = {
        {"RH", "H", OG_POINT_RH, OG_POINT_H},   {"A_i", "A", OG_POINT_A_I, OG_POINT_A},
        {"A_f", "A", OG_POINT_A_F, OG_POINT_A}, {"A_g", "A", OG_POINT_A_G, OG_POINT_A},
        {"A_o", "A", OG_POINT_A_O, OG_POINT_A}, {"A_z", "A", OG_POINT_A_Z, OG_POINT_A},
        {"A_r", "A", OG_POINT_A_R, OG_POINT_A}, {"A_n", "A", OG_POINT_A_N, OG_POINT_A},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if ((points & parts[i].part) && (points & parts[i].whole))
            return og_fail_at(map, "injection.points", err,
                              "%s has no effect beside %s, of which it is a part",
                              parts[i].name, parts[i].whole_name);
    return OG_OK;
}

static og_status check_injection(const struct og_hardware *h, const og_item *map,
                                 struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    const char *key = NULL;
    if (h->injection.points != 0) return check_parts(h->injection.points, map, err);
    if (h->injection.power != standard.injection.power) key = "injection.power";
    if (h->injection.ac) key = "injection.ac";
    if (h->injection.snr_db != standard.injection.snr_db) key = "injection.snr_db";
    if (key == NULL) return OG_OK;
    return og_fail_at(map, key, err, "has no effect without injection.points");
}

og_status og_hardware_check(const struct og_hardware *h, const og_item *map,
                            struct og_error *err)
{
    OG_TRY(og_device_check(&h->device, map ? og_item_get(map, "device") : NULL, err));
    OG_TRY(og_program_check(h, map, err));
    OG_TRY(check_mapping(h, map, err));
    OG_TRY(og_converters_check(h, map, err));
    OG_TRY(og_wiring_check(h, map, err));
    OG_TRY(og_variant_check(h, map, err));
    OG_TRY(check_weight_noise(h, map, err));
    OG_TRY(check_cost(h, map, err));
    OG_TRY(og_time_check(h, map, err));
    OG_TRY(check_injection(h, map, err));
    return og_hardware_layers_check(h, err);
}

og_status og_speech_check(const struct og_speech *s, const og_item *data,
                          struct og_error *err)
{
    const struct og_speech standard = og_speech_default();
    if (!(s->low < s->high))
        return og_fail_at(data, "features.high", err,
                          "%g Hz is not above features.low, %g Hz", s->high, s->low);
    if (s->features != OG_MFCC && s->coefficients != standard.coefficients)
        return og_fail_at(data, "features.coefficients", err,
                          "has no effect with kind log_mel (it needs kind mfcc)");
    if (s->features == OG_MFCC && s->coefficients > s->mels)
        return og_fail_at(data, "features.coefficients", err,
                          "%d is more than the %d bands of features.mels",
                          s->coefficients, s->mels);
    if (s->scale != OG_LEVEL_DB && s->top_db != standard.top_db)
        return og_fail_at(data, "features.top_db", err,
                          "has no effect with scale ln (it needs scale db)");
    return OG_OK;
}

static og_status check_data(const struct og_data_config *d, const og_item *root,
                            struct og_error *err)
{
    if (d->mean.n > 0 && d->std.n == 0)
        return og_fail_at(root, "data.mean", err, "needs data.std of the same length");
    if (d->mean.n != d->std.n)
        return og_fail_at(root, "data.std", err, "has %d entries, data.mean %d", d->std.n,
                          d->mean.n);
    if (d->mean.n > 3)
        return og_fail_at(root, "data.mean", err, "has %d entries; at most 3 are allowed",
                          d->mean.n);
    if (d->name[0] == '\0') return og_fail_at(root, "data.name", err, "is empty");
    return og_speech_check(&d->speech, og_item_get(root, "data"), err);
}

// Keys of text where there is none, and of one file where there are three.
static og_status check_text(const struct og_config *c, const og_item *root,
                            struct og_error *err)
{
    const struct og_data_config *d = &c->data;
    const bool text = d->as == OG_AS_WORDS || d->as == OG_AS_CHARACTERS;
    const bool one_file = strcmp(d->name, "text") == 0;
    const bool wav = strcmp(d->name, "wav") == 0;
    const bool own = wav || strcmp(d->name, "hdf5") == 0;
    const double *part = d->parts.v;
    if (d->parts.n != 3)
        return og_fail_at(root, "data.parts", err, "has %d entries, not 3", d->parts.n);
    const bool usual = part[0] == 0.9 && part[1] == 0.05 && part[2] == 0.05;
    const struct {
        const char *key;
        bool given, used;
        const char *needs;
    } uses[] = {
        {"data.file", d->text.file[0] != '\0', one_file || own,
         "data.name text, hdf5 or wav"},
        {"data.classes", d->series.classes[0] != '\0', wav, "data.name wav"},
        {"data.parts", !usual, one_file, "data.name text"},
        {"data.vocabulary", d->text.vocabulary != 0, text, "as words or characters"},
        {"data.test", d->text.validation, text, "as words or characters"},
        {"evaluate.streams", c->evaluate.streams != 64, text, "as words or characters"},
        {"evaluate.norm_samples", c->evaluate.norm_samples > 0, !text,
         "samples of their own, which text has not"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (uses[i].given && !uses[i].used)
            return og_fail_at(root, uses[i].key, err, "has no effect without %s",
                              uses[i].needs);
    if (text && c->evaluate.votes > 1)
        return og_fail_at(root, "evaluate.votes", err,
                          "text is read in one pass: each of %d would have to go on from "
                          "window to window with a state of its own",
                          c->evaluate.votes);
    return OG_OK;
}

static og_status check_compress(const struct og_compress_config *c, const og_item *root,
                                struct og_error *err)
{
    if (c->rounds != NULL && c->rounds->kind != OG_ITEM_LIST)
        return og_fail_at(root, "compress.rounds", err,
                          "must be a list of rounds {sets, admm, retrain, ...}");
    if (c->rounds != NULL && c->rounds->n == 0)
        return og_fail_at(root, "compress.rounds", err,
                          "is empty: give a round, or leave 'compress' out");
    const int rounds = c->rounds != NULL ? (int)c->rounds->n : 0;
    if (c->rounds_used > rounds)
        return og_fail_at(root, "compress.rounds_used", err,
                          "%d is more than the %d rounds of compress.rounds",
                          c->rounds_used, rounds);
    return OG_OK;
}

// Only what is evaluated has a cost.
static og_status check_own_cost(const struct og_hardware *h, const og_item *root,
                                const char *where, struct og_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hardware.technology", where);
    const og_item *block = og_item_find(root, path, false);
    if (block == NULL || h->technology.name[0] == '\0') return OG_OK;
    return og_item_fail(block, err, "has no effect: only hardware.technology has");
}

static bool noisy(const struct og_hardware *h)
{
    return !h->ideal &&
           (h->injection.points != 0 || h->device.read.kind != OG_SIGMA_NONE ||
            h->thermal.law != OG_THERMAL_NONE || h->device.rtn.fraction > 0 ||
            h->device.flicker.mode == OG_FLICKER_CORRELATED || h->adc.noise > 0 ||
            h->adc.noise_full_scale > 0 || h->weight_noise.read > 0);
}

bool og_reads_differ(const struct og_hardware *h)
{
    bool differ = noisy(h);
    for (size_t i = 0; !h->ideal && i < og_hardware_layers(h) && !differ; i++) {
        struct og_hardware own;
        const char *layer = og_hardware_layer_name(h, i)->text;
        // Its keys have been checked with the hardware; what is left is a lack of memory.
        if (og_hardware_layer(h, layer, &own, NULL) == OG_OK) differ = noisy(&own);
    }
    return differ;
}

// The passes of a vote have to find room on the read clock.
static bool votes_fit(const struct og_hardware *h, int votes)
{
    if (h->ideal || h->device.flicker.mode == OG_FLICKER_FROZEN) return true;
    return h->t_pass > 0 && votes * h->t_pass <= h->t_sample * (1 + 1e-9);
}

// The samples of new statistics have no time on the read clock.
static bool norms_fit(const struct og_hardware *h, int samples)
{
    return h->ideal || h->device.flicker.mode == OG_FLICKER_FROZEN || samples == 0;
}

// Whether it holds for the hardware and for that of each layer.
static og_status check_layers(bool (*fits)(const struct og_hardware *h, int n), int n,
                              const struct og_hardware *h, bool *fit,
                              struct og_error *err)
{
    *fit = fits(h, n);
    for (size_t i = 0; !h->ideal && i < og_hardware_layers(h) && *fit; i++) {
        struct og_hardware own;
        const char *layer = og_hardware_layer_name(h, i)->text;
        OG_TRY(og_hardware_layer(h, layer, &own, err));
        *fit = fits(&own, n);
    }
    return OG_OK;
}

static og_status check_norms(const struct og_config *c, const og_item *root,
                             struct og_error *err)
{
    bool fit;
    OG_TRY(check_layers(norms_fit, c->evaluate.norm_samples, &c->hardware, &fit, err));
    if (fit) return OG_OK;
    return og_fail_at(root, "evaluate.norm_samples", err,
                      "%d excludes device.flicker.mode correlated: those samples have no "
                      "time on the read clock",
                      c->evaluate.norm_samples);
}

static og_status check_clock(const struct og_config *c, const og_item *root,
                             struct og_error *err)
{
    bool fit;
    OG_TRY(check_layers(votes_fit, c->evaluate.votes, &c->hardware, &fit, err));
    if (fit) return OG_OK;
    return og_fail_at(
        root, "evaluate.votes", err,
        "%d passes over a sample, with device.flicker.mode correlated, need "
        "hardware.t_pass above 0 and hardware.t_sample of at least %d times "
        "that",
        c->evaluate.votes, c->evaluate.votes);
}

static og_status check_vote(const struct og_config *c, const og_item *root,
                            struct og_error *err)
{
    if (c->evaluate.votes == 1) {
        if (c->evaluate.vote == OG_VOTE_MAJORITY || og_is_swept(root, "evaluate.votes"))
            return OG_OK;
        return og_fail_at(root, "evaluate.vote", err,
                          "has no effect with evaluate.votes 1");
    }
    if (og_reads_differ(&c->hardware)) return check_clock(c, root, err);
    return og_fail_at(
        root, "evaluate.votes", err,
        "%d passes would be the same: hardware has no noise that is drawn per "
        "read",
        c->evaluate.votes);
}

static og_status check_stop(const struct og_config *c, const og_item *root,
                            struct og_error *err)
{
    if (c->stop.half_width > 0) {
        if (c->stop.every < c->trials) return OG_OK;
        return og_fail_at(root, "stop.half_width", err,
                          "has no effect: stop.every %d is not below trials %d",
                          c->stop.every, c->trials);
    }
    if (og_is_swept(root, "stop.half_width")) return OG_OK;
    if (c->stop.every != 10)
        return og_fail_at(root, "stop.every", err,
                          "has no effect without stop.half_width");
    if (c->stop.metric != OG_STOP_ACCURACY)
        return og_fail_at(root, "stop.metric", err,
                          "has no effect without stop.half_width");
    return OG_OK;
}

// Traces and costs are of the first test samples on which each matrix is measured.
static og_status check_layer_samples(const struct og_config *c, const og_item *root,
                                     struct og_error *err)
{
    static const char says[] = "has no effect without output.layer_samples";
    if (c->output.layer_samples > 0) return OG_OK;
    if (c->output.trace) return og_fail_at(root, "output.trace", err, says);
    if (c->hardware.technology.name[0] != '\0')
        return og_fail_at(root, "hardware.technology", err, says);
    return OG_OK;
}

og_status og_config_check(const struct og_config *c, const og_item *root,
                          struct og_error *err)
{
    OG_TRY(check_data(&c->data, root, err));
    OG_TRY(check_text(c, root, err));
    OG_TRY(og_hardware_check(&c->hardware, og_item_get(root, "hardware"), err));
    OG_TRY(check_own_cost(&c->train.hardware, root, "train", err));
    OG_TRY(check_own_cost(&c->compress.hardware, root, "compress", err));
    if (c->train.warmup > c->train.epochs)
        return og_fail_at(root, "train.warmup", err,
                          "%.6g is more than train.epochs = %d", c->train.warmup,
                          c->train.epochs);
    if (c->train.lr_hold > 0 && c->train.schedule != OG_SCHEDULE_STEP)
        return og_fail_at(root, "train.lr_hold", err,
                          "has no effect without schedule step");
    OG_TRY(check_compress(&c->compress, root, err));
    OG_TRY(check_layer_samples(c, root, err));
    OG_TRY(check_stop(c, root, err));
    OG_TRY(check_vote(c, root, err));
    OG_TRY(check_norms(c, root, err));
    OG_TRY(og_attack_check(c, root, err));
    if (c->train.ideal_epochs > c->train.epochs)
        return og_fail_at(root, "train.ideal_epochs", err,
                          "%d is more than train.epochs = %d", c->train.ideal_epochs,
                          c->train.epochs);
    return OG_OK;
}
