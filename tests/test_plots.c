// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of whole runs, as text of SVG, and pages of them: what is on them, and what is
// refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "results/table.h"
#include "run_tools.h"

static og_status plot(const char *out, const struct og_plot *how, struct og_error *err)
{
    char from[PATH], to[PATH];
    in_folder(from, out);
    in_folder(to, "figure.svg");
    *err = (struct og_error){0};
    return og_result_plot(from, to, how, err);
}

// How often the figure says `text`.
static int said(const char *text)
{
    char path[PATH], line[4096];
    int n = 0;
    in_folder(path, "figure.svg");
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL)
        for (const char *at = line; (at = strstr(at, text)) != NULL; at += strlen(text))
            n++;
    fclose(in);
    return n;
}

static void drawn(const char *out, const struct og_plot *how, const char *const *text)
{
    struct og_error err;
    if (plot(out, how, &err) != OG_OK) fail_msg("%s", err.text);
    for (; *text != NULL; text++)
        if (said(*text) == 0) fail_msg("'%s' is not on the figure", *text);
}

static void sweeps(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_whole(e, "a.h5");
    og_experiment_free(e);
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_TRAINING},
          (const char *[]){"training plain", "training aware", "loss in training",
                           "training epoch", "tiny", NULL});
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_TRAINING, .metric = "learning_rate"},
          (const char *[]){"learning rate in training", NULL});
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_CONDUCTANCES, .point = 2},
          (const char *[]){"dense1", "dense2", "conductance [µS]", "share of devices [%]",
                           "training aware, read_noise 0", NULL});
    // The first point that was stored.
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_CONDUCTANCES, .point = -1},
          (const char *[]){"training plain, read_noise 0", NULL});
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_LAYERS, .point = -1},
          (const char *[]){"dense1", "dense2", "snr local [dB]",
                           "training plain, read noise 0", NULL});
    drawn("a.h5",
          &(struct og_plot){.kind = OG_PLOT_LAYERS, .metric = "tiles", .point = 3},
          (const char *[]){"tiles", "tiny: training aware, read_noise 2 µS", NULL});
    drawn("a.h5", &(struct og_plot){.kind = OG_PLOT_MAP},
          (const char *[]){"read noise [µS]", "accuracy [%]", "plain", "aware", NULL});
    // Every field of a map has its value.
    double accuracy[4];
    char value[16];
    read_values("a.h5", "/results/accuracy_mean", accuracy, 4);
    for (int i = 0; i < 4; i++) {
        snprintf(value, sizeof value, ">%.3g<", 100 * accuracy[i]);
        if (said(value) == 0) fail_msg("%s is not on the map", value);
    }
    drawn("a.h5", &(struct og_plot){.mean = "training"},
          (const char *[]){"read noise [µS]", NULL});
    assert_int_equal(said("aware"), 0);
    struct og_error err;
    assert_int_equal(plot("a.h5", &(struct og_plot){.mean = "seed"}, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "no axis 'seed' for --mean; there are: training"));
}

// Over either of two axes: means of the means, and the interval of two values, whose
// quantile of t is tan(0.475 pi).
static void means_over_an_axis(void **state)
{
    (void)state;
    double accuracy[4];
    char path[PATH];
    in_folder(path, "a.h5");
    read_values("a.h5", "/results/accuracy_mean", accuracy, 4);
    for (size_t axis = 0; axis < 2; axis++) {
        struct og_table t;
        struct og_error err = {0};
        assert_int_equal(og_table_read(&t, path, &err), OG_OK);
        assert_int_equal(og_table_mean(&t, axis, &err), OG_OK);
        assert_true(t.axes == 1 && t.points == 2 && t.axis[0].n == 2);
        assert_string_equal(t.axis[0].column[0].name, axis ? "training" : "read_noise");
        assert_string_equal(t.metric[0].name, "accuracy");
        const size_t step = axis ? 1 : 2;
        for (size_t p = 0; p < 2; p++) {
            const double a = accuracy[p * (3 - step)],
                         b = accuracy[p * (3 - step) + step];
            const double half = tan(0.475 * acos(-1)) * fabs(a - b) / 2;
            assert_true(fabs(t.metric[0].mean[p] - (a + b) / 2) < 1e-12);
            assert_true(fabs(t.metric[0].low[p] - ((a + b) / 2 - half)) < 1e-9);
            assert_true(fabs(t.metric[0].high[p] - ((a + b) / 2 + half)) < 1e-9);
        }
        og_table_free(&t);
    }
}

