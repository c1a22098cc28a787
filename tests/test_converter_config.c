// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of converters and pulses that would be ignored.
#include <string.h>

#include "config_files.h"
#include "ohmgrid/config.h"

static int enter_folder(void **state)
{
    return make_folder(state) != 0 || chdir(folder) != 0;
}

static og_status read_text(og_experiment **e, const char *text, struct og_error *err)
{
    char whole[2048];
    snprintf(whole, sizeof whole, "model: {layers: [relu]}\n%s", text);
    write_file("e.yaml", whole);
    return og_experiment_read(e, "e.yaml", NULL, err);
}

static void what_has_no_effect_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {input: {slice_bits: 2}}\n",
         "e.yaml:2: key 'hardware.input.slice_bits': 2 has no effect without "
         "input.encoding bit_serial"},
        {"hardware: {input: {accumulate: analog}}\n",
         "e.yaml:2: key 'hardware.input.accumulate': analog has no effect without "
         "input.encoding bit_serial"},
        {"hardware: {tile: {accumulate_groups: analog}}\n",
         "e.yaml:2: key 'hardware.tile.accumulate_groups': analog has no effect without "
         "tile.rows_active"},
    };
    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        og_experiment *e;
        struct og_error err = {0};
        assert_int_equal(read_text(&e, bad[k][0], &err), OG_INPUT);
        assert_string_equal(err.text, bad[k][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_effect_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
