// SPDX-License-Identifier: GPL-3.0-or-later
#include "periphery/ramp.h"

#include <assert.h>
#include <math.h>

#include "base/elementary.h"

// --- functions -----------------------------------------------------------------------

static const char *const names[] = {"sigmoid", "tanh", "curve"};

// y of x on the line through points i and i + 1 of lists `from` and `to`.
static double between(const struct og_list *from, const struct og_list *to, double v)
{
    int i = 0;
    while (i + 2 < from->n && v >= from->v[i + 1]) i++;
    const double part = (v - from->v[i]) / (from->v[i + 1] - from->v[i]);
    return to->v[i] + part * (to->v[i + 1] - to->v[i]);
}

static double g_of(const struct og_ramp_plan *p, double x)
{
    if (p->function == OG_SIGMOID) return 1 / (1 + og_exp(-x));
    if (p->function == OG_TANH) return og_tanh(x);
    if (x <= p->first) return p->lo;
    return x >= p->last ? p->hi : between(&p->curve.x, &p->curve.y, x);
}

static double inverse_of(const struct og_ramp_plan *p, double y)
{
    if (p->function == OG_SIGMOID) return og_log(y / (1 - y));
    if (p->function == OG_TANH) return og_atanh(y);
    return between(&p->curve.y, &p->curve.x, y);
}

static void set_ends(struct og_ramp_plan *p)
{
    const struct og_list *x = &p->curve.x, *y = &p->curve.y;
    p->first = -INFINITY;
    p->last = INFINITY;
    p->lo = p->function == OG_TANH ? -1 : 0;
    p->hi = 1;
    if (p->function != OG_CURVE) return;
    p->first = x->v[0];
    p->last = x->v[x->n - 1];
    p->lo = y->v[0];
    p->hi = y->v[y->n - 1];
}

// --- design --------------------------------------------------------------------------

static double step_of(const struct og_ramp_plan *p, int k)
{
    return p->x[k + 1] - p->x[k];
}

static void place_thresholds(struct og_ramp_plan *p)
{
    for (int k = 1; k < p->levels; k++)
        p->x[k] = inverse_of(p, p->lo + (p->hi - p->lo) * k / p->levels);
}

struct steps {
    double smallest, largest;
};

static struct steps extremes(const struct og_ramp_plan *p)
{
    struct steps s = {INFINITY, 0};
    for (int k = 1; k < p->levels - 1; k++) {
        s.smallest = fmin(s.smallest, step_of(p, k));
        s.largest = fmax(s.largest, step_of(p, k));
    }
    return s;
}

// So many cells of g_max as x needs; rounding does not ask for one more.
static int cells_for(const struct og_ramp_plan *p, double x, const struct og_device *d)
{
    return (int)ceil(fabs(x) / (p->per_siemens * d->g_max) * (1 - 1e-12));
}

enum { MOST_CELLS = 1024 };  // of one step; more is a curve that was meant otherwise

// The largest step is one cell at g_max, or, where the device's range is too small for
// that, the smallest step is one cell at g_min and larger ones are split.
static og_status share_steps(struct og_ramp_plan *p, const struct og_hardware *hw,
                             struct og_error *err)
{
    const struct og_device *d = &hw->device;
    const struct steps s = extremes(p);
    const double needed = s.largest / s.smallest, ratio = d->g_max / d->g_min;
    const bool fits = needed <= ratio * (1 + 1e-12);
    if (!fits && !hw->adc.ramp.split)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.ramp.bits: the steps of a %s ramp of %d bits differ "
                       "by a factor of %.3g, the device reaches g_max / g_min = %.3g; "
                       "split: true makes them of parallel cells",
                       names[p->function], hw->adc.ramp.bits, needed, ratio);
    if (!fits && ratio < 2)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.ramp.split: parallel cells make every step of a "
                       "ramp if g_max / g_min of the device is at least 2; it is %.3g",
                       ratio);
    if (!fits && needed > MOST_CELLS * ratio)
        return og_fail(
            err, OG_INPUT,
            "hardware.adc.ramp.split: the steps of a %s ramp of %d bits differ "
            "by a factor of %.3g; with %d cells for the largest that takes "
            "g_max / g_min = %.3g, which is %.3g",
            names[p->function], hw->adc.ramp.bits, needed, MOST_CELLS,
            needed / MOST_CELLS, ratio);
    p->per_siemens = fits ? s.largest / d->g_max : s.smallest / d->g_min;
    for (int k = 1; k < p->levels - 1; k++) {
        p->parallel[k] = cells_for(p, step_of(p, k), d);
        p->cells += (size_t)p->parallel[k];
    }
    return OG_OK;
}

