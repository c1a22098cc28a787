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
    float *data;
};

og_packed *og_packed_alloc(size_t k, size_t n)
{
    size_t columns = (n + OG_PANEL_MAX - 1) / OG_PANEL_MAX * OG_PANEL_MAX;
    if (columns < n || (k > 0 && columns > SIZE_MAX / sizeof(float) / k)) return NULL;
    og_packed *p = og_alloc(1, sizeof *p);
    if (p == NULL) return NULL;
    p->k_max = k;
    p->n_max = n;
    p->data = og_alloc(k * columns, sizeof *p->data);
    if (p->data == NULL) {
        og_packed_free(p);
        return NULL;
    }
    return p;
}

void og_packed_free(og_packed *p)
{
    if (p == NULL) return;
    og_free(p->data);
    og_free(p);
}

void og_pack(og_packed *p, const float *b, size_t row_stride, size_t col_stride, size_t k,
             size_t n)
{
    assert(k <= p->k_max && n <= p->n_max);
    p->kernels = og_kernels()->product;
    p->panels = (struct og_panels){p->data, k, n};
    p->kernels->pack(p->data, b, row_stride, col_stride, k, n);
}

void og_product(struct og_left a, size_t m, const og_packed *b, float *c, size_t ldc,
                int add)
{
    assert(b->kernels == og_kernels()->product && "packed for these kernels");
    assert(ldc >= b->panels.n || m <= 1);
    b->kernels->product(a, m, b->panels, c, ldc, add);
}
