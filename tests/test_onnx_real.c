// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX's own tests of operators and models, where OHMGRID_DATA has them under onnx/:
// folders with model.onnx, test_data_set_0/input_K.pb and output_K.pb. Tolerances are
// those of ONNX's test runner.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>

#include "onnx/import.h"
#include "onnx_files.h"

static const double relative = 1e-3, absolute = 1e-7;
static int tried, wrong;

static uint8_t *read_bytes(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

// False: there is no such file.
static bool read_tensor(const char *path, struct og_nd *a)
{
    struct og_error err = {0};
    const struct og_import im = {path, NULL, &err};
    size_t n;
    uint8_t *bytes = read_bytes(path, &n);
    if (!bytes) return false;
    Onnx__TensorProto *t = onnx__tensor_proto__unpack(NULL, n, bytes);
    free(bytes);
    assert_non_null(t);
    assert_int_equal(og_import_tensor(&im, "test data", t, a), OG_OK);
    assert_int_not_equal(a->type, OG_ND_NONE);
    onnx__tensor_proto__free_unpacked(t, NULL);
    return true;
}

static bool is_close(const struct og_nd *got, const struct og_nd *want, size_t i)
{
    if (want->type != OG_ND_FLOAT) return og_nd_int(got, i) == og_nd_int(want, i);
    double a = (double)og_nd_f32(got)[i], b = (double)og_nd_f32(want)[i];
    if (isnan(b)) return isnan(a);
    return a == b || fabs(a - b) <= absolute + relative * fabs(b);
}

static bool agree(const struct og_nd *got, const struct og_nd *want)
{
    bool same = got->type == want->type && got->rank == want->rank &&
                memcmp(got->dim, want->dim, sizeof got->dim) == 0;
    for (size_t i = 0; same && i < want->count; i++) same = is_close(got, want, i);
    return same;
}

static bool has_initial(const Onnx__GraphProto *g, const char *name)
{
    for (size_t k = 0; k < g->n_initializer; k++)
        if (strcmp(g->initializer[k]->name, name) == 0) return true;
    return false;
}

static void put_inputs(const char *at, const Onnx__GraphProto *g)
{
    const char *name[PORTS * 2];
    struct og_nd value[PORTS * 2];
    char path[3 * PATH];
    int n = 0;
    for (size_t k = 0; k < g->n_input; k++) {
        if (has_initial(g, g->input[k]->name)) continue;
        snprintf(path, sizeof path, "%s/test_data_set_0/input_%d.pb", at, n);
        assert_true(n < 2 * PORTS && read_tensor(path, &value[n]));
        name[n++] = g->input[k]->name;
    }
    put_file(path_of("in.h5"), n, name, value);
    for (int k = 0; k < n; k++) og_nd_free(&value[k]);
}

static bool compute(const char *model, struct og_error *err)
{
    char onnx[2 * PATH], in[2 * PATH], out[2 * PATH];
    strcpy(onnx, path_of("model.h5"));
    strcpy(in, path_of("in.h5"));
    strcpy(out, path_of("out.h5"));
    const struct og_onnx_infer p = {.model = onnx, .in = in, .out = out};
    return og_onnx_import(model, onnx, stderr, err) == OG_OK &&
           og_onnx_run(&p, err) == OG_OK;
}

static bool outputs_agree(const char *at, const Onnx__GraphProto *g)
{
    bool good = true;
    for (size_t k = 0; good && k < g->n_output; k++) {
        char path[3 * PATH];
        struct og_nd want, got;
        snprintf(path, sizeof path, "%s/test_data_set_0/output_%zu.pb", at, k);
        assert_true(read_tensor(path, &want));
        get_file(path_of("out.h5"), g->output[k]->name, want.type, &got);
        good = agree(&got, &want);
        og_nd_free(&want);
        og_nd_free(&got);
    }
    return good;
}

static void try_folder(const char *at)
{
    char model[3 * PATH], first[3 * PATH];
    struct og_error err = {0};
    size_t n;
    snprintf(model, sizeof model, "%s/model.onnx", at);
    snprintf(first, sizeof first, "%s/test_data_set_0/output_0.pb", at);
    uint8_t *bytes = read_bytes(model, &n);
    if (!bytes || access(first, R_OK) != 0) {
        free(bytes);
        return;
    }
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, bytes);
    free(bytes);
    assert_non_null(m);
    put_inputs(at, m->graph);
    tried++;
    if (!compute(model, &err) || !outputs_agree(at, m->graph)) {
        wrong++;
        print_error("%s: %s\n", at, err.text[0] ? err.text : "another result");
    }
    onnx__model_proto__free_unpacked(m, NULL);
}

static void try_all(const char *kind)
{
    const char *root = getenv("OHMGRID_DATA");
    char at[PATH];
    snprintf(at, sizeof at, "%s/onnx/%s", root ? root : "", kind);
    DIR *dir = root ? opendir(at) : NULL;
    if (!dir) {
        print_message("%s is not here: skipped\n", at);
        skip();
    }
    tried = wrong = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char folder_of_test[2 * PATH];
        snprintf(folder_of_test, sizeof folder_of_test, "%s/%.200s", at, e->d_name);
        if (e->d_name[0] != '.') try_folder(folder_of_test);
    }
    closedir(dir);
    print_message("%d of %d\n", tried - wrong, tried);
    assert_true(tried > 0);
    assert_int_equal(wrong, 0);
}

static void node_tests(void **state)
{
    (void)state;
    try_all("node");
}

static void tests_made_by_pytorch(void **state)
{
    (void)state;
    try_all("pytorch-converted");
}

static void models(void **state)
{
    (void)state;
    try_all("models");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_tests),
        cmocka_unit_test(tests_made_by_pytorch),
        cmocka_unit_test(models),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