static og_status share_start(struct og_ramp_plan *p, const struct og_hardware *hw,
                             struct og_error *err)
{
    const struct og_device *d = &hw->device;
    const int least = cells_for(p, p->x[1], d), asked = hw->adc.ramp.bias_cells;
    const double g = fabs(p->x[1]) / p->per_siemens;  // of all of them
    p->bias_cells = asked > 0 ? asked : least;
    if (p->bias_cells < least)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.ramp.bias_cells: %d cannot carry the start of a %s "
                       "ramp of %d bits, which is %.3g times g_max; it takes %d",
                       asked, names[p->function], hw->adc.ramp.bits, g / d->g_max, least);
    if (p->bias_cells > 0 && g / p->bias_cells < d->g_min)
        return og_fail(
            err, OG_INPUT,
            "hardware.adc.ramp.bias_cells: the start of a %s ramp of %d bits is "
            "%.3g times g_min, too little for %d cells",
            names[p->function], hw->adc.ramp.bits, g / d->g_min, p->bias_cells);
    return OG_OK;
}

og_status og_ramp_plan(struct og_ramp_plan *plan, const struct og_hardware *hw,
                       const struct og_ramp_part *part, struct og_error *err)
{
    const int bits = hw->adc.ramp.bits;
    if (bits < 2 || bits > 8)
        return og_fail(err, OG_INPUT, "hardware.adc.ramp.bits: %d is not in 2 .. 8",
                       bits);
    *plan = (struct og_ramp_plan){
        .function = part->function,
        .levels = 1 << bits,
        .v_ratio = 1,
        .calibrated = hw->adc.ramp.calibration == OG_RAMP_ONE_POINT,
    };
    if (part->function == OG_CURVE) plan->curve = *part->curve;
    if (hw->adc.ramp.v_read > 0) plan->v_ratio = hw->adc.ramp.v_read / hw->device.v_read;
    set_ends(plan);
    place_thresholds(plan);
    OG_TRY(share_steps(plan, hw, err));
    return share_start(plan, hw, err);
}

double og_ramp_step(const struct og_ramp_plan *p)
{
    return (p->x[p->levels - 1] - p->x[1]) / (p->levels - 2);
}

// --- programming ---------------------------------------------------------------------

enum { BIAS_FIRST = 1 << 16 };  // numbers of the bias cells in their set

// Sums over cells that share one conductance: of their deviations and read variances, in
// units of g_max - g_min, and of their conductances [S].
struct sums {
    double deviation, variance, g;
};

static struct sums program_cells(const struct og_cells *cells, uint64_t first, int n,
                                 float target)
{
    float t[OG_CELL_CHUNK], deviation[OG_CELL_CHUNK], variance[OG_CELL_CHUNK],
        g[OG_CELL_CHUNK];
    struct sums sum = {0, 0, 0};
    for (int done = 0; done < n; done += OG_CELL_CHUNK) {
        size_t part = (size_t)(n - done < OG_CELL_CHUNK ? n - done : OG_CELL_CHUNK);
        for (size_t i = 0; i < part; i++) t[i] = target;
        const struct og_cell_io io = {.first = first + (uint64_t)done,
                                      .n = part,
                                      .target = t,
                                      .deviation = deviation,
                                      .read_variance = variance,
                                      .g = g};
        og_cells_program(cells, &io);
        for (size_t i = 0; i < part; i++) {
            sum.deviation += deviation[i];
            sum.variance += variance[i];
            sum.g += g[i];
        }
    }
    return sum;
}

