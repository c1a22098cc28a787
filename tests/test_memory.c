// SPDX-License-Identifier: GPL-3.0-or-later
// What commands do when memory runs out at the n-th allocation, for all n: they say so,
// leave nothing half-written behind, and what a run had finished is there when it is
// resumed. Sanitizers look for leaks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/onnx.h"
#include "ohmgrid/weights.h"
#include "ohmgrid/wires.h"
#include "run_tools.h"

// --- the C library's own allocations ---------------------------------------------------
// What the library asks of libc directly is counted with the rest (the linker puts these
// in the place of the functions: -Wl,--wrap).
FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool runs_out(void)
{
    void *block = og_alloc(1, 1);
    og_free(block);
    return block == NULL;
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
    return runs_out() ? NULL : __real_open_memstream(text, size);
}

char *__wrap_strdup(const char *text) { return runs_out() ? NULL : __real_strdup(text); }

char *__wrap_strndup(const char *text, size_t n)
{
    return runs_out() ? NULL : __real_strndup(text, n);
}

void *__wrap_realloc(void *block, size_t size)
{
    return runs_out() ? NULL : __real_realloc(block, size);
}

// --- files -----------------------------------------------------------------------------

static FILE *nowhere;

static const char *path_of(const char *name)
{
    static char path[4][PATH];
    static int turn;
    turn = (turn + 1) % 4;
    in_folder(path[turn], name);
    return path[turn];
}

