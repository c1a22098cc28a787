// SPDX-License-Identifier: GPL-3.0-or-later
// Products of many rows, in blocks of fixed size over threads.
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "onnx/engine.h"

enum { LINE = 64 };

static size_t whole_lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

char *og_engine_work(size_t bytes)
{
    return og_alloc((size_t)og_threads(), whole_lines(bytes));
}

void *og_engine_own_work(char *work, size_t bytes)
{
    size_t thread = 0;
#ifdef _OPENMP
    thread = (size_t)omp_get_thread_num();
#endif
    return work + thread * whole_lines(bytes);
}

og_status og_product_rows(const struct og_call *c, const struct og_product *p,
                          const struct og_rows *q)
{
    size_t bytes = og_product_work(p, OG_READ_ROWS), in = og_product_in(p);
    size_t out = og_product_out(p), blocks = (q->rows + OG_READ_ROWS - 1) / OG_READ_ROWS;
    if (q->rows > UINT32_MAX || q->first > UINT32_MAX - q->rows)
        return og_call_fail(c, "%zu rows in one product", q->rows);
    char *work = og_engine_work(bytes);
    if (!work) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(p, q, bytes, in, out, blocks, work) if (blocks > 1)
    for (size_t b = 0; b < blocks; b++) {
        uint32_t sample[OG_READ_ROWS];
        size_t first = b * OG_READ_ROWS, left = q->rows - first;
        size_t n = left < OG_READ_ROWS ? left : OG_READ_ROWS;
        for (size_t r = 0; r < n; r++) sample[r] = (uint32_t)(q->first + first + r);
        const struct og_product_io io = {.x = q->x + first * in,
                                         .ldx = in,
                                         .rows = n,
                                         .y = q->y + first * out,
                                         .ldy = out,
                                         .sample = sample,
                                         .positions = 1,
                                         .step = q->step,
                                         .per_sample = q->per_sample,
                                         .work = og_engine_own_work(work, bytes)};
        og_product_read(p, &io);
    }
    og_free(work);
    return OG_OK;
}
