// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/bind.h"

og_status og_bind_wires(og_wires **wires, size_t rows, size_t cols, const double r[4],
                        unsigned ends, struct og_error *err)
{
    const struct og_wire_params p = {
        .r_row = r[0],
        .r_col = r[1],
        .r_source = r[2],
        .r_sense = r[3],
        .drive_both = (ends & 1) != 0,
        .sense_both = (ends & 2) != 0,
    };
    *wires = NULL;
    return og_wires_alloc(wires, rows, cols, &p, err);
}

static void tell(const struct og_wire_report *report, double out[2], const char **used)
{
    out[0] = (double)report->iterations;
    out[1] = report->residual;
    *used = og_wire_method_name(report->method);
}

og_status og_bind_wires_read(og_wires *wires, const char *method, const double *sinh,
                             const double *v, size_t batch, double *current,
                             double report[2], const char **used, struct og_error *err)
{
    enum og_wire_method which;
    struct og_wire_report r = {0};
    OG_TRY(og_wire_method_find(&which, method, "method", err));
    if (sinh != NULL) {
        const struct og_wire_cell cell = {.iv = {.kind = OG_IV_SINH, .a = sinh[0]},
                                          .v_read = sinh[1]};
        if (which != OG_WIRES_AUTO)
            return og_fail(err, OG_INPUT,
                           "method is '%s': cells with I ~ sinh(aV) are solved by "
                           "Newton's method alone, 'auto'",
                           method);
        OG_TRY(og_wires_read_cells(wires, &cell, v, batch, current, &r, err));
        tell(&r, report, used);
        *used = "newton";
        return OG_OK;
    }
    OG_TRY(og_wires_read(wires, which, v, batch, current, &r, err));
    tell(&r, report, used);
    return OG_OK;
}

og_status og_bind_wires_transfer(og_wires *wires, const char *method, double *t,
                                 double report[2], const char **used,
                                 struct og_error *err)
{
    enum og_wire_method which;
    struct og_wire_report r = {0};
    OG_TRY(og_wire_method_find(&which, method, "method", err));
    OG_TRY(og_wires_transfer(wires, which, t, &r, err));
    tell(&r, report, used);
    return OG_OK;
}
