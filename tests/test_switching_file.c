// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated devices as files: what HDF5 holds, and what gnuplot makes of it.
#include <string.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "config_files.h"
#include "ohmgrid/results.h"
#include "ohmgrid/switching.h"

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct og_hysteresis write_loop(const char *name, const char *device)
{
    static const char *const set[] = {"drive.points=20", "drive.cycles=1"};
    struct og_switching d;
    struct og_hysteresis y;
    struct og_error err = {0};
    assert_int_equal(og_switching_read(&d, device, set, 2, &err), OG_OK);
    assert_int_equal(og_switching_simulate(&d, NULL, &y, &err), OG_OK);
    if (og_hysteresis_write(path_of(name), &d, &y, NULL, "test", &err) != OG_OK)
        fail_msg("%s", err.text);
    return y;
}

static void has_text(hid_t file, const char *object, const char *name, const char *part)
{
    char *text = NULL;
    assert_true(H5LTget_attribute_string(file, object, name, (char *)&text) >= 0);
    assert_non_null(strstr(text, part));
    free(text);
}

static void has_column(hid_t file, const char *name, const double *want, size_t n,
                       const char *units)
{
    static double value[100];
    hsize_t rows;
    char path[64];
    snprintf(path, sizeof path, "simulation/%s", name);
    assert_true(H5LTget_dataset_info(file, path, &rows, NULL, NULL) >= 0);
    assert_int_equal(rows, n);
    assert_true(H5LTread_dataset_double(file, path, value) >= 0);
    assert_memory_equal(value, want, n * sizeof *value);
    has_text(file, path, "units", units);
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    const bool scale = strcmp(name, "time") == 0;
    assert_int_equal(H5DSis_scale(set), scale);
    if (!scale) assert_int_equal(H5DSget_num_scales(set, 0), 1);
    H5Dclose(set);
}

static void a_file_holds_all_columns(void **state)
{
    (void)state;
    struct og_hysteresis y = write_loop("loop.h5", "stanford_pku");
    assert_int_equal(y.n, 81);
    hid_t file = H5Fopen(path_of("loop.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    has_column(file, "time", y.time, y.n, "s");
    has_column(file, "voltage", y.voltage, y.n, "V");
    has_column(file, "current", y.current, y.n, "A");
    has_column(file, "state", y.state, y.n, "m");
    has_column(file, "temperature", y.temperature, y.n, "K");
    has_text(file, "/", "device", "model: stanford_pku\n");
    has_text(file, "/", "device", "  points: 20\n");
    has_text(file, "/", "command", "test");
    has_text(file, "/", "ohmgrid_version", ".");
    has_text(file, "simulation", "model", "stanford_pku");
    H5Fclose(file);
    og_hysteresis_free(&y);
}

static bool begins_with(const char *path, const char *bytes, size_t n)
{
    char head[16] = "";
    FILE *f = fopen(path, "rb");
    if (f == NULL) return false;
    const bool same = fread(head, 1, n, f) == n && memcmp(head, bytes, n) == 0;
    fclose(f);
    return same;
}

static void loops_are_drawn(void **state)
{
    (void)state;
    char figure[128], loop[128];
    struct og_hysteresis y = write_loop("loop.h5", "vteam");
    og_hysteresis_free(&y);
    strcpy(loop, path_of("loop.h5"));
    strcpy(figure, path_of("loop.png"));
    const struct og_plot drawn[] = {
        {0}, {.x = "time", .metric = "state", .title = "x", .width = 300, .height = 200}};
    for (int i = 0; i < 2; i++) {
        struct og_error err = {0};
        remove(figure);
        if (og_result_plot(loop, figure, &drawn[i], &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(begins_with(figure, "\x89PNG", 4));
    }
    static const struct {
        struct og_plot plot;
        const char *error;
    } refused[] = {
        {{.metric = "temperature"}, "loop.h5: no column 'temperature'; a simulation has"},
        {{.x = "../device"}, "loop.h5: no column '../device'"},
        {{.series = "time"}, "loop.h5: a simulated device has no series"},
        {{.kind = OG_PLOT_TRAINING}, "loop.h5: of a simulated device there are only"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct og_error err = {0};
        assert_int_equal(og_result_plot(loop, figure, &refused[i].plot, &err), OG_USAGE);
        assert_non_null(strstr(err.text, refused[i].error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_all_columns),
        cmocka_unit_test(loops_are_drawn),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
