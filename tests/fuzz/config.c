// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments: everything that is read and checked before anything runs.
#include "fuzz.h"

#include "ohmgrid/config.h"

static void look_at(const og_experiment *e)
{
    static struct og_config config;
    const size_t points = og_experiment_points(e);
    for (size_t p = 0; p < points && p < 3; p++) {
        struct og_error err = {0};
        char key[33];
        fuzz_check(og_experiment_point(e, p, &config, &err), &err);
        og_experiment_key(e, p, OG_STAGE_EVALUATE, key);
    }
    free(og_experiment_text(e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    og_experiment *e = NULL;
    struct og_error err = {0};
    const struct og_overrides none = {0};
    fuzz_write("e.yaml", data, size);
    const og_status status = og_experiment_read(&e, fuzz_in("e.yaml", path), &none, &err);
    fuzz_check(status, &err);
    if (status == OG_OK) look_at(e);
    og_experiment_free(e);
    return 0;
}
