// SPDX-License-Identifier: GPL-3.0-or-later
// Switching devices and waveforms that are wrong: one sentence each.
#include <string.h>

#include "base/mem.h"
#include "switching_tools.h"

static const struct {
    const char *name, *set, *error;
} bad_sets[] = {
    {"vteam", "r_on", "--set r_on: want key=value, for instance r_on=100"},
    {"vteam", "r_onn=3", "key 'parameters.r_onn': unknown key; did you mean 'r_on'?"},
    {"vteam", "r_on=2 kohm", "key 'parameters.r_on': 2000 is not below r_off = 1000"},
    {"vteam", "r_on=3 V",
     "key 'parameters.r_on': '3 V' has a wrong unit: it is measured in ohm"},
    {"vteam", "x_0=4 nm",
     "key 'parameters.x_0': 4e-09 is outside the device's limits (0 .. 3e-09)"},
    {"vteam", "v_on=0.2",
     "key 'parameters.v_on': 0.2 is outside the allowed range (-100 .. -1e-06 V)"},
    {"vteam", "drive.cycles=0",
     "key 'drive.cycles': 0 is outside the allowed range (1 .. 100000)"},
    {"vteam", "drive.amplitude=0",
     "key 'drive': both amplitudes are 0 V: nothing would happen"},
    {"vteam", "model=memtor", "key 'model': 'memtor' is none of: vteam, ion_drift, "},
    {"vteam", "model=yakopcic", "key 'parameters.r_on': unknown key; "},
    {"ion_drift_hp", "j=2", "key 'parameters.j': has no effect: it needs window prodrom"},
    {"yakopcic", "eta=0", "key 'parameters.eta': is 0, expected 1 or -1"},
    {"stanford_pku", "gap_0=3 nm",
     "key 'parameters.gap_0': 3e-09 is outside the device's limits (2.00083e-10 .. "},
    {"stanford_pku", "r_on=1 ohm",
     "key 'parameters.r_on': 1 ohm is less than the resistance without a gap"},
    {"data_driven", "t_p=0", "key 'parameters.t_p': is 0 V, but voltages are divided"},
    {"jart_v1b", "n_max=0.001", "key 'parameters.n_min': 0.008 is not below n_max = 0.0"},
    {"jart_v1b", "phi_n=0.2", "key 'parameters.phi_n': 0.2 is not below phi_bn0 = 0.18"},
    {"jart_v1b", "l_det=3 nm", "key 'parameters.l_det': 3e-09 is not below l_cell = 3e-"},
};

static void bad_values_get_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_sets / sizeof *bad_sets; i++) {
        struct og_switching d;
        struct og_error err = {0};
        const og_status s =
            og_switching_read(&d, bad_sets[i].name, SET(bad_sets[i].set), 1, &err);
        assert_int_equal(og_status_exit_code(s), 2);
        if (strstr(err.text, bad_sets[i].error) == NULL) fail_msg("%s", err.text);
    }
    struct og_switching d;
    struct og_error err = {0};
    write_file("half.yaml", "name: half\nmodel: vteam\nparameters: {r_on: 5 ohm}\n");
    char path[128];
    snprintf(path, sizeof path, "%s/half.yaml", folder);
    assert_true(og_switching_is(path));
    assert_int_equal(og_switching_read(&d, path, NULL, 0, &err), OG_INPUT);
    assert_non_null(
        strstr(err.text, "half.yaml:3: key 'parameters': key 'r_off' is mis"));
}

static const struct {
    const char *text, *error;
} bad_tables[] = {
    {"", "w.csv: holds no table"},
    {"time,voltage\n", "w.csv: holds no numbers"},
    {"time,voltage\n0,0\n", "w.csv: one row is no waveform"},
    {"time\n0\n", "w.csv:1: column 'voltage' is missing"},
    {"time,voltage,current\n",
     "w.csv:1: unknown column 'current'; known: time [s], voltage [V]"},
    {"time,time\n", "w.csv:1: column 'time' is there twice"},
    {"time [V],voltage\n",
     "w.csv:1: column 'time' is measured in s: expected 'time [s]'"},
    {"time (s),voltage\n",
     "w.csv:1: column 'time' is measured in s: expected 'time [s]'"},
    {"time,voltage\n0,0\n1\n", "w.csv:3: has 1 cells, the first line 2"},
    {"time,voltage\n0,0\n1,2,3\n", "w.csv:3: has 3 cells, the first line 2"},
    {"time,voltage\n0,zero\n", "w.csv:2: column 'voltage': 'zero' is not a finite numb"},
    {"time,voltage\n0,nan\n", "w.csv:2: column 'voltage': 'nan' is not a finite number"},
    {"time,voltage\n0,1e999\n", "w.csv:2: column 'voltage': '1e999' is not a finite nu"},
    {"time,voltage\n0,\n", "w.csv:2: column 'voltage': '' is not a finite number"},
    {"time,voltage\n0,0\n0,1\n",
     "w.csv: row 2: time 0 s is not after 0 s of the row before"},
    {"time;voltage\n0;1\n", "w.csv:1: unknown column 'time;voltage'"},
};

static void bad_tables_get_one_sentence(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/w.csv", folder);
    for (size_t i = 0; i < sizeof bad_tables / sizeof *bad_tables; i++) {
        struct og_voltage_table table;
        struct og_error err = {0};
        write_file("w.csv", bad_tables[i].text);
        assert_int_equal(og_voltage_table_read(&table, path, &err), OG_INPUT);
        if (strstr(err.text, bad_tables[i].error) == NULL) fail_msg("%s", err.text);
        og_voltage_table_free(&table);
    }
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite("time,voltage\n0\0,1\n", 1, 18, f), 18);
    fclose(f);
    struct og_voltage_table table;
    struct og_error err = {0};
    assert_int_equal(og_voltage_table_read(&table, path, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "w.csv:2: not a line of text"));
    og_voltage_table_free(&table);
    err.status = OG_OK;
    assert_int_equal(og_voltage_table_read(&table, "/nowhere.csv", &err), OG_USAGE);
}

static void what_cannot_be_computed_is_said(void **state)
{
    (void)state;
    struct og_hysteresis y;
    struct og_error err = {0};
    struct og_switching d = read_device("jart_v1b", SET("drive.amplitude=40 V"));
    assert_int_equal(og_switching_simulate(&d, NULL, &y, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "jart_v1b: the model gives no number at "));
    og_hysteresis_free(&y);
    err.status = OG_OK;
    d = read_device("vteam", SET("drive.cycles=1000", "drive.points=1000000"));
    assert_int_equal(og_switching_simulate(&d, NULL, &y, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "fewer points or cycles"));
    og_hysteresis_free(&y);
    d = read_device("jart_v1b", SET("drive.points=10", "drive.cycles=1"));
    for (size_t n = 1; n <= 5; n++) {
        og_alloc_fail_at(n);
        err.status = OG_OK;
        assert_int_equal(og_switching_simulate(&d, NULL, &y, &err), OG_NO_MEMORY);
        og_hysteresis_free(&y);
    }
    og_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_get_one_sentence),
        cmocka_unit_test(bad_tables_get_one_sentence),
        cmocka_unit_test(what_cannot_be_computed_is_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
