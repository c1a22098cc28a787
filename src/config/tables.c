// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of an experiment, all but hardware.
#include <assert.h>
#include <math.h>

#include "config/tables.h"

#define D OG_STAGE_DATA
#define T OG_STAGE_TRAIN
#define C OG_STAGE_COMPRESS
#define P OG_STAGE_PROGRAM
#define E OG_STAGE_EVALUATE
#define O OG_STAGE_OUTPUT

static const struct og_field speech_fields[] = {
    {"kind", OG_FIELD_CHOICE, offsetof(struct og_speech, features), 0, NULL, 0, 0,
     "mfcc log_mel", "mfcc", D,
     "Mel-frequency cepstral coefficients, or the logarithms of all mel bands.", NULL,
     NULL},
    {"coefficients", OG_FIELD_INT, offsetof(struct og_speech, coefficients), 0, NULL, 1,
     256, NULL, "13", D, "Kind mfcc: number of coefficients, the zeroth included.", NULL,
     NULL},
    {"window", OG_FIELD_INT, offsetof(struct og_speech, window), 0, NULL, 16, 8192, NULL,
     "256", D, "Samples of one step.", NULL, NULL},
    {"shape", OG_FIELD_CHOICE, offsetof(struct og_speech, shape), 0, NULL, 0, 0,
     "hamming hann", "hamming", D, "The window: of Hamming, or of Hann (periodic).", NULL,
     NULL},
    {"hop", OG_FIELD_INT, offsetof(struct og_speech, hop), 0, NULL, 1, 8192, NULL, "128",
     D, "Samples from one step to the next.", NULL, NULL},
    {"centre", OG_FIELD_CHOICE, offsetof(struct og_speech, centre), 0, NULL, 0, 0,
     "false true", "false", D,
     "Whether windows are centred on multiples of hop, the recording being reflected at "
     "its ends; else only whole windows count.",
     NULL, NULL},
    {"mels", OG_FIELD_INT, offsetof(struct og_speech, mels), 0, NULL, 1, 256, NULL, "26",
     D, "Mel bands.", NULL, NULL},
    {"mel", OG_FIELD_CHOICE, offsetof(struct og_speech, mel), 0, NULL, 0, 0, "htk slaney",
     "htk", D,
     "Mel scale and bands: logarithmic, triangles of height 1 (htk), or linear up to 1 "
     "kHz, triangles of area 1 (slaney).",
     NULL, NULL},
    {"scale", OG_FIELD_CHOICE, offsetof(struct og_speech, scale), 0, NULL, 0, 0, "ln db",
     "ln", D,
     "Logarithm of a band's energy E: ln E, E at least 1e-8, or 10 log10 E, E at least "
     "1e-10.",
     NULL, NULL},
    {"top_db", OG_FIELD_REAL, offsetof(struct og_speech, top_db), 0, NULL, 0, 1000, NULL,
     "80", D,
     "Scale db: the least level, so far below the greatest one of the recording; 0: any.",
     NULL, NULL},
    {"low", OG_FIELD_REAL, offsetof(struct og_speech, low), 0, "Hz", 0, 1e6, NULL, "0 Hz",
     D, "Where the first band begins.", NULL, NULL},
    {"high", OG_FIELD_REAL, offsetof(struct og_speech, high), 0, "Hz", 0, 1e6, NULL,
     "4 kHz", D, "Where the last band ends; at most half the sample rate.", NULL, NULL},
    {"preemphasis", OG_FIELD_REAL, offsetof(struct og_speech, preemphasis), 0, NULL, 0, 1,
     NULL, "0.97", D, "Part of the sample before that is taken from each sample.", NULL,
     NULL},
    {.key = NULL},
};

// `steps` stands beside the block, as the limits do; its default binds it.
struct og_speech og_speech_default(void)
{
    struct og_speech s = {0};
    const og_status status = og_fields_bind(speech_fields, NULL, &s, NULL);
    assert(status == OG_OK);
    (void)status;
    return s;
}

