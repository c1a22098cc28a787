// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/product.h"

#include <assert.h>
#include <stdint.h>

#include "base/kernels.h"
#include "base/mem.h"

struct og_packed {
    size_t k_max, n_max;
    struct og_panels panels;
    const struct og_product_kernels *kernels;  // that packed it: panels differ in width
    const struct og_half_kernels *half;        // NULL: they are whole floats
    float *data;
};

enum { ALIGNMENT = 64 };

static size_t padded(size_t n, size_t to) { return (n + to - 1) / to * to; }

// The object stands in front of its data, in one block.
static size_t header(void) { return padded(sizeof(og_packed), ALIGNMENT); }

size_t og_packed_bytes(size_t k, size_t n)
{
    return header() + padded(k * padded(n, OG_PANEL_MAX) * sizeof(float), ALIGNMENT);
}

og_packed *og_packed_place(void *memory, size_t k, size_t n)
{
    assert((uintptr_t)memory % ALIGNMENT == 0);
    og_packed *p = memory;
    *p =
        (og_packed){.k_max = k, .n_max = n, .data = (float *)((char *)memory + header())};
    return p;
}

og_packed *og_packed_alloc(size_t k, size_t n)
{
    size_t columns = padded(n, OG_PANEL_MAX);
    if (columns < n || (k > 0 && columns > SIZE_MAX / sizeof(float) / 2 / k)) return NULL;
    void *memory = og_alloc(og_packed_bytes(k, n), 1);
    return memory == NULL ? NULL : og_packed_place(memory, k, n);
}

void og_packed_free(og_packed *p) { og_free(p); }

void og_pack(og_packed *p, const float *b, size_t row_stride, size_t col_stride, size_t k,
             size_t n)
{
    assert(k <= p->k_max && n <= p->n_max);
    p->kernels = og_kernels()->product;
    p->panels = (struct og_panels){p->data, k, n};
    p->half = NULL;
    p->kernels->pack(p->data, b, row_stride, col_stride, k, n);
}

void og_pack_positive(og_packed *p, const float *b, size_t row_stride, size_t col_stride,
                      size_t k, size_t n)
{
    if (og_kernels()->half == NULL) {
        og_pack(p, b, row_stride, col_stride, k, n);
        return;
    }
    assert(k <= p->k_max && n <= p->n_max);
    p->kernels = og_kernels()->product;
    p->half = og_kernels()->half;
    p->panels = (struct og_panels){p->data, k, n};
    p->half->pack(p->data, b, row_stride, col_stride, k, n);
}

void og_product(struct og_left a, size_t m, const og_packed *b, float *c, size_t ldc,
                int add)
{
    assert(b->kernels == og_kernels()->product && "packed for these kernels");
    assert(ldc >= b->panels.n || m <= 1);
    if (b->half != NULL)
        b->half->product(a, m, b->panels, c, ldc, add);
    else
        b->kernels->product(a, m, b->panels, c, ldc, add);
}
