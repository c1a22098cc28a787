// SPDX-License-Identifier: GPL-3.0-or-later
// Data sets opened and fetched from: the folder of the fuzzer is where they are looked
// for.
#ifndef OG_TESTS_FUZZ_DATA_H
#define OG_TESTS_FUZZ_DATA_H

#include "fuzz.h"

#include "base/mem.h"
#include "ohmgrid/data.h"

static inline void fetch_some(const struct og_dataset *set)
{
    size_t values = 1;
    for (int d = 0; d < set->shape.rank; d++)
        if (set->shape.rank > 1 || d == 0) values *= set->shape.dim[d];
    const uint32_t index[] = {0, (uint32_t)(set->n - 1)};
    float *x = values < 1 << 24 ? og_alloc(2 * values, sizeof *x) : NULL;
    uint32_t *target = set->symbol ? og_alloc(2 * values, sizeof *target) : NULL;
    if (x && set->n > 0) og_dataset_fetch(set, index, 2, NULL, x);
    if (target && set->n > 0) og_dataset_targets(set, index, 2, target);
    og_free(x);
    og_free(target);
}

static inline void open_spec(const struct og_data_spec *spec)
{
    char path[FUZZ_PATH];
    const struct og_data_search where = {fuzz_in(".", path)};
    struct og_dataset *set = NULL;
    struct og_error err = {0};
    const og_status status = og_dataset_open(&set, spec, &where, &err);
    fuzz_check(status, &err);
    if (status == OG_OK) fetch_some(set);
    og_dataset_free(set);
}

#endif