static const struct og_field pen_fields[] = {
    {"spacing", OG_FIELD_REAL, offsetof(struct og_series, spacing), 0, NULL, 0, 1e6, NULL,
     "0", D,
     "Strokes are resampled to points about so far apart, equally in each stroke, in "
     "pixels (after box: in sides of the box); 0: as recorded.",
     NULL, NULL},
    {"box", OG_FIELD_BOOL, offsetof(struct og_series, boxed), 0, NULL, 0, 0, NULL,
     "false", D,
     "Whether each drawing is moved and scaled so that the larger side of its bounding "
     "box is 1.",
     NULL, NULL},
    {.key = NULL},
};

struct og_series og_series_default(void)
{
    return (struct og_series){.average = 1, .folds = 5};
}

static const struct og_field data_fields[] = {
    {"name", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.data.name),
     sizeof((struct og_config *)0)->data.name, NULL, 0, 0, NULL, "fashion_mnist", D,
     "Data set; 'ohmgrid data list' names those that are known.", NULL, NULL},
    {"as", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.data.as), 0, NULL, 0, 0,
     "image rows words characters strokes", "image", D,
     "Images as they are, as sequences of their rows, or mnist as strokes of a pen: "
     "steps "
     "of dx, dy, end of stroke, end of digit; text as words or characters.",
     NULL, NULL},
    {"file", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.data.text.file),
     sizeof((struct og_config *)0)->data.text.file, NULL, 0, 0, NULL, "", D,
     "Set text or hdf5: the file, set wav: the folder, absolute or looked for in the "
     "current folder, in --data, $OHMGRID_DATA and data/; of text plain, .gz or .xz, "
     "without that ending.",
     NULL, NULL},
    {"classes", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.data.series.classes),
     sizeof((struct og_config *)0)->data.series.classes, NULL, 0, 0, NULL, "", D,
     "Set wav: folders of the classes in the order of the network's outputs, separated "
     "by blanks, some perhaps empty; none: all that are there, by name.",
     NULL, NULL},
    {"parts", OG_FIELD_LIST, offsetof(struct og_raw_config, config.data.parts), 0, NULL,
     0, 1, NULL, "[0.9, 0.05, 0.05]", D,
     "Set text: parts of it for training, validation and test, in this order.", NULL,
     NULL},
    {"vocabulary", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.data.text.vocabulary), 0, NULL, 0, 1000000,
     NULL, "0", D,
     "Text: so many different symbols, the most frequent of the training text and <unk> "
     "for all others; 0: all.",
     NULL, NULL},
    {"test", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.data.text.validation),
     0, NULL, 0, 0, "test validation", "test", E, "Text: which part is evaluated.", NULL,
     NULL},
    {"train_limit", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.train_limit),
     0, NULL, 0, INFINITY, NULL, "0", T,
     "Use only the first so many training samples (of text: symbols); 0: all.", NULL,
     NULL},
    {"test_limit", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.test_limit),
     0, NULL, 0, INFINITY, NULL, "0", E,
     "Use only the first so many test samples (of text: symbols); 0: all.", NULL, NULL},
    {"mean", OG_FIELD_LIST, offsetof(struct og_raw_config, config.data.mean), 0, NULL,
     -1e6, 1e6, NULL, "[]", D, "Per channel, subtracted from pixels in [0, 1].", NULL,
     NULL},
    {"std", OG_FIELD_LIST, offsetof(struct og_raw_config, config.data.std), 0, NULL, 1e-6,
     1e6, NULL, "[]", D,
     "Per channel, divides what is left; none: pixels stay in [0, 1].", NULL, NULL},
    {"crop", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.crop), 0, NULL, 0,
     64, NULL, "0", T, "Training images are shifted by up to this many pixels.", NULL,
     NULL},
    {"flip", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.data.flip), 0, NULL, 0,
     0, NULL, "false", T, "Training images are mirrored at random.", NULL, NULL},
    {"steps", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.speech.steps), 0,
     NULL, 0, 1000000, NULL, "0", D,
     "Series: the most steps of a sequence, longer ones lose their end; 0: as many as "
     "the "
     "longest of the training set has. Text: "
     "symbols of a window, through which gradients go back in time; 0: 35.",
     NULL, NULL},
    {"lengths", OG_FIELD_CHOICE,
     offsetof(struct og_raw_config, config.data.series.lengths), 0, NULL, 0, 0,
     "own equal", "own", D,
     "Series: recurrent layers read each sequence to its end and no further, or all "
     "count "
     "as data.steps long, with zeros before shorter ones.",
     NULL, NULL},
    {"scale", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.data.series.scale),
     0, NULL, 0, 0, "deviation none", "deviation", D,
     "Series: each value less its mean, in units of its deviation, both of all steps of "
     "the training set; or as it is.",
     NULL, NULL},
    {"average", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.series.average),
     0, NULL, 1, 1000, NULL, "1", D,
     "Series: each step is the mean of so many successive ones.", NULL, NULL},
    {"test_groups", OG_FIELD_TEXT,
     offsetof(struct og_raw_config, config.data.series.test_groups),
     sizeof((struct og_config *)0)->data.series.test_groups, NULL, 0, 0, NULL, "", D,
     "Sets wharf (volunteers), omniglot_strokes (drawers) and hdf5: names or numbers of "
     "those who are the test set, separated by blanks; none: of wharf f3 m1 m2 m4, of "
     "omniglot_strokes 17 18 19 20, of hdf5 see folds.",
     NULL, NULL},
    {"folds", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.series.folds), 0,
     NULL, 2, 1000, NULL, "5", D,
     "Sets that have no split of their own (speech_commands_kws01, hdf5, wav): one "
     "sequence in so many is of the test set.",
     NULL, NULL},
    {"fold", OG_FIELD_INT, offsetof(struct og_raw_config, config.data.series.fold), 0,
     NULL, 0, 999, NULL, "0", D,
     "Which one: sequence k where k % folds is fold. A sweep over all tests every "
     "sequence.",
     NULL, NULL},
    {"pen", OG_FIELD_BLOCK, offsetof(struct og_raw_config, config.data.series), 0, NULL,
     0, 0, NULL, NULL, D, "Drawings (omniglot_strokes, mnist as strokes).", pen_fields,
     "spacing"},
    {"features", OG_FIELD_BLOCK, offsetof(struct og_raw_config, config.data.speech), 0,
     NULL, 0, 0, NULL, NULL, D, "What a step of speech consists of.", speech_fields,
     "kind"},
    {.key = NULL},
};

