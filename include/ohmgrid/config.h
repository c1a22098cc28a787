// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments as checked data: one YAML file, strictly read, with every key in a field
// table (stage, unit, range, default, sentence). Unknown or duplicate key, alias, second
// document, wrong type, value out of range: one error with file, line, key, value and
// what is allowed, and nothing runs.
// Errors: that one is OG_INPUT; OG_USAGE names an override that is none, or a file that
// cannot be read; OG_NO_MEMORY. Ownership: experiments are freed by og_experiment_free,
// after all that was borrowed from them; lists of names, and the names, by free().
#ifndef OHMGRID_CONFIG_H
#define OHMGRID_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ohmgrid/data.h"
#include "ohmgrid/hardware.h"

#ifdef __cplusplus
extern "C" {
#endif

// A node of a YAML document: map, list or scalar, with its file and line. Opaque; see
// config/tree.h inside the library.
typedef struct og_item og_item;

// Stages of an experiment, in order; every key belongs to one. A stage's result is keyed
// by the values of all keys of its own and earlier stages.
enum og_stage {
    OG_STAGE_DATA,
    OG_STAGE_TRAIN,
    OG_STAGE_COMPRESS,
    OG_STAGE_PROGRAM,
    OG_STAGE_EVALUATE,
    OG_STAGE_OUTPUT
};

enum og_train_hardware { OG_TRAIN_IDEAL, OG_TRAIN_SAME, OG_TRAIN_NOMINAL, OG_TRAIN_OWN };
enum og_optimizer { OG_SGD, OG_ADAM };
enum og_schedule { OG_SCHEDULE_CONSTANT, OG_SCHEDULE_STEP, OG_SCHEDULE_COSINE };
enum og_redraw { OG_REDRAW_STEP, OG_REDRAW_EPOCH, OG_REDRAW_NEVER };
// How the passes of a vote become one answer (ties: the smaller class), and its loss. Qin
// and Vucinic (arXiv 1811.10649) vote, but do not say how.
enum og_vote {
    OG_VOTE_MAJORITY,  // the class that most passes choose; the mean of their losses
    OG_VOTE_SOFTMAX,   // by the mean of their probabilities
    OG_VOTE_LOGITS,    // by the mean of their logits
    OG_VOTES
};
enum { OG_VOTES_MAX = 101 };
enum og_kernels { OG_KERNELS_AUTO, OG_KERNELS_FIXED };

struct og_data_config {
    char name[32];
    int as;                       // enum og_data_as
    struct og_text text;          // file, vocabulary, validation; the rest is zero
    struct og_list parts;         // of the set text
    struct og_series series;      // its file is text.file
    int train_limit, test_limit;  // 0: all
    struct og_list mean, std;     // per channel; std empty: pixels in [0, 1]
    int crop;
    bool flip;
    struct og_speech speech;
};

enum og_attack_kind { OG_ATTACK_NONE, OG_ATTACK_FGSM, OG_ATTACK_PGD };
struct og_attack_config {
    int kind;              // enum og_attack_kind
    double epsilon, step;  // of pixels in [0, 1]; step 0: 2.5 epsilon / steps
    int steps;
    bool random_start;
    int draws;  // passes whose gradients are averaged
};

struct og_train_config {
    int epochs, batch;
    enum og_optimizer optimizer;
    double lr, momentum, beta1, beta2, weight_decay;
    enum og_schedule schedule;
    double lr_gamma;   // step: factor
    int lr_step;       // step: every so many epochs
    int lr_hold;       // step: after so many epochs
    double warmup;     // epochs of linearly rising rate
    double clip_norm;  // 0: off
    uint64_t seed;     // init, order, augmentation, noise in training
    int gradient;      // enum og_gradient
    bool reparam;
    enum og_redraw redraw;  // of programming errors and mismatch in training
    int ideal_epochs;       // first epochs on ideal hardware
    int calibrate_every;    // steps
    int calibrate_samples;
    enum og_train_hardware hardware_mode;
    struct og_hardware hardware;          // resolved: what training sees
    struct og_attack_config adversarial;  // on each batch, before it is learnt
};

enum og_weights_layout {
    OG_LAYOUT_AUTO,
    OG_LAYOUT_PYTORCH,
    OG_LAYOUT_KERAS,
    OG_LAYOUT_TFLITE
};
enum { OG_RENAMES = 32 };

// Trained weights to start from; model.h says how their names are understood.
struct og_weights_config {
    char file[512];     // as the experiment names it; "": none
    char path[1024];    // where it was found
    char sha256[1024];  // digest of what it holds
    char group[128];    // "": the only one, or all of the file
    int layout;         // enum og_weights_layout
    int renames;
    struct og_weights_rename {
        char from[96], to[64];
    } rename[OG_RENAMES];
};

// Rounds of compression, after training (compress.h).
struct og_compress_config {
    const og_item *rounds;  // the list as it stands, or NULL; borrowed like the layers
    int rounds_used;        // of them, the first; -1: all
    size_t used;            // the same as a number: 0 without any compression
    struct og_hardware hardware;  // what ADMM and retraining see
};

enum og_stop_metric { OG_STOP_ACCURACY, OG_STOP_LOSS };

struct og_config {
    char title[256];
    uint64_t seed;
    int trials;
    struct {
        double half_width;  // 0: all trials
        int every;          // trials between two looks
        int metric;         // enum og_stop_metric
    } stop;                 // when a point needs no more chips
    enum og_kernels kernels;
    struct og_data_config data;
    const og_item *layers;  // model.layers, borrowed from the experiment
    struct og_weights_config weights;
    struct og_hardware hardware;  // what is evaluated
    struct og_train_config train;
    struct og_compress_config compress;
    struct {
        int batch;
        int calibrate_samples;  // of the training set
        int norm_samples;       // of it, for statistics of norms on each chip; 0: none
        int votes;              // passes over each test sample
        enum og_vote vote;
        int streams;  // of text
    } evaluate;
    struct {
        struct og_attack_config how;
        bool transfer;  // of a network trained with train_seed, not of this one
        bool ideal;     // its gradient knows nothing of the hardware
        uint64_t train_seed;
    } attack;  // attack.h
    struct {
        bool model;         // store weights in the result file
        bool chip;          // store conductances of trial 0 of each point
        bool faults;        // store the faults of its devices
        bool errors;        // store the errors of its weights
        int layer_samples;  // test samples on which each matrix is measured
        bool trace;         // and recurrent layers followed step by step
    } output;
};

// --- axes ----------------------------------------------------------------------------
// One dimension of the result. Zipped keys share it: column 0 names the dimension, the
// others are coordinates along it.
struct og_axis_column {
    char name[64];   // dimension or coordinate name
    char key[128];   // hardware.adc.bits
    char units[16];  // of the key ("S", "dB", "1"); "" for text
    bool text;       // values are labels
    double *value;   // [n] when not text
    char **label;    // [n] when text
};
struct og_axis {
    size_t n;
    int columns;
    struct og_axis_column *column;
};

struct og_overrides {
    const char *const *set;  // "key=value", in order
    size_t sets;
    const uint64_t *seed;  // NULL: as in the file
    const char *data;      // --data, where model.weights is looked for too; may be NULL
    const char *axis;      // YAML of one more axis of the sweep, the last; NULL: none
};

// Thread-safety: const use from any number of threads.
typedef struct og_experiment og_experiment;

// Reads and checks everything, every sweep point included.
OG_API og_status og_experiment_read(og_experiment **e, const char *path,
                                    const struct og_overrides *o, struct og_error *err);
// The same of a text, such as og_experiment_text gave; what it names is looked for beside
// `path`, which is also what errors call it.
OG_API og_status og_experiment_parse(og_experiment **e, const char *path,
                                     const char *text, const struct og_overrides *o,
                                     struct og_error *err);
OG_API void og_experiment_free(og_experiment *e);
OG_API size_t og_experiment_axes(const og_experiment *e);
OG_API const struct og_axis *og_experiment_axis(const og_experiment *e, size_t i);
OG_API size_t og_experiment_points(const og_experiment *e);  // product of the axes
// The configuration of one point; row-major over the axes, the last one fastest.
OG_API og_status og_experiment_point(const og_experiment *e, size_t point,
                                     struct og_config *config, struct og_error *err);
// The full effective YAML (every key, defaults too; the caller frees it with free()).
OG_API char *og_experiment_text(const og_experiment *e);
// 128-bit key of all that decides the outcome of `stage` at `point`, as 32 hex digits.
OG_API void og_experiment_key(const og_experiment *e, size_t point, enum og_stage stage,
                              char key[33]);
// The key of the evaluation without evaluate.votes and evaluate.vote: points that share
// it can be answered by the same passes.
OG_API void og_experiment_passes_key(const og_experiment *e, size_t point, char key[33]);
// The key of the training whose network attacks that of the point (attack.transfer).
OG_API void og_experiment_source_key(const og_experiment *e, size_t point, char key[33]);
// Rounds of compression that a point uses.
OG_API size_t og_experiment_rounds(const og_experiment *e, size_t point);
// A key like that of a stage for what the first `rounds` rounds of compression leave, at
// most those used; of 0 rounds: of the training. Points share rounds even where later
// ones differ.
OG_API void og_experiment_round_key(const og_experiment *e, size_t point, size_t rounds,
                                    char key[33]);
// Names the keys in which two effective texts differ, "a.b, c.d", at most `size` bytes.
OG_API void og_experiment_differences(const char *text_a, const char *text_b, char *out,
                                      size_t size);

// --- layers on hardware of their own ---------------------------------------------------
// *own: the hardware of one layer, `base` with what base->layers says about it.
OG_API og_status og_hardware_layer(const struct og_hardware *base, const char *layer,
                                   struct og_hardware *own, struct og_error *err);
// Whether layers may differ from each other.
OG_API bool og_hardware_differs(const struct og_hardware *base);
// How many names stand in base->layers, and the item of one of them.
OG_API size_t og_hardware_layers(const struct og_hardware *base);
OG_API const og_item *og_hardware_layer_name(const struct og_hardware *base, size_t i);

// --- effects ---------------------------------------------------------------------------
// What hardware.variant can switch off, one by one.
OG_API size_t og_effects(void);
OG_API const char *og_effect_name(size_t i);
OG_API og_status og_effect_is_on(const struct og_hardware *hw, size_t i, bool *on,
                                 struct og_error *err);
// The layer that hardware.variant is about; NULL: none.
OG_API const char *og_variant_layer(const struct og_hardware *hw);

// A number as files have it: "20 s" or "20", for unit "s". OG_USAGE when it is none;
// `what` begins the sentence.
OG_API og_status og_quantity_read(double *value, const char *text, const char *unit,
                                  const char *what, struct og_error *err);

// --- device files --------------------------------------------------------------------
// Looks `name` up (a path, or a name beside `beside`, in the current folder,
// $OHMGRID_PATH, the source tree, the installed data folder).
OG_API og_status og_device_read(struct og_device *device, const char *name,
                                const char *beside, struct og_error *err);
// Names of all device files that can be found; the caller frees list and names (free()).
OG_API char **og_device_names(size_t *n);
// A file with the keys of `hardware`, by themselves or below one key 'hardware'; devices
// are looked for beside it, too.
OG_API og_status og_hardware_read(struct og_hardware *hardware, const char *path,
                                  struct og_error *err);
OG_API void og_device_print(const struct og_device *device, FILE *out);
// The same for technology files; the caller frees the names likewise.
OG_API og_status og_technology_read(struct og_technology *technology, const char *name,
                                    const char *beside, struct og_error *err);
OG_API char **og_technology_names(size_t *n);
// What a preset, a file of a whole hardware (hardware.preset), says of itself.
struct og_preset_about {
    char title[256], citation[1024];
};
// Names of all presets that can be found; the caller frees list and names (free()).
OG_API char **og_preset_names(size_t *n);
// Looked up as devices are. OG_INPUT when there is none of that name or it is no preset.
// keys: prints the file there, or NULL.
OG_API og_status og_preset_read(struct og_preset_about *about, const char *name,
                                FILE *keys, struct og_error *err);
// Every key with unit, range, default and sentence, for `ohmgrid run --help=keys`.
OG_API void og_config_print_keys(FILE *out);

#ifdef __cplusplus
}
#endif
#endif
