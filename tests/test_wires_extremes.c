// SPDX-License-Identifier: GPL-3.0-or-later
// The wire solvers among themselves where circuits are hardly any.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wires_tools.h"

enum extreme { OPEN_ROWS, OPEN_COLUMNS, SHORTS, NOTHING, PLAIN };

static void make_extreme(struct circuit *c, enum extreme what)
{
    for (size_t i = 0; i < c->rows; i++)
        for (size_t j = 0; j < c->cols; j++) {
            const bool open = what == NOTHING || (what == OPEN_ROWS && i % 2 == 0) ||
                              (what == OPEN_COLUMNS && j % 3 == 1);
            double *g = &c->g[i * c->cols + j];
            if (open) *g = 0;
            if (what == SHORTS && (5 * i + 3 * j) % 11 == 0) *g = 1;  // 1 S
        }
}

// Lines without any cell, cells that are shorts, and no cell at all, in arrays that are
// one line or two, from 1e-4 to 1e3 ohm. What 70 kohm of bit line leave of a cell is
// small beside what arrives of others, which is what the solvers' digits are of.
static void extremes_agree(void **state)
{
    (void)state;
    static const size_t size[][2] = {{1, 1}, {1, 70}, {70, 1}, {2, 65}, {33, 31}};
    for (size_t s = 0; s < sizeof size / sizeof *size; s++)
        for (int what = OPEN_ROWS; what <= PLAIN; what++)
            for (double r = 1e-4; r < 2e3; r *= 3162.3) {
                struct circuit c = circuit_alloc(size[s][0], size[s][1], 2, SIX_DECADES);
                const struct og_wire_params p = {
                    .r_row = r, .r_col = r, .r_source = r, .r_sense = 1};
                double residual;
                make_extreme(&c, (enum extreme)what);
                const double d = compare_by(&c, &p, true, &residual);
                if (!(d <= 1e-10))
                    fail_msg("%zu x %zu, case %d, %g ohm: %g", c.rows, c.cols, what, r,
                             d);
                circuit_free(&c);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