static void steps_of_sequences(void **state)
{
    (void)state;
    static const char noises[] =
        "sweep:\n  - {key: hardware.device.read.sigma, name: noise, "
        "values: [1 uS, 4 uS]}\n";
    static const char *const set[] = {
        "data.as=rows", "model.layers=[{lstm: {units: 8}}, {dense: {units: 10}}]",
        "output={trace: true, layer_samples: 8}"};
    char path[PATH], text[2048];
    og_experiment *e;
    struct og_error err = {0};
    snprintf(text, sizeof text, "%s%s", head, noises);
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    const struct og_overrides overrides = {.set = set, .sets = 3};
    if (og_experiment_read(&e, path, &overrides, &err) != OG_OK) fail_msg("%s", err.text);
    run_whole(e, "b.h5");
    og_experiment_free(e);
    drawn("b.h5", &(struct og_plot){.kind = OG_PLOT_TRACES, .point = -1},
          (const char *[]){"lstm1, noise 1 µS", "lstm1, noise 4 µS", "time step",
                           "h error", NULL});
    drawn("b.h5",
          &(struct og_plot){.kind = OG_PLOT_TRACES, .metric = "c_saturated", .point = 1},
          (const char *[]){"c saturated", NULL});
    assert_int_equal(said("noise 1 µS"), 0);
    const struct og_plot far = {.kind = OG_PLOT_TRACES, .point = 2};
    assert_int_equal(plot("b.h5", &far, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "no traces of point 2, of 2 points"));
}

// The error of a weight is that of a pair of devices, whose sigma is known: 0.2 of 99 uS,
// which no clip meets. (One-sided pairs hold the whole range in either device.)
static void errors_are_those_of_the_devices(void **state)
{
    (void)state;
    enum { INPUTS = 784, UNITS = 12 };
    double *error = og_alloc(INPUTS * UNITS, sizeof *error), sum = 0;
    char text[64];
    og_experiment *e = read_experiment(
        "", "hardware.device={name: generic, program: {kind: constant, sigma: 0.2 uS}, "
            "clip: nonnegative}");
    run_whole(e, "b.h5");
    og_experiment_free(e);
    read_values("b.h5", "/errors/p0/dense1", error, INPUTS * UNITS);
    for (size_t i = 0; i < INPUTS * UNITS; i++) sum += error[i] * error[i];
    const double rms = sqrt(sum / (INPUTS * UNITS)), wanted = sqrt(2) * 0.2 / 99;
    // The relative error of a standard deviation of n values is 1 / sqrt(2n).
    assert_true(fabs(rms / wanted - 1) < 4 / sqrt(2.0 * INPUTS * UNITS));
    og_free(error);
    snprintf(text, sizeof text, "dense1: rms %.3g %%, largest of 4 x 1", 100 * rms);
    drawn("b.h5", &(struct og_plot){.kind = OG_PLOT_ERRORS, .point = -1},
          (const char *[]){text, "dense2: rms", "bit line", "word line", "tiny",
                           "error [% of full scale]", NULL});
    drawn("b.h5", &(struct og_plot){.kind = OG_PLOT_ERRORS, .layer = "dense2"},
          (const char *[]){"dense2: rms", NULL});
    assert_int_equal(said("dense1"), 0);
}