static const struct og_field model_fields[] = {
    {"layers", OG_FIELD_ITEM, offsetof(struct og_raw_config, config.layers), 0, NULL, 0,
     0, NULL, NULL, T, "The list of layers, from input to output.", NULL, NULL},
    {"weights", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.weights.file),
     sizeof((struct og_config *)0)->weights.file, NULL, 0, 0, NULL, "", T,
     "File of trained weights to start from (train.epochs 0: to use as they are): HDF5, "
     "safetensors, .npz, .npy or a folder of these; looked up beside the experiment, in "
     "the current folder, in --data, $OHMGRID_DATA and data/.",
     NULL, NULL},
    {"weights_group", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.weights.group),
     sizeof((struct og_config *)0)->weights.group, NULL, 0, 0, NULL, "", T,
     "Which part of that file: a group (model_weights), or a model of a result file "
     "(m0); "
     "by default the only one.",
     NULL, NULL},
    {"weights_layout", OG_FIELD_CHOICE,
     offsetof(struct og_raw_config, config.weights.layout), 0, NULL, 0, 0,
     "auto pytorch keras tflite", "auto", T,
     "Order of dimensions in that file: out, in, height, width (pytorch); height, width, "
     "in, out (keras); out, height, width, in (tflite); auto: by names and shapes.",
     NULL, NULL},
    {"weights_sha256", OG_FIELD_TEXT,
     offsetof(struct og_raw_config, config.weights.sha256),
     sizeof((struct og_config *)0)->weights.sha256, NULL, 0, 0, NULL, "", T,
     "Digests that the file may have, separated by blanks; none: any.", NULL, NULL},
    {"rename", OG_FIELD_ITEM, offsetof(struct og_raw_config, weights_rename), 0, NULL, 0,
     0, NULL, "", T,
     "List of {from: PREFIX, to: PREFIX}: how names in the weight file begin, and how "
     "the layers are called here; the first that fits is used.",
     NULL, NULL},
    {.key = NULL},
};

