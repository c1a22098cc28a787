// SPDX-License-Identifier: GPL-3.0-or-later
// What each part of the hardware takes, of /layers: sums over the matrices of a network,
// means over the chips.
#ifndef OG_RESULTS_PART_TABLE_H
#define OG_RESULTS_PART_TABLE_H

#include "results/hdf.h"
#include "results/table.h"

enum og_part_kind { OG_PART_COUNT, OG_PART_USES, OG_PART_ENERGY, OG_PART_AREA };
enum { OG_PART_KINDS = 4 };

struct og_part_table {
    struct og_hdf h;
    struct og_table table;
    size_t n;        // 0: the file has no parts
    char **name;     // [n]
    double *values;  // [dense][kind][points][n]; NaN: none
};

// Free in any case.
og_status og_part_table_find(struct og_part_table *t, const char *path,
                             struct og_error *err);
void og_part_table_free(struct og_part_table *t);

// [points][n]; dense: if no line of zeros were removed.
static inline double *og_part_values(const struct og_part_table *t,
                                     enum og_part_kind kind, bool dense)
{
    return t->values + ((dense ? OG_PART_KINDS : 0) + kind) * t->table.points * t->n;
}

#endif
