// SPDX-License-Identifier: GPL-3.0-or-later
// Hostile weight files: cut short, changed bytes, absurd sizes. One sentence, never a
// crash, never more memory than the network has.
#include "weight_files.h"

static const char net[] = "[dense: {units: 3, name: a}]";
static const struct og_shape four = {1, {4, 0, 0}};
static const char *const files[] = {"d.safetensors", "d.npz", "d_packed.npz", "d.npy",
                                    "d.h5"};
enum { FILES = sizeof files / sizeof *files, ROOM = 1 << 14 };

static uint8_t good[ROOM], bad[ROOM];

static void write_all(void)
{
    const float *n = numbers();
    const struct tensor t[] = {{"a.weight", 2, {3, 4}, n}, {"a.bias", 1, {3}, n + 20}};
    write_safetensors(files[0], t, 2, 'f');
    write_npz(files[1], t, 2, false);
    write_npz(files[2], t, 2, true);
    write_bytes(files[3], good, make_npy(good, &t[0], 'd', true));
    write_hdf5(files[4], t, 2, false);
}

static size_t read_good(const char *name)
{
    FILE *f = fopen(in_folder(name), "rb");
    assert_non_null(f);
    const size_t n = fread(good, 1, ROOM, f);
    assert_true(n < ROOM);
    fclose(f);
    return n;
}

static og_model *model_for(int file)
{
    return nn_model(file == 3 ? "[dense: {units: 3, name: d, bias: false}]" : net, four,
                    3);
}

static void cut_anywhere(void **state)
{
    (void)state;
    write_all();
    for (int i = 0; i < FILES; i++) {
        og_model *model = model_for(i);
        struct og_error err;
        const size_t n = read_good(files[i]), step = n > 2000 ? 7 : 1;
        // One .npy is named by its file.
        if (i == 3) assert_int_equal(rename(in_folder("d.npy"), in_folder("d")), 0);
        for (size_t cut = 0; cut < n; cut += step) {
            write_bytes("d", good, cut);
            assert_int_equal(load(model, "d", "", OG_LAYOUT_AUTO, &err), OG_INPUT);
            assert_true(strlen(err.text) > 10);
        }
        og_model_free(model);
    }
}

// HDF5 itself leaks memory on some damaged files and believes wrong sizes on others, so
// its own file is only cut here; see stored_size below.
// What is read back from changed bytes may be right or wrong; what is refused has a
// sentence.
static void any_byte_changed(void **state)
{
    (void)state;
    static const uint8_t change[] = {0xff, 0x01, 0x80};
    write_all();
    size_t refused = 0;
    for (int i = 0; i < FILES - 1; i++) {
        og_model *model = model_for(i);
        const size_t n = read_good(files[i]);
        for (size_t at = 0; at < n; at++)
            for (size_t k = 0; k < sizeof change; k++) {
                struct og_error err;
                memcpy(bad, good, n);
                bad[at] ^= change[k];
                write_bytes("d", bad, n);
                const og_status s = load(model, "d", "", OG_LAYOUT_AUTO, &err);
                assert_true(s == OG_OK || (s == OG_INPUT && strlen(err.text) > 10));
                refused += s != OG_OK;
            }
        og_model_free(model);
    }
    assert_true(refused > 1000);
}

// A dataset whose header promises less room than its shape needs.
static void stored_size(void **state)
{
    (void)state;
    write_all();
    const size_t n = read_good("d.h5");
    og_model *model = nn_model(net, four, 3);
    int found = 0;
    for (size_t at = 0; at + 18 < n; at++) {
        // Layout message of version 3, contiguous: address, then 48 bytes of values.
        const uint8_t size[8] = {48};
        if (good[at] != 3 || good[at + 1] != 1 || memcmp(good + at + 10, size, 8) != 0)
            continue;
        memcpy(bad, good, n);
        bad[at + 10] = 40;
        write_bytes("d", bad, n);
        load_badly(model, "d", OG_LAYOUT_AUTO, "HDF5 cannot read dataset 'a.weight'");
        found++;
    }
    assert_int_equal(found, 1);
    og_model_free(model);
}

// --- sentences ----------------------------------------------------------------------

static void refuse(const void *bytes, size_t n, const char *part)
{
    og_model *model = nn_model(net, four, 3);
    write_bytes("x", bytes, n);
    load_badly(model, "x", OG_LAYOUT_AUTO, part);
    og_model_free(model);
}

static void refuse_header(const char *json, const char *part)
{
    uint8_t bytes[1024] = {0};
    const size_t n = strlen(json);
    put_le(bytes, (uint32_t)n, 4);
    memcpy(bytes + 8, json, n);
    refuse(bytes, 8 + n + 60, part);
}

