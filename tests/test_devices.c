// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of every device file, and the numbers of a few against their sources.
#include <math.h>
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"
#include "config_files.h"
#include "ohmgrid/config.h"

// The law as hardware.h states it, written again.
static double sigma_at(const struct og_sigma *s, double g_max, double g)
{
    double value = 0, x = g / (s->g_ref > 0 ? s->g_ref : g_max);
    if (s->kind == OG_SIGMA_CONSTANT) value = s->sigma;
    if (s->kind == OG_SIGMA_PROPORTIONAL) value = s->fraction * g;
    if (s->kind == OG_SIGMA_SATURATING) value = s->limit * (1 - exp(-g / s->g_rise));
    for (int k = 0; s->kind == OG_SIGMA_POLYNOMIAL && k < s->coefficients.n; k++)
        value += s->coefficients.v[k] * pow(x, k);
    return s->scale * value;
}

static void every_file_keeps_the_contract(void **state)
{
    (void)state;
    size_t n, seen = 0;
    char **names = og_device_names(&n);
    for (size_t i = 0; i < n; i++) {
        struct og_device d;
        struct og_error err = {0};
        assert_int_equal(og_device_read(&d, names[i], NULL, &err), OG_OK);
        assert_string_equal(d.name, names[i]);
        assert_true(strlen(d.title) > 10 && strlen(d.citation) > 20);
        assert_true(d.g_min >= 0 && d.g_min < d.g_max && d.g_max < 1e-2);
        // Measured across an array: mismatch is in sigma already.
        if (d.program.kind != OG_SIGMA_NONE)
            assert_true(d.d2d.g_min == 0 && d.d2d.g_max == 0);
        for (int k = 0; k <= 1000; k++) {
            double g = d.g_min + (d.g_max - d.g_min) * k / 1000;
            // Positive all along: the cut at 0 is never needed inside the fitted range.
            if (d.program.kind != OG_SIGMA_NONE)
                assert_true(sigma_at(&d.program, d.g_max, g) > 0);
            assert_true(sigma_at(&d.program, d.g_max, g) < d.g_max);
            assert_true(sigma_at(&d.read, d.g_max, g) >= 0);
        }
        seen++;
        free(names[i]);
    }
    free(names);
    assert_true(seen >= 8);
}

static void is_close(double value, double want)
{
    assert_true(fabs(value - want) <= 1e-5 * want);
}

// Values worked out by hand from the published fits.
static void numbers_are_those_of_the_sources(void **state)
{
    (void)state;
    struct og_device d;
    assert_int_equal(og_device_read(&d, "pcm_joshi", NULL, NULL), OG_OK);
    assert_true(d.g_max == 25e-6 && d.clip == OG_CLIP_NONNEGATIVE);
    is_close(sigma_at(&d.program, d.g_max, 12.5e-6), 0.952705e-6);
    assert_int_equal(og_device_read(&d, "rram_wan2022", NULL, NULL), OG_OK);
    is_close(sigma_at(&d.program, d.g_max, 40e-6), 1.103e-6);
    assert_int_equal(og_device_read(&d, "rram_milo", NULL, NULL), OG_OK);
    is_close(sigma_at(&d.program, d.g_max, 100e-6), 3.871621e-6);
    assert_int_equal(og_device_read(&d, "rram_cmo_hfox", NULL, NULL), OG_OK);
    is_close(sigma_at(&d.program, d.g_max, 50e-6), 0.05425057e-6);
    assert_int_equal(og_device_read(&d, "rram_yuan", NULL, NULL), OG_OK);
    assert_true(d.cell.levels == 16 && d.g_min == 0.1e-6 && d.g_max == 1e-6);
    assert_int_equal(og_device_read(&d, "pcm_hermes_2", NULL, NULL), OG_OK);
    is_close(sigma_at(&d.program, d.g_max, 20.7e-6), 1.0926982e-6);
}

static void a_printed_device_reads_back(void **state)
{
    (void)state;
    struct og_device d, again;
    char path[128];
    assert_int_equal(og_device_read(&d, "rram_wan2022", NULL, NULL), OG_OK);
    snprintf(path, sizeof path, "%s/printed.yaml", folder);
    FILE *file = fopen(path, "w");
    og_device_print(&d, file);
    fclose(file);
    assert_int_equal(og_device_read(&again, path, NULL, NULL), OG_OK);
    assert_memory_equal(&d, &again, sizeof d);
}

