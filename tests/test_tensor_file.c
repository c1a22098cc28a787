// SPDX-License-Identifier: GPL-3.0-or-later
// What is written for other programs is read back by the reader of weights, to the bit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "nn/weights_file.h"
#include "results/tensor_file.h"
#include "temp_folder.h"

enum { TENSORS = 4 };

static char folder[TEMP_PATH];
static float value[60];
static const int64_t dim[TENSORS][4] = {{3, 4}, {5}, {0}, {2, 1, 3, 4}};
static const struct og_named_tensor tensor[TENSORS] = {
    {"a.weight", 2, dim[0], value, 12},
    {"a \"quoted\" \303\251", 1, dim[1], value + 12, 5},
    {"scalar", 0, dim[2], value + 17, 1},
    {"layer1.0.conv1.weight", 4, dim[3], value + 18, 24},
};

static int make_folder(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) value[i] = 0.1f * (float)i - 2.385f;
    return !temp_make(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[TEMP_FILE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const struct og_named_tensor *called(const char *name)
{
    for (int i = 0; i < TENSORS; i++)
        if (strcmp(tensor[i].name, name) == 0) return &tensor[i];
    return NULL;
}

static void read_back(const char *path)
{
    og_weight_file *file;
    struct og_error err = {0};
    float got[24];
    if (og_weight_file_open(&file, path, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(file->n, TENSORS);
    for (size_t i = 0; i < file->n; i++) {
        const struct og_weight_entry *e = &file->entry[i];
        const struct og_named_tensor *t = called(e->name);
        assert_non_null(t);
        assert_int_equal(e->type, OG_WEIGHT_F32);
        assert_int_equal(e->rank, t->rank);
        for (int d = 0; d < t->rank; d++) assert_int_equal(e->dim[d], t->dim[d]);
        assert_int_equal(og_weight_file_read(file, e, got, &err), OG_OK);
        assert_memory_equal(got, t->value, t->count * sizeof *got);
    }
    og_weight_file_free(file);
}

static void both_formats_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"w.npz", "w.safetensors"};
    for (int k = 0; k < 2; k++) {
        struct og_error err = {0};
        struct stat first, second;
        const char *path = path_of(names[k]);
        if (og_tensor_file_write(path, tensor, TENSORS, &err) != OG_OK)
            fail_msg("%s", err.text);
        read_back(path);
        assert_int_equal(stat(path, &first), 0);
        assert_int_equal(og_tensor_file_write(path, tensor, TENSORS, &err), OG_OK);
        assert_int_equal(stat(path, &second), 0);
        assert_int_equal(first.st_size, second.st_size);
        assert_int_equal(unlink(path), 0);
    }
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct og_error err = {0};
    assert_int_equal(og_tensor_file_write("w.zip", tensor, 1, &err), OG_USAGE);
    assert_string_equal(err.text, "w.zip: the name must end in .npz or .safetensors");
    err = (struct og_error){0};
    assert_int_equal(og_tensor_file_write(".npz", tensor, 1, &err), OG_USAGE);
    err = (struct og_error){0};
    assert_int_equal(og_tensor_file_write("/no/w.npz", tensor, 1, &err), OG_USAGE);
    const struct og_named_tensor large = {"a", 1, dim[1], value, (size_t)1 << 30};
    err = (struct og_error){0};
    assert_int_equal(og_tensor_file_write("w.npz", &large, 1, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "write .safetensors"));
}

static void memory_runs_out(void **state)
{
    (void)state;
    bool done = false;
    const char *path = path_of("w.npz");
    for (size_t nth = 1; !done; nth++) {
        struct og_error err = {0};
        og_alloc_fail_at(nth);
        const og_status status = og_tensor_file_write(path, tensor, TENSORS, &err);
        og_alloc_fail_at(0);
        done = status == OG_OK;
        assert_true(done || status == OG_NO_MEMORY);
        assert_true(done || access(path, F_OK) != 0);
    }
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_read_back),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
