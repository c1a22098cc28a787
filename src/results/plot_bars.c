// SPDX-License-Identifier: GPL-3.0-or-later
// Costs of effects and layers as pairs of bars with their intervals.
#include <math.h>
#include <stdio.h>

#include "results/attribution.h"
#include "results/plot_script.h"

static void write_costs(const char *name, const struct og_attribution *a,
                        const struct og_interval *cost, double unit, FILE *out)
{
    fprintf(out, "$%s << EOD\n", name);
    for (size_t p = 0; p < a->parts; p++) {
        const struct og_interval i = cost[p];
        if (isnan(i.mean)) continue;
        fprintf(out, "%zu %.10g %.10g %.10g\n", p, unit * i.mean,
                unit * (isnan(i.low) ? i.mean : i.low),
                unit * (isnan(i.high) ? i.mean : i.high));
    }
    fputs("EOD\n", out);
}

void og_bars_script(const struct og_picture *p, FILE *out)
{
    const struct og_attribution_file *f = p->attribution;
    const struct og_attribution *a = &f->a;
    fputs("set ylabel ", out);
    og_script_quote(out, f->loss ? "loss [nat]" : "lost accuracy [points]", false);
    fputs("\nset style fill solid 0.9 noborder\nset xzeroaxis lt 1 lc rgb '#404040'\n"
          "set key outside top center horizontal Left reverse\nset xtics rotate by -35 (",
          out);
    for (size_t i = 0; i < a->parts; i++) {
        if (i > 0) fputs(", ", out);
        og_script_quote(out, a->part[i], true);
        fprintf(out, " %zu", i);
    }
    fprintf(out, ")\nset xrange [-0.6:%g]\nset title ", (double)a->parts - 0.4);
    og_script_quote(out, p->title, false);
    fputc('\n', out);
    write_costs("alone", a, a->alone, f->loss ? 1 : 100, out);
    write_costs("within", a, a->within, f->loss ? 1 : 100, out);
    fputs("plot $alone using ($1-0.2):2:3:4:(0.36) with boxerrorbars lc rgb '#0072B2' "
          "title 'alone', \\\n     $within using ($1+0.2):2:3:4:(0.36) with boxerrorbars "
          "lc rgb '#D55E00' title 'within'\nunset output\n",
          out);
}
