// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/warning.h"

#include <stdlib.h>

#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/layer_table.h"
#include "results/text_table.h"

struct off {
    size_t layer, point, lines;  // the worst; of how many points and layers
    double ratio;                // of the worst
};

static struct off find_worst(const struct og_layer_table *l, size_t metric)
{
    struct off w = {.ratio = 1};
    for (size_t i = 0; i < l->n; i++)
        for (size_t p = 0; p < l->table.points; p++) {
            const double ratio = og_layer_means(l, metric, i)[p];
            if (!og_warns(OG_WIRE_NOISE, ratio)) continue;
            w.lines++;
            if (fabs(ratio - 1) <= fabs(w.ratio - 1)) continue;
            w.layer = i;
            w.point = p;
            w.ratio = ratio;
        }
    return w;
}

// " at noise [uS] 2, bits 4"
static og_status print_point(const struct og_table *t, size_t point, FILE *out,
                             struct og_error *err)
{
    struct og_text_table g;
    size_t cols = 0;
    for (size_t i = 0; i < t->axes; i++) cols += (size_t)t->axis[i].columns;
    if (cols == 0) return OG_OK;
    OG_TRY(og_text_table_alloc(&g, 2, cols, err));
    og_text_axes(&g, t, &point);
    for (size_t c = 0; c < cols; c++)
        fprintf(out, "%s %s %s", c == 0 ? " at" : ",", og_text_at(&g, 0, c),
                og_text_at(&g, 1, c));
    og_text_table_free(&g);
    return OG_OK;
}

static og_status print(const struct og_layer_table *l, struct off w, FILE *out,
                       struct og_error *err)
{
    fprintf(out, "layer %s", l->name[w.layer]);
    OG_TRY(print_point(&l->table, w.point, out, err));
    fprintf(out,
            " draws %.0f %% too %s read noise (" OG_WIRE_NOISE " %.3g at full drive, off "
            "by more than 10 %% in %zu of %zu lines of 'ohmgrid show --layers'): the "
            "formula of reads does not hold on such wires; multiply the layer's "
            "device.read.scale by %.3g, or take smaller tiles or better wires",
            100 * fabs(w.ratio - 1), w.ratio > 1 ? "much" : "little", w.ratio, w.lines,
            l->n * l->table.points, 1 / w.ratio);
    return OG_OK;
}

static og_status write_text(const struct og_layer_table *l, struct off w, char **text,
                            struct og_error *err)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    if (out == NULL) return og_fail_memory(err);
    og_status s = print(l, w, out, err);
    if (fclose(out) != 0 && s == OG_OK) s = og_fail_memory(err);
    if (s == OG_OK) {
        og_text_visible(*text, false);
        return OG_OK;
    }
    free(*text);
    *text = NULL;
    return s;
}

og_status og_result_warning(const char *path, char **text, struct og_error *err)
{
    struct og_layer_table l;
    *text = NULL;
    og_status s = og_layer_table_find(&l, path, err);
    for (size_t m = 0; s == OG_OK && m < l.metrics; m++) {
        if (strcmp(l.metric[m].name, OG_WIRE_NOISE) != 0) continue;
        const struct off w = find_worst(&l, m);
        if (w.lines > 0) s = write_text(&l, w, text, err);
        break;
    }
    og_layer_table_free(&l);
    return s;
}
