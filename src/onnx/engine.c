// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/engine.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/range.h"

struct og_product {
    struct og_engine *engine;
    size_t in, out;
    og_packed *packed;
    // of an array
    og_array *array;
    float *w;  // [out][in]
    int segments;
    size_t segment[OG_SEGMENTS];
    int bits[OG_SEGMENTS];
    struct og_range_stat stat[OG_SEGMENTS];
};

struct og_engine {
    const struct og_hardware *hw;
    uint64_t seed;
    uint32_t trial;
    size_t calibrate_samples;
    enum og_pass pass;
    bool folding;
    struct og_product **product;  // [products]: on arrays
    size_t products, room, next;
};

struct og_engine *og_engine_alloc(const struct og_hardware *hardware, uint64_t seed,
                                  size_t calibrate_samples)
{
    struct og_engine *e = og_alloc(1, sizeof *e);
    if (!e) return NULL;
    e->hw = hardware;
    e->seed = seed;
    e->calibrate_samples = calibrate_samples;
    return e;
}

static void free_product(struct og_product *p)
{
    if (!p) return;
    og_packed_free(p->packed);
    og_array_free(p->array);
    og_free(p->w);
    for (int s = 0; s < OG_SEGMENTS; s++) og_range_free(&p->stat[s]);
    og_free(p);
}

void og_engine_free(struct og_engine *e)
{
    if (!e) return;
    for (size_t k = 0; k < e->products; k++) free_product(e->product[k]);
    og_free(e->product);
    og_free(e);
}

og_status og_engine_start(struct og_engine *e, enum og_pass pass, uint32_t trial,
                          struct og_error *err)
{
    e->pass = pass;
    e->trial = trial;
    e->next = 0;
    const struct og_chip chip = {.seed = e->seed, .trial = trial};
    og_status status = OG_OK;
    for (size_t k = 0; pass >= OG_PASS_SUMS && status == OG_OK && k < e->products; k++)
        status = og_array_program(e->product[k]->array, e->product[k]->w, &chip);
    if (status == OG_OK) return OG_OK;
    return og_fail(err, status, "programming a chip with hardware.wires: %s",
                   og_status_text(status));
}

static bool dac_is_calibrated(const struct og_hardware *hw)
{
    return hw->dac.mode != OG_RANGE_FIXED;
}

bool og_engine_wants_sums(const struct og_engine *e)
{
    return e->products > 0 && og_adc_is_calibrated(e->hw);
}

static void set_ranges(struct og_product *p)
{
    const struct og_hardware *hw = p->engine->hw;
    for (int s = 0; s < p->segments; s++) {
        if (!dac_is_calibrated(hw)) continue;
        og_array_set_range(p->array, s, og_range_find(&p->stat[s], hw, p->bits[s]));
        og_range_free(&p->stat[s]);
    }
}

og_status og_engine_finish(struct og_engine *e, struct og_error *err)
{
    for (size_t k = 0; k < e->products; k++) {
        struct og_product *p = e->product[k];
        for (int s = 0; s < p->segments; s++)
            if (p->stat[s].failed) return og_fail(err, OG_NO_MEMORY, "out of memory");
        if (e->pass == OG_PASS_INPUTS) set_ranges(p);
        if (e->pass == OG_PASS_SUMS) og_array_calibrate(p->array);
    }
    return OG_OK;
}

size_t og_engine_arrays(const struct og_engine *e) { return e->products; }

const struct og_hardware *og_engine_hardware(const struct og_engine *e) { return e->hw; }

bool og_engine_reads(const struct og_engine *e)
{
    return e->pass == OG_PASS_READ && e->hw && !e->hw->ideal && !e->folding;
}

void og_engine_fold(struct og_engine *e, bool folding) { e->folding = folding; }

// --- making products -----------------------------------------------------------------

static og_status make_array(struct og_product *p, const struct og_factor *f,
                            struct og_error *err)
{
    struct og_engine *e = p->engine;
    const struct og_hardware *hw = e->hw;
    struct og_array_shape shape = {.rows = f->in,
                                   .cols = f->out,
                                   .layer = (uint32_t)e->products,
                                   .segments = f->segments};
    float range = dac_is_calibrated(hw) ? 1.0f : (float)hw->dac.range;
    for (int s = 0; s < f->segments; s++) {
        int own = (s > 0) != f->is_h ? hw->rnn.h_bits : hw->rnn.x_bits;
        p->bits[s] = f->recurrent && own >= 0 ? own : hw->dac.bits;
        p->segment[s] = f->segment[s];
        shape.segment[s] = (struct og_segment){.rows = f->segment[s],
                                               .dac_bits = p->bits[s],
                                               .range = range,
                                               .bits_then = p->bits[s]};
        p->stat[s].keeps = hw->dac.mode != OG_RANGE_MINMAX && dac_is_calibrated(hw);
    }
    p->segments = f->segments;
    p->w = og_alloc(f->out * f->in, sizeof *p->w);
    if (!p->w) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t j = 0; j < f->out; j++)
        for (size_t i = 0; i < f->in; i++)
            p->w[j * f->in + i] = f->w[j * f->out_step + i * f->in_step];
    return og_array_alloc(&p->array, hw, &shape, err);
}

