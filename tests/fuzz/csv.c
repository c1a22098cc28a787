// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of measurements, and what is fitted to them: the first byte chooses the model.
#include "fuzz.h"

#include "config/csv.h"
#include "ohmgrid/fit.h"

static void fit(unsigned model)
{
    static struct og_fit fit;
    char path[FUZZ_PATH];
    struct og_error err = {0};
    const struct og_fit_task task = {.data = fuzz_in("a.csv", path),
                                     .model = (enum og_fit_model)(model % OG_FIT_MODELS),
                                     .order = -1,
                                     .name = "fuzzed"};
    memset(&fit, 0, sizeof fit);
    fuzz_check(og_fit_run(&fit, &task, &err), &err);
    og_fit_free(&fit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct fuzz_bytes b = {data, size};
    const unsigned model = fuzz_byte(&b);
    fuzz_write("a.csv", b.data, b.size);
    struct og_csv_column column[] = {
        {.name = "time", .unit = "s"},
        {.name = "conductance", .unit = "S"},
        {.name = "device", .optional = true},
    };
    size_t rows = 0;
    struct og_error err = {0};
    fuzz_check(og_csv_read(fuzz_in("a.csv", path), column, 3, &rows, &err), &err);
    og_csv_free(column, 3);
    // GSL's fits take their time; many rows teach nothing new.
    if (size < 2000) fit(model);
    return 0;
}
