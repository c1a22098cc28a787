// SPDX-License-Identifier: GPL-3.0-or-later
// Published trained networks against the numbers that PyTorch computed with them, and
// against the accuracy that they are known to have. Needs $OHMGRID_DATA with the folders
// weights and cifar10; skipped without.
#include "weight_files.h"

#include <math.h>

#include "ohmgrid/data.h"

enum { IMAGES = 64, PIXELS = 3 * 32 * 32 };

static void need(const char *name)
{
    const char *root = getenv("OHMGRID_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root ? root : "", name);
    if (root && access(path, R_OK) == 0) return;
    print_message("%s is not here: skipped\n", name);
    skip();
}

static hid_t open_real(const char *name)
{
    char path[512];
    need(name);
    snprintf(path, sizeof path, "%s/%s", getenv("OHMGRID_DATA"), name);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

// The values of a dataset, og_free; *n: how many.
static float *read_set(hid_t file, const char *name, size_t *n)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    assert_true(set >= 0 && space >= 0);
    *n = (size_t)H5Sget_simple_extent_npoints(space);
    float *value = og_alloc(*n, sizeof *value);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >=
                0);
    H5Sclose(space);
    H5Dclose(set);
    return value;
}

static void load_real(og_model *model, const struct og_weights_config *c)
{
    struct og_error err = {0};
    if (og_model_load(model, c, &err) != OG_OK) fail_msg("%s", err.text);
}

// Logits of n samples on ideal hardware; borrowed from *exec.
static const float *forward(og_model *model, const float *x, size_t n, og_exec **exec)
{
    static const uint32_t sample[IMAGES];
    *exec = nn_exec(model, &(struct og_exec_options){.batch = n});
    og_exec_program(*exec, &(struct og_chip){0});
    return og_exec_forward(*exec, &(struct og_batch){.x = x, .sample = sample, .n = n});
}

static int largest(const float *y, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (y[k] > y[best]) best = k;
    return best;
}

// --- images ----------------------------------------------------------------------------

struct images {
    og_experiment *e;
    og_model *model;
    og_exec *exec;
    struct og_dataset *set;
    float *x;
    const float *y;  // logits
};