static og_status keep(struct og_engine *e, struct og_product *p, struct og_error *err)
{
    if (e->products == e->room) {
        size_t room = e->room ? 2 * e->room : 16;
        void *list = og_grow(e->product, e->room, room, sizeof(struct og_product *));
        if (!list) return og_fail(err, OG_NO_MEMORY, "out of memory");
        e->product = list;
        e->room = room;
    }
    e->product[e->products++] = p;
    return OG_OK;
}

static og_status make_product(struct og_engine *e, const struct og_factor *f,
                              bool on_array, struct og_product **product,
                              struct og_error *err)
{
    struct og_product *p = og_alloc(1, sizeof *p);
    if (!p) return og_fail(err, OG_NO_MEMORY, "out of memory");
    *p = (struct og_product){.engine = e, .in = f->in, .out = f->out};
    p->packed = og_packed_alloc(f->in, f->out);
    og_status status = OG_OK;
    if (!p->packed) status = og_fail(err, OG_NO_MEMORY, "out of memory");
    if (status == OG_OK) {
        og_pack(p->packed, f->w, f->in_step, f->out_step, f->in, f->out);
        if (on_array) status = make_array(p, f, err);
    }
    if (status == OG_OK && on_array) status = keep(e, p, err);
    if (status != OG_OK) {
        free_product(p);
        p = NULL;
    }
    *product = p;
    return status;
}

og_status og_engine_product(const struct og_call *c, const struct og_factor *f,
                            struct og_product **p)
{
    struct og_engine *e = c->engine;
    bool on_array =
        e->hw && !e->hw->ideal && f->constant && !e->folding && f->in > 0 && f->out > 0;
    if (!on_array) return make_product(e, f, false, p, c->err);
    if (e->pass == OG_PASS_INPUTS) {
        struct og_error local = {0};
        og_status status = make_product(e, f, true, p, &local);
        if (status == OG_INPUT) return og_call_fail(c, "%.400s", local.text);
        if (status != OG_OK) return og_fail(c->err, status, "%.400s", local.text);
        return OG_OK;
    }
    assert(e->next < e->products);
    *p = e->product[e->next++];
    return OG_OK;
}

void og_engine_release(struct og_engine *e, struct og_product *p)
{
    (void)e;
    if (p && !p->array) free_product(p);
}

// --- reads ---------------------------------------------------------------------------

size_t og_product_in(const struct og_product *p) { return p->in; }

size_t og_product_out(const struct og_product *p) { return p->out; }

size_t og_product_work(const struct og_product *p, size_t rows)
{
    return p->array ? og_array_work_bytes(p->array, rows) : 0;
}

// Rows of the first samples, which calibration looks at.
static size_t observed_rows(const struct og_product *p, const struct og_product_io *io)
{
    size_t n = 0, all = io->rows / io->positions;
    while (n < all && io->sample[n] / io->per_sample < p->engine->calibrate_samples) n++;
    return n * io->positions;
}

static void observe_inputs(const struct og_product *p, const struct og_product_io *io)
{
    size_t rows = observed_rows(p, io), first = 0;
    for (int s = 0; s < p->segments; first += p->segment[s++])
        for (size_t r = 0; r < rows; r++) {
            // A name for the row that does not depend on how rows are split into reads.
            uint64_t row = (uint64_t)io->sample[r / io->positions] << 40 |
                           (uint64_t)io->step << 16 | (r % io->positions);
            // What is gathered is not part of the product that others read.
            og_range_add((struct og_range_stat *)(uintptr_t)&p->stat[s],
                         io->x + r * io->ldx + first, p->segment[s], row);
        }
}

bool og_product_is_float(const struct og_product *p) { return p->array == NULL; }

void og_product_read(const struct og_product *p, const struct og_product_io *io)
{
    assert(io->rows % io->positions == 0);
    const struct og_engine *e = p->engine;
    if (p->array && e->pass == OG_PASS_READ) {
        const struct og_read at = {.seed = e->seed,
                                   .trial = e->trial,
                                   .sample = io->sample,
                                   .positions = io->positions,
                                   .step = io->step};
        const struct og_read_io read = {.x = io->x,
                                        .ldx = io->ldx,
                                        .n = io->rows,
                                        .y = io->y,
                                        .ldy = io->ldy,
                                        .work = io->work};
        og_array_read(p->array, &at, &read);
        return;
    }
    og_product((struct og_left){io->x, io->ldx, 1}, io->rows, p->packed, io->y, io->ldy,
               0);
    if (!p->array) return;
    if (e->pass == OG_PASS_INPUTS) observe_inputs(p, io);
    if (e->pass == OG_PASS_SUMS)
        og_array_observe(p->array, io->x, io->ldx, observed_rows(p, io), io->work);
}