static const struct og_field train_fields[] = {
    {"epochs", OG_FIELD_INT, offsetof(struct og_raw_config, config.train.epochs), 0, NULL,
     0, 100000, NULL, "10", T, "Passes over the training set.", NULL, NULL},
    {"batch", OG_FIELD_INT, offsetof(struct og_raw_config, config.train.batch), 0, NULL,
     1, 65536, NULL, "128", T,
     "Samples per step; of text the streams that are read side by side.", NULL, NULL},
    {"optimizer", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.train.optimizer),
     0, NULL, 0, 0, "sgd adam", "adam", T,
     "Stochastic gradient descent with momentum, or Adam.", NULL, NULL},
    {"lr", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.lr), 0, NULL, 0,
     1e6, NULL, "0.001", T, "Learning rate at the start.", NULL, NULL},
    {"momentum", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.momentum), 0,
     NULL, 0, 0.999999, NULL, "0.9", T, "Optimizer sgd: momentum.", NULL, NULL},
    {"beta1", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.beta1), 0, NULL,
     0, 0.999999, NULL, "0.9", T, "Optimizer adam: decay of the mean gradient.", NULL,
     NULL},
    {"beta2", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.beta2), 0, NULL,
     0, 0.999999, NULL, "0.999", T, "Optimizer adam: decay of the mean squared gradient.",
     NULL, NULL},
    {"weight_decay", OG_FIELD_REAL,
     offsetof(struct og_raw_config, config.train.weight_decay), 0, NULL, 0, 1e3, NULL,
     "0", T, "Weight decay, on weights only.", NULL, NULL},
    {"schedule", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.train.schedule),
     0, NULL, 0, 0, "constant step cosine", "constant", T, "How the learning rate falls.",
     NULL, NULL},
    {"lr_gamma", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.lr_gamma), 0,
     NULL, 1e-6, 1, NULL, "0.1", T, "Schedule step: factor.", NULL, NULL},
    {"lr_step", OG_FIELD_INT, offsetof(struct og_raw_config, config.train.lr_step), 0,
     NULL, 1, 100000, NULL, "10", T, "Schedule step: epochs between two factors.", NULL,
     NULL},
    {"lr_hold", OG_FIELD_INT, offsetof(struct og_raw_config, config.train.lr_hold), 0,
     NULL, 0, 100000, NULL, "0", T,
     "Schedule step: epochs before the first of these intervals begins.", NULL, NULL},
    {"warmup", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.warmup), 0,
     NULL, 0, 100000, NULL, "0", T, "Epochs of linearly rising rate at the start.", NULL,
     NULL},
    {"clip_norm", OG_FIELD_REAL, offsetof(struct og_raw_config, config.train.clip_norm),
     0, NULL, 0, 1e9, NULL, "0", T, "Largest norm of the gradient; 0: not limited.", NULL,
     NULL},
    {"seed", OG_FIELD_U64, offsetof(struct og_raw_config, config.train.seed), 0, NULL, 0,
     0, NULL, "0", T,
     "Of initial weights, order, augmentation and noise in training; when left out, the "
     "seed of the experiment.",
     NULL, NULL},
    {"gradient", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.train.gradient),
     0, NULL, 0, 0, "straight_through clipped", "clipped", T,
     "Quantisers pass the gradient on everywhere, or only where they do not clip.", NULL,
     NULL},
    {"reparam", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.train.reparam), 0,
     NULL, 0, 0, NULL, "false", T,
     "Whether the scale of the noise is differentiated as well; of injected noise that "
     "at A.",
     NULL, NULL},
    {"redraw", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.train.redraw), 0,
     NULL, 0, 0, "step epoch never", "step", T,
     "When programming errors and mismatch are drawn anew in training.", NULL, NULL},
    {"ideal_epochs", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.train.ideal_epochs), 0, NULL, 0, 100000, NULL,
     "0", T, "First epochs, on ideal hardware.", NULL, NULL},
    {"calibrate_every", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.train.calibrate_every), 0, NULL, 1, 1000000000,
     NULL, "20", T,
     "Steps between two calibrations of the converters in training; the first steps "
     "calibrate at 1, 2, 4, ...",
     NULL, NULL},
    {"calibrate_samples", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.train.calibrate_samples), 0, NULL, 1, 1000000,
     NULL, "256", T, "Training samples of each of these calibrations.", NULL, NULL},
    {"adversarial", OG_FIELD_BLOCK,
     offsetof(struct og_raw_config, config.train.adversarial), 0, NULL, 0, 0, NULL, NULL,
     T, "Trains on images that attack the network as it is (after Madry et al.).",
     og_adversarial_fields, "kind"},
    {"hardware", OG_FIELD_ITEM, offsetof(struct og_raw_config, train_hardware), 0, NULL,
     0, 0, NULL, "", T,
     "What training sees: ideal (default), same (hardware of the sweep point), nominal "
     "(hardware before the sweep is applied), or a block of its own like hardware.",
     NULL, NULL},
    {.key = NULL},
};