// The first test images through the network of an experiment with the weights it names.
static struct images run_experiment(const char *name)
{
    struct images im = {0};
    char path[512];
    struct og_config config;
    struct og_error err = {0};
    uint32_t index[IMAGES];
    need("cifar10/test_batch.bin.xz");
    snprintf(path, sizeof path, "%s/experiments/%s/experiment.yaml",
             getenv("OHMGRID_SOURCE"), name);
    if (og_experiment_read(&im.e, path, NULL, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(og_experiment_point(im.e, 0, &config, &err), OG_OK);
    struct og_data_spec spec = {.name = "cifar10", .split = OG_TEST, .limit = IMAGES};
    for (int c = 0; c < 3; c++) {
        spec.mean[c] = (float)config.data.mean.v[c];
        spec.std[c] = (float)config.data.std.v[c];
    }
    for (uint32_t i = 0; i < IMAGES; i++) index[i] = i;
    const struct og_data_search where = {NULL};
    assert_int_equal(og_dataset_open(&im.set, &spec, &where, &err), OG_OK);
    im.x = og_alloc(IMAGES * PIXELS, sizeof *im.x);
    og_dataset_fetch(im.set, index, IMAGES, NULL, im.x);
    assert_int_equal(og_model_build(&im.model, config.layers, &im.set->shape, 10, &err),
                     OG_OK);
    load_real(im.model, &config.weights);
    im.y = forward(im.model, im.x, IMAGES, &im.exec);
    return im;
}

static void images_clear(struct images *im)
{
    og_exec_free(im->exec);
    og_model_free(im->model);
    og_dataset_free(im->set);
    og_free(im->x);
    og_experiment_free(im->e);
}

static void resnet20_of_pytorch(void **state)
{
    (void)state;
    size_t n;
    need("weights/resnet20_cifar10.h5");
    hid_t file = open_real("weights/resnet20_cifar10_reference_logits.h5");
    float *expected = read_set(file, "logits", &n);
    struct images im = run_experiment("resnet20_cifar10");
    for (size_t i = 0; i < IMAGES * 10; i++)
        assert_true(fabsf(im.y[i] - expected[i]) <= 1e-4f);
    images_clear(&im);
    og_free(expected);
    H5Fclose(file);
}

// There are no logits of Keras to compare with, but a wrong layout would guess. 56 of
// these 64 images are classified right; over all 10,000 it is the published 87.19 %.
static void resnet8_of_keras(void **state)
{
    (void)state;
    need("weights/mlperf_resnet8_cifar10_keras.h5");
    struct images im = run_experiment("resnet8_cifar10");
    int right = 0;
    for (int i = 0; i < IMAGES; i++)
        right += largest(im.y + i * 10, 10) == im.set->label[i];
    assert_int_equal(right, 56);
    images_clear(&im);
}

// --- words -----------------------------------------------------------------------------

// One word has its own number of steps, so the network is built for it.
static void check_word(hid_t file, const char *word, const struct og_weights_config *c)
{
    char name[64], yaml[128];
    size_t values, logits;
    snprintf(name, sizeof name, "%s/mfcc", word);
    float *x = read_set(file, name, &values);
    snprintf(name, sizeof name, "%s/logits", word);
    float *expected = read_set(file, name, &logits);
    snprintf(yaml, sizeof yaml,
             "[lstm: {name: lstm, units: 64, layers: 3}, dense: {name: fc, units: %zu}]",
             logits);
    og_model *model =
        nn_model(yaml, (struct og_shape){2, {values / 12, 12, 0}}, (int)logits);
    load_real(model, c);
    og_exec *exec;
    const float *y = forward(model, x, 1, &exec);
    for (size_t i = 0; i < logits; i++) assert_true(fabsf(y[i] - expected[i]) <= 1e-4f);
    og_exec_free(exec);
    og_model_free(model);
    og_free(x);
    og_free(expected);
}

// Three stacked layers, with ohmgrid's default forget_bias of 1, which is subtracted.
static void lstm_of_pytorch(void **state)
{
    (void)state;
    struct og_weights_config c = {0};
    need("weights/lstm3x64_speechcommands35.h5");
    hid_t file = open_real("weights/lstm3x64_reference_io.h5");
    snprintf(c.path, sizeof c.path, "%s/weights/lstm3x64_speechcommands35.h5",
             getenv("OHMGRID_DATA"));
    hsize_t words;
    assert_true(H5Gget_num_objs(file, &words) >= 0 && words > 0);
    for (hsize_t i = 0; i < words; i++) {
        char word[32];
        assert_true(H5Gget_objname_by_idx(file, i, word, sizeof word) > 0);
        check_word(file, word, &c);
    }
    H5Fclose(file);
}

// Half of the words, as one batch of sequences of different length.
static void check_words(const og_model *of, const struct og_dataset *set, int fold,
                        const float *expected)
{
    uint32_t index[18];
    og_model *model;
    struct og_error err = {0};
    float *x = og_alloc(set->n * set->height, 12 * sizeof *x);
    for (uint32_t i = 0; i < set->n; i++) index[i] = i;
    og_dataset_fetch(set, index, set->n, NULL, x);
    assert_int_equal(og_model_copy(&model, of, &err), OG_OK);
    og_exec *exec = nn_exec(model, &(struct og_exec_options){.batch = set->n});
    og_exec_program(exec, &(struct og_chip){0});
    assert_non_null(set->length);
    const struct og_batch batch = {
        .x = x, .sample = index, .length = set->length, .n = set->n};
    const float *y = og_exec_forward(exec, &batch);
    for (size_t k = 0; k < set->n; k++)
        for (size_t j = 0; j < 35; j++)
            assert_true(fabsf(y[35 * k + j] -
                              expected[35 * (2 * k + (size_t)fold) + j]) <= 1e-4f);
    og_exec_free(exec);
    og_model_free(model);
    og_free(x);
}

// The same from the file of experiments/lstm_speech_commands, each word to its end.
static void words_of_a_file(void **state)
{
    (void)state;
    struct og_weights_config c = {0};
    need("weights/lstm3x64_speechcommands35.h5");
    snprintf(c.path, sizeof c.path, "%s/weights/lstm3x64_speechcommands35.h5",
             getenv("OHMGRID_DATA"));
    struct og_data_spec spec = {
        .name = "hdf5", .split = OG_TEST, .series = og_series_default()};
    spec.series.scale = OG_SCALE_NONE;
    spec.series.folds = 2;
    spec.speech = og_speech_default();
    spec.speech.steps = 32;  // one word is longer than all in the other half
    snprintf(spec.series.file, sizeof spec.series.file,
             "%s/experiments/lstm_speech_commands/words.h5", getenv("OHMGRID_SOURCE"));
    hid_t file = H5Fopen(spec.series.file, H5F_ACC_RDONLY, H5P_DEFAULT);
    size_t logits;
    float *expected = read_set(file, "logits", &logits);
    assert_int_equal(logits, 18 * 35);
    H5Fclose(file);
    for (; spec.series.fold < 2; spec.series.fold++) {
        struct og_dataset *set;
        struct og_error err = {0};
        if (og_dataset_open(&set, &spec, NULL, &err) != OG_OK) fail_msg("%s", err.text);
        og_model *model = nn_model("[lstm: {name: lstm, units: 64, layers: 3}, dense: "
                                   "{name: fc, units: 35}]",
                                   set->shape, set->classes);
        load_real(model, &c);
        check_words(model, set, spec.series.fold, expected);
        og_model_free(model);
        og_dataset_free(set);
    }
    og_free(expected);
}

// Depthwise convolutions, rectangular windows, TensorFlow's padding and its layout: 90.1
// % of the 1000 words, as TensorFlow Lite has it.
static void dscnn_of_tflite(void **state)
{
    (void)state;
    char yaml[2048] =
        "[pad: {top: 4, bottom: 5, left: 1, right: 1}, conv2d: {name: conv1, filters: "
        "64, kernel: 10, kernel_width: 4, stride: 2}, relu";
    for (int i = 1; i <= 4; i++)
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml),
                 ", conv2d: {name: dw%d, filters: 64, kernel: 3, padding: 1, groups: 64},"
                 " relu, conv2d: {name: pw%d, filters: 64, kernel: 1}, relu",
                 i, i);
    strcat(yaml, ", global_avg_pool, dense: {name: fc, units: 12}]");
    need("weights/dscnn_kws12.h5");
    hid_t file = open_real("speech_commands_kws01/kws01_mfcc.h5");
    size_t values, words;
    float *x = read_set(file, "mfcc_int8", &values);
    float *label = read_set(file, "label", &words);
    H5Fclose(file);
    for (size_t i = 0; i < values; i++) x[i] = (x[i] - 83.0f) * 0.5847029f;
    struct og_weights_config c = {0};
    snprintf(c.path, sizeof c.path, "%s/weights/dscnn_kws12.h5", getenv("OHMGRID_DATA"));
    og_model *model = nn_model(yaml, (struct og_shape){3, {1, 49, 10}}, 12);
    load_real(model, &c);
    int right = 0;
    for (size_t w = 0; w < words; w += 50) {
        og_exec *exec;
        const float *y = forward(model, x + w * 490, 50, &exec);
        for (size_t i = 0; i < 50; i++) right += largest(y + i * 12, 12) == label[w + i];
        og_exec_free(exec);
    }
    assert_int_equal(words, 1000);
    assert_int_equal(right, 901);
    og_model_free(model);
    og_free(x);
    og_free(label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet20_of_pytorch), cmocka_unit_test(resnet8_of_keras),
        cmocka_unit_test(lstm_of_pytorch),     cmocka_unit_test(words_of_a_file),
        cmocka_unit_test(dscnn_of_tflite),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