static void figures_are_of_their_ending(void **state)
{
    (void)state;
    static const char *const start[][2] = {
        {"figure.png", "\x89PNG\r\n"}, {"figure.svg", "<?xml"}, {"figure.PDF", "%PDF-"}};
    char from[PATH], to[PATH];
    og_experiment *e = read_experiment("", NULL);
    run_whole(e, "b.h5");
    og_experiment_free(e);
    in_folder(from, "b.h5");
    for (size_t i = 0; i < sizeof start / sizeof *start; i++) {
        struct og_error err = {0};
        char got[8] = {0};
        in_folder(to, start[i][0]);
        const struct og_plot how = {.kind = OG_PLOT_ERRORS, .point = -1};
        if (og_result_plot(from, to, &how, &err) != OG_OK) fail_msg("%s", err.text);
        FILE *in = fopen(to, "r");
        assert_non_null(in);
        assert_int_equal(fread(got, 1, strlen(start[i][1]), in), strlen(start[i][1]));
        fclose(in);
        assert_string_equal(got, start[i][1]);
        remove(to);
    }
}

// Names of matrices with '/' are groups in the file.
static void parts_of_layers(void **state)
{
    (void)state;
    static const char *const set[] = {
        "data.as=rows", "hardware.rnn.mapping=split",
        "model.layers=[{lstm: {units: 8}}, {dense: {units: 10}}]"};
    char path[PATH];
    og_experiment *e;
    struct og_error err = {0};
    write_bytes("e.yaml", head, strlen(head));
    in_folder(path, "e.yaml");
    const struct og_overrides overrides = {.set = set, .sets = 3};
    if (og_experiment_read(&e, path, &overrides, &err) != OG_OK) fail_msg("%s", err.text);
    run_whole(e, "b.h5");
    og_experiment_free(e);
    drawn("b.h5", &(struct og_plot){.kind = OG_PLOT_ERRORS, .point = -1},
          (const char *[]){"lstm1/h: rms", "lstm1/x: rms", "dense1: rms", NULL});
    drawn("b.h5", &(struct og_plot){.kind = OG_PLOT_CONDUCTANCES, .point = -1},
          (const char *[]){"lstm1/h", "lstm1/x", NULL});
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        struct og_plot plot;
        og_status status;
        const char *error;
    } bad[] = {
        {NULL, {.kind = OG_PLOT_TRACES, .point = -1}, OG_INPUT, "holds no /traces"},
        {NULL, {.kind = OG_PLOT_MAP}, OG_INPUT, "no sweep axis"},
        {NULL,
         {.kind = OG_PLOT_TRAINING, .metric = "speed"},
         OG_USAGE,
         "no training curve 'speed'; there are: loss, accuracy, learning_rate"},
        {"output.chip=false",
         {.kind = OG_PLOT_CONDUCTANCES, .point = -1},
         OG_INPUT,
         "holds no conductances: output.chip was false"},
        {NULL,
         {.kind = OG_PLOT_LAYERS, .metric = "area", .point = -1},
         OG_USAGE,
         "no values of 'area' of layers; there are: snr_local"},
        {NULL, {.kind = OG_PLOT_LAYERS, .point = 1}, OG_USAGE, "no point 1, of 1 points"},
        {"output={chip: false, layer_samples: 0}",
         {.kind = OG_PLOT_LAYERS, .point = -1},
         OG_INPUT,
         "holds no /layers"},
        {"output.errors=false",
         {.kind = OG_PLOT_ERRORS, .point = -1},
         OG_INPUT,
         "holds no errors of weights: output.errors was false"},
        {NULL,
         {.kind = OG_PLOT_ERRORS, .point = 5},
         OG_INPUT,
         "holds no errors of weights of that point"},
        {NULL,
         {.kind = OG_PLOT_ERRORS, .layer = "dense3"},
         OG_USAGE,
         "no matrix 'dense3'; there are: dense1, dense2"},
        {NULL,
         {.kind = OG_PLOT_CONDUCTANCES, .point = 5},
         OG_INPUT,
         "holds no conductances of that point"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct og_error err;
        og_experiment *e = read_experiment("", bad[i].set);
        run_whole(e, "b.h5");
        og_experiment_free(e);
        assert_int_equal(plot("b.h5", &bad[i].plot, &err), bad[i].status);
        if (strstr(err.text, bad[i].error) == NULL) fail_msg("%s", err.text);
    }
}