static const struct og_field compress_fields[] = {
    {"hardware", OG_FIELD_ITEM, offsetof(struct og_raw_config, compress_hardware), 0,
     NULL, 0, 0, NULL, "", C,
     "What ADMM and retraining see: as train.hardware, which is also the default.", NULL,
     NULL},
    {"rounds_used", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.compress.rounds_used), 0, NULL, -1, 1000, NULL,
     "-1", C, "Only the first so many rounds; -1: all.", NULL, NULL},
    {"rounds", OG_FIELD_ITEM, offsetof(struct og_raw_config, config.compress.rounds), 0,
     NULL, 0, 0, NULL, "", C,
     "List of rounds {sets, method, admm, retrain, purify, shares, straight_through}, "
     "each on what the one before it left; their keys are below.",
     NULL, NULL},
    {.key = NULL},
};

static const struct og_field evaluate_fields[] = {
    {"batch", OG_FIELD_INT, offsetof(struct og_raw_config, config.evaluate.batch), 0,
     NULL, 1, 65536, NULL, "256", E,
     "Test samples per pass; the result does not depend on it.", NULL, NULL},
    {"streams", OG_FIELD_INT, offsetof(struct og_raw_config, config.evaluate.streams), 0,
     NULL, 1, 65536, NULL, "64", E,
     "Text: parts that are read side by side, each from an empty state.", NULL, NULL},
    {"calibrate_samples", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.evaluate.calibrate_samples), 0, NULL, 1,
     1000000, NULL, "1024", P,
     "Training samples that calibrate the converters of a chip.", NULL, NULL},
    {"norm_samples", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.evaluate.norm_samples), 0, NULL, 0, 1000000,
     NULL, "0", E,
     "Training samples that each chip reads as it is at t_inference, for new statistics "
     "of batch_norm instead of those of training; 0: none.",
     NULL, NULL},
    {"votes", OG_FIELD_INT, offsetof(struct og_raw_config, config.evaluate.votes), 0,
     NULL, 1, OG_VOTES_MAX, NULL, "1", E,
     "Passes over each test sample that vote for its class: what is drawn per read is "
     "drawn anew, the chip stays; energy and latency count so many times.",
     NULL, NULL},
    {"vote", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.evaluate.vote), 0,
     NULL, 0, 0, "majority softmax logits", "majority", E,
     "Whether passes choose a class each, or their probabilities or logits are averaged "
     "(of one pass all are the same).",
     NULL, NULL},
    {.key = NULL},
};