// Of cells that carry x together.
static float target_of(const struct og_ramp_plan *p, const struct og_device *d, double x,
                       int n)
{
    double g = fabs(x) / p->per_siemens / n;
    double t = (g - d->g_min) / (d->g_max - d->g_min);
    return (float)fmin(fmax(t, 0), 1);
}

// How far the start of the ramp is moved: by the errors of the bias cells, or,
// calibrated, by `wanted` as far as these reach when they are all written to g_min or to
// g_max.
static double start_of(const struct og_ramp_plan *p, const struct og_cells *cells,
                       double wanted, double *variance)
{
    const struct og_device *d = cells->device;
    const double sign = p->x[1] < 0 ? -1 : 1,
                 range = p->per_siemens * (d->g_max - d->g_min);
    const int n = p->bias_cells;
    *variance = 0;
    if (n == 0) return 0;
    const struct sums at =
        program_cells(cells, BIAS_FIRST, n, target_of(p, d, p->x[1], n));
    *variance = at.variance * range * range;
    if (!p->calibrated) return sign * at.deviation * range;
    const double low = program_cells(cells, BIAS_FIRST, n, 0).g;
    const double high = program_cells(cells, BIAS_FIRST, n, 1).g;
    const double a = sign * low * p->per_siemens - p->x[1];
    const double b = sign * high * p->per_siemens - p->x[1];
    return fmin(fmax(wanted, fmin(a, b)), fmax(a, b));
}

void og_ramp_program(const struct og_ramp_plan *p, const struct og_cells *cells,
                     struct og_ramp *ramp)
{
    const struct og_device *d = cells->device;
    const double range = p->per_siemens * (d->g_max - d->g_min);
    const int middle = p->levels / 2;
    double walk[OG_RAMP_LEVELS] = {0}, variance[OG_RAMP_LEVELS] = {0};
    uint64_t first = 0;
    ramp->charge = 0;
    for (int k = 1; k < p->levels - 1; k++) {
        const int n = p->parallel[k];
        const float t = target_of(p, d, step_of(p, k), n);
        const struct sums sum = program_cells(cells, first, n, t);
        ramp->charge += sum.g * (p->levels - k);
        walk[k + 1] = walk[k] + sum.deviation * range;
        variance[k + 1] = sum.variance * range * range;
        first += (uint64_t)n;
    }
    const double start = start_of(p, cells, -walk[middle], &variance[1]);
    ramp->charge += fabs(p->x[1] + start) / p->per_siemens * p->levels;
    for (int k = 1; k < p->levels; k++) {
        ramp->x[k] = (float)(p->v_ratio * (p->x[k] + (walk[k] + start)));
        ramp->noise[k] = (float)(p->v_ratio * sqrt(variance[k]));
    }
}

struct og_ramp_error og_ramp_errors(const struct og_ramp_plan *p,
                                    const struct og_ramp *ramp)
{
    struct og_ramp_error error = {0, 0, 0};
    const double lsb = (p->hi - p->lo) / p->levels;
    for (int k = 1; k < p->levels; k++) {
        const double y = g_of(p, (double)ramp->x[k]);
        const double inl = (y - p->lo) / lsb - k;
        error.inl = fmax(error.inl, fabs(inl));
        error.inl_rms += inl * inl / (p->levels - 1);
        if (k + 1 == p->levels) break;
        const double dnl = (g_of(p, (double)ramp->x[k + 1]) - y) / lsb - 1;
        error.dnl = fmax(error.dnl, fabs(dnl));
    }
    error.inl_rms = sqrt(error.inl_rms);
    return error;
}