static void safetensors_headers(void **state)
{
    (void)state;
    uint8_t huge[64] = {0, 0, 0, 0, 0, 0, 0, 0x7f, '{'};
    refuse(huge, sizeof huge, "its header should have 9151314442816847872 bytes");
    refuse_header("{\"a\": 1", "is not a JSON object");
    refuse_header("{\"a\": {}, \"a\": {}}", "is not a JSON object (duplicate");
    refuse_header("{\"a.weight\": {\"dtype\": \"F32\", \"shape\": [3, 4]}}",
                  "'a.weight' lacks dtype, shape or data_offsets");
    refuse_header("{\"a.weight\": {\"dtype\": \"F32\", \"shape\": [3, 4], "
                  "\"data_offsets\": [0, 47]}}",
                  "needs 48 bytes, but has 0 to 47 of 60");
    refuse_header("{\"a.weight\": {\"dtype\": \"F32\", \"shape\": [3, 4], "
                  "\"data_offsets\": [16, 64]}}",
                  "needs 48 bytes, but has 16 to 64 of 60");
    refuse_header("{\"a.weight\": {\"dtype\": \"F32\", \"shape\": [4294967296, "
                  "4294967296, 16], \"data_offsets\": [0, 0]}}",
                  "is larger than memory");
    refuse_header("{\"a.weight\": {\"dtype\": \"I64\", \"shape\": [3], \"data_offsets\": "
                  "[0, 24]}}",
                  "does not hold floating-point numbers");
    refuse_header("{}", "holds no tensors");
}

static void other_files(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct tensor t[] = {{"a.weight", 2, {3, 4}, n}, {"a.bias", 1, {3}, n + 20}};
    static uint8_t bytes[ROOM];
    refuse("weights\n", 8, "is no file of weights");
    refuse("", 0, "is no file of weights");
    const size_t length = make_npy(bytes, &t[0], 'f', false);
    write_npz("x", t, 2, false);
    const size_t size = read_good("x");
    memcpy(bytes, good, size);
    bytes[30 + 12 + length - 1] ^= 1;  // of the last value of the first array
    refuse(bytes, size, "the checksum of member 'a.weight.npy' is wrong");
    memcpy(bytes, good, size);
    memcpy(bytes + size - 22 - (46 + 10) - 12, "a.weight.pkl", 12);
    refuse(bytes, size, "is no .npy");
    make_npy(bytes, &t[0], 'f', false);
    bytes[6] = 9;
    refuse(bytes, length, "is no .npy of version 1 to 3");
    make_npy(bytes, &t[0], 'f', false);
    bytes[9] = 0xff;
    refuse(bytes, length, "bytes, more than 10000");
    make_npy(bytes, &t[0], 'f', false);
    write_bytes("a.weight.npy", bytes, length + 3);
    og_model *model = nn_model("[dense: {units: 3, name: a, bias: false}]", four, 3);
    load_badly(model, "a.weight.npy", OG_LAYOUT_AUTO, "3 bytes follow the last value");
    og_model_free(model);
}

// Shapes far beyond the network's are refused before anything is unpacked; so are packed
// bytes that go on after the last value.
static void bombs(void **state)
{
    (void)state;
    const float zeros[2048] = {0};
    const struct tensor large = {"a.weight", 2, {512, 4}, zeros};
    og_model *model = nn_model(net, four, 3);
    write_npz("x", &large, 1, true);
    load_badly(model, "x", OG_LAYOUT_AUTO, "is [512][4], but layer 'a' needs [3][4]");
    static uint8_t bytes[ROOM];
    const struct tensor t = {"x", 2, {3, 4}, numbers()};
    size_t n = make_npy(bytes, &t, 'f', false);
    char *shape = strstr((char *)bytes + 10, "(3, 4,)");
    assert_non_null(shape);
    memcpy(shape, "(3,4e9)", 7);
    refuse(bytes, n, "the header of array 'x' cannot be read");
    memcpy(shape, "(3, 9 )", 7);
    refuse(bytes, n, "no layer takes x");
    og_model_free(model);
}

// A network that reads a file, allocation after allocation failing.
static void every_allocation_may_fail(void **state)
{
    (void)state;
    write_all();
    for (int i = 0; i < FILES; i++) {
        og_model *model = model_for(i);
        struct og_error err = {.status = OG_NO_MEMORY};
        if (i == 3) {
            const size_t n = read_good("d.npy");
            write_bytes("d.weight.npy", good, n);
        }
        for (size_t n = 1; err.status == OG_NO_MEMORY; n++) {
            og_alloc_fail_at(n);
            load(model, i == 3 ? "d.weight.npy" : files[i], "", OG_LAYOUT_AUTO, &err);
            assert_true(n > 3 || err.status == OG_NO_MEMORY);
        }
        og_alloc_fail_at(0);
        if (err.status != OG_OK) fail_msg("%s", err.text);
        og_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(any_byte_changed),
        cmocka_unit_test(stored_size),
        cmocka_unit_test(safetensors_headers),
        cmocka_unit_test(other_files),
        cmocka_unit_test(bombs),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
