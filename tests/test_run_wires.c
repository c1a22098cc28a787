// SPDX-License-Identifier: GPL-3.0-or-later
// Whole runs on arrays with wires: what they warn of at their end, and what they announce
// before they begin.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_tools.h"

static char *warning(const char *out)
{
    char path[PATH], *text;
    struct og_error err = {0};
    in_folder(path, out);
    if (og_result_warning(path, &text, &err) != OG_OK) fail_msg("%s", err.text);
    return text;
}

// Devices of up to 1 mS on bit lines of 300 ohm a segment: reads at full drive lift
// these, of which the formula of the noise knows nothing. At 10 mohm there is nothing to
// know.
static void noise_that_is_off_is_told(void **state)
{
    (void)state;
    static const char wires[] =
        "sweep:\n"
        "  - {key: hardware.device.g_max, values: [1 mS]}\n"
        "  - {key: hardware.device.read.sigma, values: [1 uS]}\n"
        "  - {key: hardware.wires.mode, values: [exact]}\n"
        "  - zip:\n"
        "    - {key: hardware.wires.r_row, values: [10 mohm, 1 ohm]}\n"
        "    - {key: hardware.wires.r_col, values: [10 mohm, 300 ohm]}\n";
    og_experiment *e = read_experiment(wires, "hardware.tile={rows: 64, cols: 64}");
    run_whole(e, "a.h5");
    og_experiment_free(e);
    double ratio[2 * 3];
    read_values("a.h5", "/layers/dense1/wire_noise", ratio, 6);
    for (int i = 0; i < 3; i++) {
        assert_true(ratio[i] > 0.99 && ratio[i] < 1.01);
        assert_true(ratio[3 + i] > 1.15);
    }
    char *text = warning("a.h5");
    assert_non_null(text);
    assert_non_null(strstr(text, "layer dense"));
    assert_non_null(strstr(text, " wires_r_row [ohm] 1, wires_r_col [ohm] 300 draws "));
    assert_non_null(strstr(text, " % too much read noise"));
    free(text);
}

struct heard {
    int times;
    char text[512];
};

static void hear(void *user, const char *text)
{
    struct heard *h = user;
    h->times++;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static struct heard heard_of(const og_experiment *e, enum og_journal_mode mode)
{
    struct heard h = {0};
    struct og_error err = {0};
    char path[PATH];
    in_folder(path, "a.h5");
    const struct og_run_options o = {.out = path,
                                     .command = "test",
                                     .data = folder,
                                     .mode = mode,
                                     .threads = 2,
                                     .announce = hear,
                                     .user = &h};
    if (og_run(e, &o, &err) != OG_OK) fail_msg("%s", err.text);
    return h;
}

static const char bent[] =
    "sweep:\n"
    "  - {key: hardware.device.iv, values: [{kind: sinh, a: 3 1/V}], labels: [sinh]}\n"
    "  - {key: hardware.wires.mode, values: [none, exact_nonlinear]}\n";

// Of three chips of 60 test samples, at the second point alone; a result that is whole
// has nothing ahead of it.
static void solving_every_read_is_announced(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(bent, "hardware.tile={rows: 64, cols: 64}");
    struct heard h = heard_of(e, OG_JOURNAL_FORCE);
    assert_int_equal(h.times, 1);
    assert_non_null(strstr(h.text, "wires.mode exact_nonlinear solves every read"));
    // A sample for each thread, of which a build without OpenMP has one.
    assert_true(strstr(h.text, "(measured on 2), about ") ||
                strstr(h.text, "(measured on 1), about "));
    assert_non_null(strstr(h.text, " for 180 to evaluate and 0 to train on"));
    h = heard_of(e, OG_JOURNAL_RESUME);
    assert_int_equal(h.times, 0);
    og_experiment_free(e);
    assert_null(warning("a.h5"));
}

static void ohmic_cells_have_nothing_to_announce(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(
        "sweep: [{key: hardware.wires.mode, values: [exact]}]\n", "trials=1");
    assert_int_equal(heard_of(e, OG_JOURNAL_FORCE).times, 0);
    og_experiment_free(e);
}

// What one layer is alone, and what training is.
static void layers_and_training_count(void **state)
{
    (void)state;
    static const char layer[] =
        "sweep: [{key: hardware.layers, values: [[{layer: dense2, "
        "device: {iv: {kind: sinh, a: 3 1/V}}, wires: "
        "{mode: exact_nonlinear, r_row: 1}}]], labels: [x]}]\n";
    og_experiment *e = read_experiment(layer, "trials=1");
    struct heard h = heard_of(e, OG_JOURNAL_FORCE);
    assert_int_equal(h.times, 1);
    assert_non_null(strstr(h.text, " for 60 to evaluate and 0 to train on"));
    og_experiment_free(e);
    static const char training[] =
        "sweep:\n"
        "  - {key: train.hardware, values: [same], labels: [same]}\n"
        "  - {key: hardware.layers, values: [[{layer: dense2, "
        "device: {iv: {kind: sinh, a: 3 1/V}}, wires: "
        "{mode: exact_nonlinear, r_row: 1}}]], labels: [x]}\n";
    e = read_experiment(training, "trials=1");
    h = heard_of(e, OG_JOURNAL_FORCE);
    assert_int_equal(h.times, 1);
    assert_non_null(strstr(h.text, " for 60 to evaluate and 300 to train on"));
    og_experiment_free(e);
}

// The program, both on stderr.
static void the_program_says_both(void **state)
{
    (void)state;
    char yaml[PATH], out[PATH], line[2048], text[8192];
    og_experiment_free(read_experiment("", NULL));
    in_folder(yaml, "e.yaml");
    in_folder(out, "b.h5");
    snprintf(line, sizeof line,
             "'%s' run %s -o %s --data %s --force --set trials=1 --set train.epochs=0 "
             "--set 'hardware.device.g_max=1 mS' --set 'hardware.device.read.sigma=1 uS' "
             "--set 'hardware.device.iv={kind: sinh, a: 3 1/V}' --set hardware.wires="
             "'{mode: exact_nonlinear, r_row: 10, r_col: 10}' 2>&1 >/dev/null",
             getenv("OHMGRID_PROGRAM"), yaml, out, folder);
    FILE *said = popen(line, "r");
    assert_non_null(said);
    text[fread(text, 1, sizeof text - 1, said)] = '\0';
    assert_int_equal(pclose(said), 0);
    assert_true(strncmp(text, "ohmgrid run: wires.mode exact_nonlinear solves", 46) == 0);
    assert_non_null(strstr(text, "\nohmgrid run: warning: layer dense1 draws "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_that_is_off_is_told),
        cmocka_unit_test(solving_every_read_is_announced),
        cmocka_unit_test(ohmic_cells_have_nothing_to_announce),
        cmocka_unit_test(layers_and_training_count),
        cmocka_unit_test(the_program_says_both),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
