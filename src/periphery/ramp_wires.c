// SPDX-License-Identifier: GPL-3.0-or-later
// Bias lines of ramps behind wires. Those of each column tile are an array of their own,
// as high as there are lines, whose bit lines join those of the weights at the amplifier
// (ohmgrid's choice), so that neither changes what the other carries.
#include <math.h>

#include "base/mem.h"
#include "crossbar/circuit.h"
#include "periphery/ramps.h"
#include "periphery/wired.h"

// Columns [from, to) of one copy, both sides of pairs, or (sides = 1) one of them.
struct bias_array {
    struct og_array *a;
    struct og_circuit *n;
    size_t from, to;
    int copy, side, sides;
};

static size_t device_of(const struct bias_array *b, size_t line, int side, size_t j)
{
    const struct og_array *a = b->a;
    const size_t sides = (size_t)og_mapping_sides(&a->map);
    const size_t set =
        (line * (size_t)a->copies + (size_t)b->copy) * sides + (size_t)side;
    return set * a->map.cols + j;
}

static size_t cell_of(const struct bias_array *b, size_t line, int side, size_t j)
{
    const size_t place = (j - b->from) * (size_t)b->sides;
    return line * b->n->cols + place + (b->sides > 1 ? (size_t)side : 0);
}

static void gather(const struct bias_array *b, int side)
{
    for (size_t i = 0; i < b->n->rows; i++)
        for (size_t j = b->from; j < b->to; j++)
            b->n->g[cell_of(b, i, side, j)] =
                (double)b->a->ramps->line_g[device_of(b, i, side, j)];
}

static void add_currents(const struct bias_array *b, int side)
{
    struct og_ramps *s = b->a->ramps;
    const struct og_device *d = &b->a->map.hw.device;
    const float gain =
        og_mapping_gain(&b->a->map, side) * b->a->d_max / (float)b->a->copies;
    const double steps = (double)gain / (d->g_max - d->g_min);
    for (size_t i = 0; i < b->n->rows; i++)
        for (size_t j = b->from; j < b->to; j++) {
            const size_t c = cell_of(b, i, side, j);
            const float share = gain * (float)b->n->share[c];
            s->sum[j] += (float)(steps * (b->n->t[c] - b->n->g[c]));
            s->variance[j] += share * share * s->line_variance[device_of(b, i, side, j)];
            s->bias_g += b->n->t[c];  // all sources are at v_read
        }
}

static og_status wire(const struct bias_array *b)
{
    const int first = b->sides > 1 ? 0 : b->side, last = b->sides > 1 ? 1 : b->side;
    OG_TRY(og_circuit_resize(b->n, (size_t)b->a->ramps->lines,
                             (b->to - b->from) * (size_t)b->sides, NULL));
    for (int side = first; side <= last; side++) gather(b, side);
    OG_TRY(og_circuit_transfer(b->n, NULL));
    og_circuit_shares(b->n);
    for (int side = first; side <= last; side++) add_currents(b, side);
    return OG_OK;
}

static og_status wire_tile(struct bias_array b)
{
    const int of_pair = og_mapping_sides(&b.a->map);
    const bool apart = b.a->map.hw.pair.layout == OG_LAYOUT_SEPARATE;
    b.sides = apart ? 1 : of_pair;
    for (b.copy = 0; b.copy < b.a->copies; b.copy++)
        for (b.side = 0; b.side < (apart ? of_pair : 1); b.side++) OG_TRY(wire(&b));
    return OG_OK;
}

og_status og_ramps_wire(struct og_array *a)
{
    struct og_ramps *s = a->ramps;
    const size_t cols = a->map.cols, width = a->map.tile_cols;
    struct og_circuit n = {.wiring = a->map.hw.wires};
    og_status status = OG_OK;
    if (s->lines > OG_WIRES_SIDE_MAX) return OG_FAILED;
    for (size_t j = 0; j < cols; j++) s->variance[j] = 0;
    s->bias_g = 0;
    for (size_t j = 0; status == OG_OK && j < cols; j += width)
        status = wire_tile((struct bias_array){
            .a = a, .n = &n, .from = j, .to = j + width < cols ? j + width : cols});
    og_circuit_clear(&n);
    return status;
}