static const struct og_field output_fields[] = {
    {"model", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.output.model), 0, NULL,
     0, 0, NULL, "true", O, "Whether trained weights are stored in the result file.",
     NULL, NULL},
    {"chip", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.output.chip), 0, NULL,
     0, 0, NULL, "false", O,
     "Whether the conductances of the first chip of each point are stored.", NULL, NULL},
    {"faults", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.output.faults), 0,
     NULL, 0, 0, NULL, "false", O,
     "Whether the faults of the first chip of each point are stored, for /faults, in the "
     "form that hardware.fault_map reads.",
     NULL, NULL},
    {"errors", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.output.errors), 0,
     NULL, 0, 0, NULL, "false", O,
     "Whether the errors of the weights of the first chip of each point are stored, for "
     "/errors: what a read without noise multiplies with, less what was trained, in "
     "parts "
     "of the largest full-scale weight of the matrix.",
     NULL, NULL},
    {"trace", OG_FIELD_BOOL, offsetof(struct og_raw_config, config.output.trace), 0, NULL,
     0, 0, NULL, "false", O,
     "Whether recurrent layers are followed step by step on the samples of "
     "layer_samples, "
     "for /traces: errors of column sums and states, what saturates and what clips.",
     NULL, NULL},
    {"layer_samples", OG_FIELD_INT,
     offsetof(struct og_raw_config, config.output.layer_samples), 0, NULL, 0, 1000000,
     NULL, "64", O,
     "First test samples on which each matrix of a chip is measured, for /layers and "
     "the costs of a technology; 0: none.",
     NULL, NULL},
    {.key = NULL},
};

static const struct og_field stop_fields[] = {
    {"half_width", OG_FIELD_REAL, offsetof(struct og_raw_config, config.stop.half_width),
     0, NULL, 0, 1e6, NULL, "0", O,
     "A point has chips enough once the 95 % interval of their mean reaches no further "
     "to either side; trials are the most. 0: all trials.",
     NULL, NULL},
    {"every", OG_FIELD_INT, offsetof(struct og_raw_config, config.stop.every), 0, NULL, 2,
     1000000, NULL, "10", O, "Looked at after every so many chips, in their order.", NULL,
     NULL},
    {"metric", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.stop.metric), 0,
     NULL, 0, 0, "accuracy loss", "accuracy", O, "Whose mean it is.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_root_fields[] = {
    {"title", OG_FIELD_TEXT, offsetof(struct og_raw_config, config.title),
     sizeof((struct og_config *)0)->title, NULL, 0, 0, NULL, "", O,
     "What the experiment is about.", NULL, NULL},
    {"seed", OG_FIELD_U64, offsetof(struct og_raw_config, config.seed), 0, NULL, 0, 0,
     NULL, "1", P, "The seed that all others follow from.", NULL, NULL},
    {"trials", OG_FIELD_INT, offsetof(struct og_raw_config, config.trials), 0, NULL, 1,
     1000000, NULL, "1", O, "Chips per sweep point.", NULL, NULL},
    {"stop", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, O,
     "When a point needs no more chips.", stop_fields, "half_width"},
    {"kernels", OG_FIELD_CHOICE, offsetof(struct og_raw_config, config.kernels), 0, NULL,
     0, 0, "auto fixed", "auto", D,
     "Widest instruction set of the machine, or the same last bits on every machine.",
     NULL, NULL},
    {"data", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, D, "The data set.",
     data_fields, "name"},
    {"model", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, T, "The network.",
     model_fields, NULL},
    {"hardware", OG_FIELD_BLOCK, offsetof(struct og_raw_config, config.hardware), 0, NULL,
     0, 0, NULL, NULL, P, "What is evaluated.", og_hardware_fields, NULL},
    {"train", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, T, "Training.", train_fields,
     NULL},
    {"compress", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, C,
     "Compression of what was trained.", compress_fields, NULL},
    {"evaluate", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Evaluation.",
     evaluate_fields, NULL},
    {"attack", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "An attack on the test images, before they are evaluated.", og_attack_fields,
     "kind"},
    {"output", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, O, "What is stored.",
     output_fields, NULL},
    {"sweep", OG_FIELD_ITEM, offsetof(struct og_raw_config, sweep), 0, NULL, 0, 0, NULL,
     "", O, "Axes: a list of {key, name, values, labels} or {zip: [...]}.", NULL, NULL},
    {.key = NULL},
};