static void names_are_looked_up_in_order(void **state)
{
    (void)state;
    struct og_device d;
    struct og_error err = {0};
    write_file("pcm_joshi.yaml", "name: mine\ng_max: 3 uS\n");
    assert_int_equal(og_device_read(&d, "pcm_joshi", folder, NULL), OG_OK);
    assert_string_equal(d.name, "mine");
    assert_int_equal(og_device_read(&d, "pcm_joshi", NULL, NULL), OG_OK);
    assert_string_equal(d.name, "pcm_joshi");
    setenv("OHMGRID_PATH", "/nowhere:", 1);
    assert_int_equal(og_device_read(&d, "absent", folder, &err), OG_INPUT);
    char start[160];
    snprintf(start, sizeof start, "no device file 'absent'; looked in %s, ., /nowhere, ",
             folder);
    assert_memory_equal(err.text, start, strlen(start));
    setenv("OHMGRID_PATH", folder, 1);
    assert_int_equal(og_device_read(&d, "pcm_joshi", NULL, NULL), OG_OK);
    assert_string_equal(d.name, "mine");
    unsetenv("OHMGRID_PATH");
}

static const struct {
    const char *yaml, *error;
} bad[] = {
    {"g_min: 2 uS\ng_max: 1 uS\n", "key 'g_min': 2e-06 S is not below g_max = 1e-06 S"},
    {"program: {kind: polynomial}\n",
     "key 'program': kind polynomial needs coefficients"},
    {"program: {kind: constant, sigma: 1 uS, fraction: 0.1}\n",
     "key 'program.fraction': has no effect with kind constant (it needs kind "
     "proportional)"},
    {"read: {sigma: 1 uS, fraction: 0.1}\n",
     "key 'read.fraction': has no effect with kind constant (it needs kind "
     "proportional)"},
    {"program: {kind: table, table_g: [1 uS], table_sigma: [1 uS, 2 uS]}\n",
     "key 'program': table_g has 1 entries and table_sigma 2; kind table needs equally "
     "many, "
     "at least one"},
    {"program: {kind: table, table_g: [2 uS, 1 uS], table_sigma: [0 S, 0 S]}\n",
     "key 'program.table_g': must be rising"},
    {"cell: {levels: 1}\n",
     "key 'cell.levels': 1 level stores nothing: 0 (analog) or >= 2"},
    {"cell: {levels: 2, list: [1 uS, 2 uS]}\n",
     "key 'cell.list': excludes cell.levels: give one of them"},
    {"cell: {list: [2 uS, 1 uS]}\n", "key 'cell.list': must be rising"},
    {"cell: {list: [1 uS, 26 uS]}\n",
     "key 'cell.list': a level lies outside g_min .. g_max (0 .. 2.5e-05 S)"},
    {"faults: {p_lrs: 0.6, p_hrs: 0.6}\n",
     "key 'faults': p_lrs + p_hrs + p_open + p_short = 1.2 is above 1"},
    {"d2d: {law: uniform}\n", "key 'd2d.law': 'uniform' is none of: normal, lognormal"},
    {"g_off: -1 uS\n", "key 'g_off': -1 uS is outside the allowed range (0 .. 1 S)"},
    {"v_raed: 1 V\n", "key 'v_raed': unknown key; did you mean 'v_read'?"},
};

static void bad_files_get_one_exact_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512], path[TEMP_FILE], start[128];
        struct og_device d;
        struct og_error err = {0};
        snprintf(text, sizeof text, "name: bad\n%s", bad[i].yaml);
        write_file("bad.yaml", text);
        snprintf(path, sizeof path, "%s/bad.yaml", folder);
        assert_int_equal(og_device_read(&d, path, NULL, &err), OG_INPUT);
        snprintf(start, sizeof start, "%s:", path);
        assert_memory_equal(err.text, start, strlen(start));
        assert_string_equal(strstr(err.text, "key '"), bad[i].error);
    }
    struct og_error err = {0};
    struct og_device d;
    write_file("bad.yaml", "g_max: 1 uS\n");
    assert_int_equal(og_device_read(&d, "bad", folder, &err), OG_INPUT);
    assert_non_null(
        strstr(err.text, "bad.yaml:1: key 'name' is missing: a device has a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_keeps_the_contract),
        cmocka_unit_test(numbers_are_those_of_the_sources),
        cmocka_unit_test(a_printed_device_reads_back),
        cmocka_unit_test(names_are_looked_up_in_order),
        cmocka_unit_test(bad_files_get_one_exact_sentence),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