// --- the page --------------------------------------------------------------------------

static char *page_of(const og_experiment *e)
{
    char from[PATH], to[PATH];
    struct og_error err = {0};
    run_whole(e, "b.h5");
    in_folder(from, "b.h5");
    in_folder(to, "page.html");
    if (og_result_report(from, to, &err) != OG_OK) fail_msg("%s", err.text);
    FILE *in = fopen(to, "r");
    assert_non_null(in);
    enum { MOST = 1 << 22 };
    char *text = malloc(MOST);
    assert_non_null(text);
    const size_t n = fread(text, 1, MOST - 1, in);
    text[n] = '\0';
    assert_true(n > 1000 && n < MOST - 1);
    fclose(in);
    return text;
}

static size_t count(const char *page, const char *text)
{
    size_t n = 0;
    for (; (page = strstr(page, text)) != NULL; page += strlen(text)) n++;
    return n;
}

static void a_page_holds_everything(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, "title=<b>\"1 & 2\"</b>");
    char *page = page_of(e), figure[PATH];
    og_experiment_free(e);
    assert_int_equal(count(page, "<b>"), 0);
    assert_int_equal(count(page, "<h1>&lt;b&gt;&quot;1 &amp; 2&quot;&lt;/b&gt;</h1>"), 1);
    static const char *const section[] = {
        "Results",  "Layers",    "Training", "Conductances", "Errors of the weights",
        "Settings", "Provenance"};
    for (size_t i = 0; i < sizeof section / sizeof *section; i++) {
        char text[64];
        snprintf(text, sizeof text, "<h2>%s</h2>", section[i]);
        if (count(page, text) != 1) fail_msg("%s", text);
    }
    // Lines, map, layers, training, conductances, errors; nothing comes from elsewhere.
    assert_int_equal(count(page, "<img alt="), 6);
    assert_int_equal(count(page, "src=\"data:image/svg+xml,%3C?xml"), 6);
    assert_int_equal(count(page, "src="), 6);
    assert_int_equal(count(page, "href=\""), 0);
    assert_int_equal(count(page, "<td>aware</td>"), 2 + 2 * 2);  // points; their layers
    assert_int_equal(count(page, "weight_decay: "), 1);
    free(page);
    in_folder(figure, "page.html.figure.svg");
    assert_null(fopen(figure, "r"));
}

static void a_page_without_a_sweep_says_so(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", "output={model: false, layer_samples: 0}");
    char *page = page_of(e);
    og_experiment_free(e);
    assert_int_equal(count(page, "no sweep axis to draw against</p>"), 1);
    assert_int_equal(count(page, "<h2>Layers</h2>"), 0);
    assert_int_equal(count(page, "<h2>Conductances</h2>"), 0);
    free(page);
    struct og_error err = {0};
    char path[PATH];
    in_folder(path, "e.yaml");
    assert_int_equal(og_result_report(path, "/nowhere/x.html", &err), OG_INPUT);
    in_folder(path, "b.h5");
    err = (struct og_error){0};
    assert_int_not_equal(og_result_report(path, "/nowhere/x.html", &err), OG_OK);
    assert_non_null(strstr(err.text, "/nowhere/x.html"));
}

static int remove_all(void **state)
{
    char path[PATH];
    in_folder(path, "figure.svg");
    remove(path);
    in_folder(path, "page.html");
    remove(path);
    return remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweeps),
        cmocka_unit_test(means_over_an_axis),
        cmocka_unit_test(steps_of_sequences),
        cmocka_unit_test(errors_are_those_of_the_devices),
        cmocka_unit_test(figures_are_of_their_ending),
        cmocka_unit_test(parts_of_layers),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_page_holds_everything),
        cmocka_unit_test(a_page_without_a_sweep_says_so),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_all);
}