static void put(hid_t file, const char *name, int rank, const hsize_t *dim, hid_t type,
                const void *value)
{
    hid_t space = H5Screate_simple(rank, dim, NULL);
    hid_t set =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void write_circuit(void)
{
    static const char *const names[] = {"r_wire_row", "r_wire_col", "r_source",
                                        "r_sense"};
    const double g[] = {1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5}, v[] = {0.1, -0.2};
    hid_t file = H5Fcreate(path_of("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "conductance", 2, (hsize_t[]){2, 3}, H5T_NATIVE_DOUBLE, g);
    put(file, "voltage", 2, (hsize_t[]){1, 2}, H5T_NATIVE_DOUBLE, v);
    for (size_t k = 0; k < 4; k++) {
        hid_t space = H5Screate(H5S_SCALAR);
        hid_t a = H5Acreate2(file, names[k], H5T_NATIVE_DOUBLE, space, H5P_DEFAULT,
                             H5P_DEFAULT);
        assert_true(H5Awrite(a, H5T_NATIVE_DOUBLE, &(double){1.5}) >= 0);
        H5Aclose(a);
        H5Sclose(space);
    }
    H5Fclose(file);
}

static void write_inputs(void)
{
    float x[64];
    for (int i = 0; i < 64; i++) x[i] = (float)i / 64;
    hid_t file = H5Fcreate(path_of("x.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "x", 4, (hsize_t[]){1, 1, 8, 8}, H5T_NATIVE_FLOAT, x);
    H5Fclose(file);
}

// --- what runs out of memory -----------------------------------------------------------

static og_status read_one(struct og_error *err)
{
    og_experiment *e = NULL;
    static struct og_config config;
    const struct og_overrides none = {0};
    og_status status = og_experiment_read(&e, path_of("e.yaml"), &none, err);
    if (status == OG_OK) status = og_experiment_point(e, 0, &config, err);
    char *text = status == OG_OK ? og_experiment_text(e) : NULL;
    if (status == OG_OK && !text) status = og_fail(err, OG_NO_MEMORY, "no text");
    free(text);
    og_experiment_free(e);
    return status;
}

static og_status read_hardware(struct og_error *err)
{
    static struct og_hardware own;
    return og_hardware_read(&own, path_of("hw.yaml"), err);
}

static og_status import(struct og_error *err)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/onnx/seed_conv",
             getenv("OHMGRID_SOURCE"));
    return og_onnx_import(path, path_of("model.h5"), NULL, err);
}

static og_status infer(struct og_error *err)
{
    const struct og_onnx_infer run = {
        .model = path_of("model.h5"), .in = path_of("x.h5"), .out = path_of("y.h5")};
    return og_onnx_run(&run, err);
}

static struct og_hardware hardware;

static og_status infer_on_hardware(struct og_error *err)
{
    const struct og_onnx_infer run = {.model = path_of("model.h5"),
                                      .in = path_of("x.h5"),
                                      .out = path_of("y.h5"),
                                      .hardware = &hardware,
                                      .chips = 2,
                                      .calibrate_samples = 1,
                                      .seed = 3};
    return og_onnx_run(&run, err);
}

static og_status solve(struct og_error *err)
{
    const struct og_wire_task task = {.in = path_of("in.h5"),
                                      .out = path_of("out.h5"),
                                      .spice = path_of("out.cir"),
                                      .transfer = true};
    return og_wires_solve(&task, err);
}

static og_status show(struct og_error *err)
{
    return og_result_show(path_of("a.h5"), nowhere, err);
}

static og_status show_layers(struct og_error *err)
{
    return og_result_show_layers(path_of("a.h5"), nowhere, err);
}

static og_status warn(struct og_error *err)
{
    char *text;
    const og_status status = og_result_warning(path_of("a.h5"), &text, err);
    free(text);
    return status;
}

static og_status diff(struct og_error *err)
{
    bool equal = false;
    const og_status status =
        og_result_diff(path_of("a.h5"), path_of("a.h5"), nowhere, &equal, err);
    assert_true(status != OG_OK || equal);
    return status;
}

static og_status look(struct og_error *err)
{
    bool complete;
    char *text = NULL;
    og_status status = og_result_complete(path_of("a.h5"), &complete, err);
    if (status == OG_OK) status = og_result_experiment(path_of("a.h5"), &text, err);
    free(text);
    return status;
}

static og_status export_npz(struct og_error *err)
{
    return og_weights_export(path_of("a.h5"), "", path_of("w.npz"), err);
}

static og_status export_safetensors(struct og_error *err)
{
    return og_weights_export(path_of("a.h5"), "", path_of("w.safetensors"), err);
}

static const struct {
    const char *name;
    og_status (*run)(struct og_error *err);
    const char *out;  // not there after a failure
} tasks[] = {
    {"read an experiment", read_one, NULL},
    {"read hardware", read_hardware, NULL},
    {"import", import, "model.h5"},
    {"infer", infer, "y.h5"},
    {"infer on hardware", infer_on_hardware, "y.h5"},
    {"solve", solve, "out.h5"},
    {"show", show, NULL},
    {"show layers", show_layers, NULL},
    {"warn", warn, NULL},
    {"diff", diff, NULL},
    {"look at a result", look, NULL},
    {"export .npz", export_npz, "w.npz"},
    {"export .safetensors", export_safetensors, "w.safetensors"},
};

static og_experiment *experiment;

static og_status run_one(const char *out, enum og_journal_mode mode, int threads,
                         struct og_error *err)
{
    const struct og_run_options o = {.out = path_of(out),
                                     .command = "test",
                                     .data = folder,
                                     .mode = mode,
                                     .threads = threads};
    return og_run(experiment, &o, err);
}

static int prepare(void **state)
{
    struct og_error err = {0};
    if (make_folder(state) != 0) return 1;
    nowhere = fopen("/dev/null", "w");
    experiment = read_experiment("", NULL);
    static const char keys[] = "{device: rram_wan2022, dac: {bits: 6}, adc: {bits: 6}, "
                               "mapping: {weight_bits: 4}}";
    write_bytes("hw.yaml", keys, strlen(keys));
    if (og_hardware_read(&hardware, path_of("hw.yaml"), &err) != OG_OK)
        fail_msg("%s", err.text);
    write_circuit();
    write_inputs();
    og_set_threads(1);
    if (run_one("a.h5", OG_JOURNAL_FORCE, 1, &err) != OG_OK) fail_msg("%s", err.text);
    return nowhere ? 0 : 1;
}

static int clean(void **state)
{
    static const char *const names[] = {"hw.yaml",  "in.h5", "x.h5",
                                        "model.h5", "y.h5",  "out.h5",
                                        "out.cir",  "w.npz", "w.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(path_of(names[i]));
    fclose(nowhere);
    og_experiment_free(experiment);
    return remove_folder(state);
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++) {
        og_status status = OG_NO_MEMORY;
        size_t n = 1;
        for (; status != OG_OK; n += 1 + n / 20) {
            struct og_error err = {0};
            if (tasks[t].out) unlink(path_of(tasks[t].out));
            og_alloc_fail_at(n);
            status = tasks[t].run(&err);
            og_alloc_fail_at(0);
            if (status != OG_OK && (status != OG_NO_MEMORY || err.text[0] == '\0'))
                fail_msg("%s, allocation %zu: status %d, %s", tasks[t].name, n, status,
                         err.text);
            if (status != OG_OK && tasks[t].out && exists(tasks[t].out))
                fail_msg("%s, allocation %zu: left %s", tasks[t].name, n, tasks[t].out);
            if (n > 100000) fail_msg("%s never ends", tasks[t].name);
        }
        if (n < 4) fail_msg("%s allocates nothing", tasks[t].name);
    }
}

// Of several threads another allocation may be the n-th each time.
static void check_resumed(int threads)
{
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status != OG_OK; n += 1 + n / 3) {
        struct og_error err = {0};
        assert_true(n < 1000000);
        og_alloc_fail_at(n);
        status = run_one("b.h5", OG_JOURNAL_FORCE, threads, &err);
        og_alloc_fail_at(0);
        if (status != OG_OK && status != OG_NO_MEMORY) fail_msg("%s", err.text);
        err = (struct og_error){0};
        if (run_one("b.h5", OG_JOURNAL_RESUME, threads, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(same("a.h5", "b.h5"));
    }
}

static void resumed_runs_lose_nothing(void **state)
{
    (void)state;
    check_resumed(1);
    check_resumed(2);
    og_set_threads(1);
}

static void more_than_the_machine_has(void **state)
{
    (void)state;
    assert_null(og_alloc((size_t)1 << 30, (size_t)1 << 16));
    assert_null(og_alloc(SIZE_MAX / 2, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(resumed_runs_lose_nothing),
        cmocka_unit_test(more_than_the_machine_has),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
