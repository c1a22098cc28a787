// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit as an ngspice netlist. Nodes: s_<i> source, w_<i>_<j> word line, b_<i>_<j>
// bit line, t_<j> amplifier's input (a source of 0 V that measures the current); what
// 0 ohm joins has one name.
#include <math.h>

#include "crossbar/wires_impl.h"

enum { NAME = 64 };

static void word_name(const struct og_wires *w, size_t i, size_t j, char *name)
{
    if (w->row.kind == OG_LINE_IDEAL)
        snprintf(name, NAME, "s_%zu", i);
    else
        snprintf(name, NAME, "w_%zu_%zu", i, w->row.kind == OG_LINE_NODE ? 0 : j);
}

static void bit_name(const struct og_wires *w, size_t i, size_t j, char *name)
{
    if (w->col.kind == OG_LINE_IDEAL)
        snprintf(name, NAME, "t_%zu", j);
    else
        snprintf(name, NAME, "b_%zu_%zu", w->col.kind == OG_LINE_NODE ? 0 : i, j);
}

static void resistor(FILE *out, const char *name, const char *a, const char *b,
                     double ohm)
{
    fprintf(out, "R%s %s %s %.17g\n", name, a, b, ohm);
}

// A segment. Where terminals are so much worse, its conductance would drown theirs in the
// rounding of nodal analysis; so it is a voltage in proportion to its own current.
static void wire(const struct og_wires *w, FILE *out, const char *name, const char *a,
                 const char *b, double ohm)
{
    if (ohm >= 1e-5 * fmax(w->params.r_source, w->params.r_sense))
        resistor(out, name, a, b, ohm);
    else
        fprintf(out, "Vh_%s %s h_%s DC 0\nH%s h_%s %s Vh_%s %.17g\n", name, a, name, name,
                name, b, name, ohm);
}

// From terminal `end` over its own resistance and a segment to `node`.
static void terminal(const struct og_wires *w, FILE *out, const char *name,
                     const char *end, const char *node, double r_end, double r_segment)
{
    char middle[NAME + 8], part[NAME + 8];
    if (r_end == 0 || r_segment == 0) {
        if (r_end + r_segment > 0) wire(w, out, name, end, node, r_end + r_segment);
        return;
    }
    snprintf(middle, sizeof middle, "m_%s", name);
    wire(w, out, name, end, middle, r_end);
    snprintf(part, sizeof part, "%s_wire", name);
    wire(w, out, part, middle, node, r_segment);
}

static void write_terminals(const struct og_wires *w, FILE *out)
{
    const struct og_wire_params *p = &w->params;
    char end[NAME], node[NAME], name[NAME];
    for (size_t i = 0; i < w->rows; i++)
        for (size_t k = 0; k < (p->drive_both ? 2 : 1); k++) {
            snprintf(end, sizeof end, "s_%zu", i);
            snprintf(name, sizeof name, "s_%zu_%zu", i, k);
            word_name(w, i, k == 0 ? 0 : w->cols - 1, node);
            terminal(w, out, name, end, node, p->r_source, p->r_row);
        }
    for (size_t j = 0; j < w->cols; j++)
        for (size_t k = 0; k < (p->sense_both ? 2 : 1); k++) {
            snprintf(end, sizeof end, "t_%zu", j);
            snprintf(name, sizeof name, "t_%zu_%zu", j, k);
            bit_name(w, k == 0 ? w->rows - 1 : 0, j, node);
            terminal(w, out, name, end, node, p->r_sense, p->r_col);
        }
}

static void write_cell(const struct og_wires *w, size_t i, size_t j, FILE *out)
{
    char word[NAME], bit[NAME], other[NAME], name[NAME];
    const double g = w->g[i * w->cols + j];
    word_name(w, i, j, word);
    bit_name(w, i, j, bit);
    snprintf(name, sizeof name, "c_%zu_%zu", i, j);
    if (g > 0) resistor(out, name, word, bit, 1 / g);
    if (w->row.kind == OG_LINE_WIRE && j > 0) {
        word_name(w, i, j - 1, other);
        snprintf(name, sizeof name, "w_%zu_%zu", i, j);
        wire(w, out, name, other, word, w->params.r_row);
    }
    if (w->col.kind == OG_LINE_WIRE && i > 0) {
        bit_name(w, i - 1, j, other);
        snprintf(name, sizeof name, "b_%zu_%zu", i, j);
        wire(w, out, name, other, bit, w->params.r_col);
    }
}

static void write_vectors(const struct og_wires *w, const double *v, size_t batch,
                          FILE *out)
{
    fprintf(out, ".control\nset numdgt=16\n");
    for (size_t b = 0; b < batch; b++) {
        for (size_t i = 0; i < w->rows; i++)
            fprintf(out, "alter vs_%zu dc = %.17g\n", i, v[b * w->rows + i]);
        fprintf(out, "op\necho vector %zu\n", b);
        for (size_t j = 0; j < w->cols; j++) fprintf(out, "print i(vt_%zu)\n", j);
    }
    fprintf(out, "quit\n.endc\n.end\n");
}

void og_wires_netlist(const struct og_wires *w, const double *v, size_t batch, FILE *out)
{
    fprintf(out,
            "* %zu x %zu crossbar, by ohmgrid\n"
            ".options reltol=1e-12 abstol=1e-20 vntol=1e-18 gmin=1e-20 numdgt=16\n",
            w->rows, w->cols);
    for (size_t i = 0; i < w->rows; i++) fprintf(out, "Vs_%zu s_%zu 0 DC 0\n", i, i);
    for (size_t j = 0; j < w->cols; j++) fprintf(out, "Vt_%zu t_%zu 0 DC 0\n", j, j);
    write_terminals(w, out);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) write_cell(w, i, j, out);
    write_vectors(w, v, batch, out);
}
