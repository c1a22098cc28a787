// SPDX-License-Identifier: GPL-3.0-or-later
// Integration of a switching device over time. GSL's evolution sees smooth equations: the
// limits of x are kept outside of it, so that steps do not shrink on them.
#include <assert.h>
#include <math.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>

#include "base/mem.h"
#include "device/switching_law.h"

enum { ROWS_MAX = 20000000, STEPS_MAX = 20000000, PIECE_STEPS = 50, HALVINGS = 60 };

const struct og_switching_law *og_switching_law(enum og_switching_kind model)
{
    static const struct og_switching_law *const laws[OG_SWITCHING_KINDS] = {
        &og_vteam_law,        &og_ion_drift_law,   &og_yakopcic_law,
        &og_stanford_pku_law, &og_data_driven_law, &og_jart_v1b_law};
    return laws[model];
}

void og_switching_range(const struct og_switching *device, double *low, double *high,
                        double *start)
{
    double l, h, s;
    og_switching_law(device->model)->range(device, &l, &h, &s);
    if (low != NULL) *low = l;
    if (high != NULL) *high = h;
    if (start != NULL) *start = s;
}

const char *og_switching_state(const struct og_switching *device, const char **units)
{
    const struct og_switching_law *law = og_switching_law(device->model);
    if (units != NULL) *units = law->units;
    return law->state;
}

// --- limits
// ------------------------------------------------------------------------------

struct run {
    const struct og_switching *device;
    const struct og_voltage_table *table;
    const struct og_switching_law *law;
    double low, high;
    double corner[3];  // [V] steps do not cross these
    size_t piece;
    double base;  // [s] from the start of the piece; times of the evolution begin there
    double fault_v, fault_x;  // where no number came out
    size_t evaluations, steps;
    gsl_odeiv2_driver *driver;
    double h;  // [s] next step to try
};

static double voltage(const struct run *r, double t)
{
    return og_waveform_at(&r->device->drive, r->table, r->piece, r->base + t);
}

static double top(const struct run *r, double v)
{
    if (r->law->ceiling == NULL) return r->high;
    return fmin(r->high, fmax(r->low, r->law->ceiling(r->device, v)));
}

// Whether a limit holds x at this voltage, which it then leaves as it is.
static bool is_held(const struct run *r, double v, double x)
{
    const double above = top(r, v);
    if (x > r->low && x < above) return false;
    const double rate = r->law->at(r->device, v, x).rate;
    return (x <= r->low && rate <= 0) || (x >= above && rate >= 0);
}

struct og_switching_point og_switching_at(const struct og_switching *device,
                                          double voltage, double x)
{
    struct run r = {.device = device, .law = og_switching_law(device->model)};
    og_switching_range(device, &r.low, &r.high, NULL);
    struct og_switching_point p = r.law->at(device, voltage, x);
    if (is_held(&r, voltage, x)) p.rate = 0;
    return p;
}

// --- what GSL calls
// ----------------------------------------------------------------------

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

// Beyond a limit the rate is that at the limit.
static int rate_at(double t, const double y[], double f[], void *user)
{
    struct run *r = user;
    const double v = voltage(r, t), x = clamp(y[0], r->low, top(r, v));
    f[0] = r->law->at(r->device, v, x).rate;
    r->evaluations++;
    if (isfinite(f[0])) return GSL_SUCCESS;
    r->fault_v = v;
    r->fault_x = x;
    return GSL_EBADFUNC;
}

// By central differences, which is good enough for the implicit steps to converge.
static int slope_at(double t, const double y[], double *dfdy, double dfdt[], void *user)
{
    struct run *r = user;
    const double d = 1e-6 * (r->law->relative ? fabs(y[0]) : r->high - r->low);
    const double left = fmax(y[0] - d, r->low), right = fmin(y[0] + d, r->high);
    double f[2];
    const int a = rate_at(t, &left, &f[0], r), b = rate_at(t, &right, &f[1], r);
    dfdy[0] = right > left ? (f[1] - f[0]) / (right - left) : 0;
    dfdt[0] = 0;  // BDF does not use it
    return a != GSL_SUCCESS ? a : b;
}

// --- steps
// -------------------------------------------------------------------------------

// The time in (t, end] at which the hold ends, `end` when it holds all along.
static double release(const struct run *r, double t, double end, double x)
{
    if (is_held(r, voltage(r, end), x)) return end;
    double held = t, free = end;
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = held + 0.5 * (free - held);
        if (middle <= held || middle >= free) break;
        if (is_held(r, voltage(r, middle), x))
            held = middle;
        else
            free = middle;
    }
    return free;
}

// The end of a step from t that would end at `end`: no further than a corner of the rate,
// whose effect the error estimate would not see. The voltage is monotonic in a piece.
static double before_corner(const struct run *r, double t, double end)
{
    for (int k = 0; k < 3; k++) {
        const bool above = voltage(r, t) > r->corner[k];
        if ((voltage(r, end) > r->corner[k]) == above) continue;
        double a = t, b = end;
        for (int i = 0; i < HALVINGS; i++) {
            const double middle = a + 0.5 * (b - a);
            if (middle <= a || middle >= b) break;
            if ((voltage(r, middle) > r->corner[k]) == above)
                a = middle;
            else
                b = middle;
        }
        end = b;
    }
    return end;
}

static og_status fail_step(const struct run *r, int code, double t, struct og_error *err)
{
    const double now =
        og_waveform_start(&r->device->drive, r->table, r->piece) + r->base + t;
    if (code == GSL_EBADFUNC)
        return og_fail(err, OG_INPUT,
                       "%s: the model gives no number at %g V and state %g (time %g s): "
                       "outside its validity",
                       r->device->name, r->fault_v, r->fault_x, now);
    if (code == GSL_SUCCESS)
        return og_fail(err, OG_FAILED,
                       "%s: more than %d steps (time %g s): raise the tolerance",
                       r->device->name, STEPS_MAX, now);
    return og_fail(err, OG_FAILED,
                   "%s: no step is small enough for tolerance %g (time %g s): raise it",
                   r->device->name, r->device->drive.tolerance, now);
}

// Whether the step from (t, x) to (next, y) may end there; y is brought within the
// limits. One that ran beyond a limit may when the limit holds x from there on, or when
// it is as short as the error allowed.
static bool accept(const struct run *r, double t, double x, double next, double *y)
{
    const double v = voltage(r, next), above = top(r, v);
    const double limit = *y < r->low ? r->low : above;
    if (*y >= r->low && *y <= above) return true;
    const double reached = *y < r->low ? r->low : *y > x ? fmax(x, above) : *y;
    const bool falling = *y > above && above < top(r, voltage(r, t));
    const double range = r->law->relative ? x : r->high - r->low;
    const double tiny = 1e-13 * og_waveform_length(&r->device->drive, r->table, r->piece);
    const bool short_step =
        fabs(*y - x) <= r->device->drive.tolerance * range || next - t <= tiny;
    if (!short_step && (falling || !is_held(r, v, limit))) return false;
    *y = reached;
    return true;
}

// From time t to `end`, both counted from r->base.
static og_status advance(struct run *r, double end, double h_max, double *x,
                         struct og_error *err)
{
    gsl_odeiv2_driver *d = r->driver;
    double t = 0, stop = h_max;
    while (t < end) {
        if (r->steps++ == STEPS_MAX) return fail_step(r, GSL_SUCCESS, t, err);
        const double until = before_corner(r, t, fmin(end, t + fmin(h_max, stop)));
        if (is_held(r, voltage(r, t), *x)) {
            t = release(r, t, fmin(end, t + h_max), *x);
            gsl_odeiv2_driver_reset(d);
            continue;
        }
        double next = t, y = *x;
        const int code =
            gsl_odeiv2_evolve_apply(d->e, d->c, d->s, d->sys, &next, until, &r->h, &y);
        if (code != GSL_SUCCESS) return fail_step(r, code, t, err);
        const double tried = y;
        if (!accept(r, t, *x, next, &y)) {
            stop = 0.5 * (next - t);
            gsl_odeiv2_driver_reset(d);
            continue;
        }
        if (y != tried) gsl_odeiv2_driver_reset(d);
        t = next;
        *x = y;
        stop = h_max;
    }
    return OG_OK;
}

// --- rows
// --------------------------------------------------------------------------------

static void put_row(const struct run *r, struct og_hysteresis *trace, double time,
                    double v, double x)
{
    const struct og_switching_point p = r->law->at(r->device, v, x);
    const size_t i = trace->n++;
    trace->time[i] = time;
    trace->voltage[i] = v;
    trace->current[i] = p.current;
    trace->state[i] = x;
    if (trace->temperature != NULL) trace->temperature[i] = p.temperature;
}

static og_status run_piece(struct run *r, struct og_hysteresis *trace, double *x,
                           struct og_error *err)
{
    const struct og_drive *d = &r->device->drive;
    const double length = og_waveform_length(d, r->table, r->piece),
                 start = og_waveform_start(d, r->table, r->piece);
    for (int k = 1; k <= d->points; k++) {
        r->base = length * (k - 1) / d->points;
        const double step = length / d->points;
        OG_TRY(advance(r, step, fmin(step, length / PIECE_STEPS), x, err));
        r->base = 0;
        const double since = k == d->points ? length : length * k / d->points;
        put_row(r, trace, start + since, voltage(r, since), *x);
    }
    // Another piece is another function of time.
    gsl_odeiv2_driver_reset(r->driver);
    return OG_OK;
}

static og_status run_all(struct run *r, struct og_hysteresis *trace, struct og_error *err)
{
    const struct og_drive *d = &r->device->drive;
    double x;
    og_switching_range(r->device, &r->low, &r->high, &x);
    const double scale = r->law->relative ? r->low : r->high - r->low;
    if (r->law->corners != NULL) r->law->corners(r->device, r->corner);
    gsl_odeiv2_system system = {rate_at, slope_at, 1, r};
    r->h = 1e-6 * og_waveform_length(d, r->table, 0);
    r->driver = gsl_odeiv2_driver_alloc_y_new(
        &system, r->law->stiff ? gsl_odeiv2_step_msbdf : gsl_odeiv2_step_rkf45, r->h,
        d->tolerance * scale, r->law->relative ? d->tolerance : 0);
    if (r->driver == NULL)
        return og_fail(err, OG_NO_MEMORY, "out of memory while integrating %s",
                       r->device->name);
    put_row(r, trace, og_waveform_start(d, r->table, 0), voltage(r, 0), x);
    og_status status = OG_OK;
    const size_t pieces = og_waveform_pieces(d, r->table);
    for (r->piece = 0; r->piece < pieces && status == OG_OK; r->piece++)
        status = run_piece(r, trace, &x, err);
    gsl_odeiv2_driver_free(r->driver);
    trace->steps = r->steps;
    trace->evaluations = r->evaluations;
    return status;
}

static og_status alloc_trace(struct og_hysteresis *trace, size_t rows, bool temperature,
                             struct og_error *err)
{
    double **column[] = {&trace->time, &trace->voltage, &trace->current, &trace->state,
                         &trace->temperature};
    *trace = (struct og_hysteresis){0};
    for (int i = 0; i < 4 + temperature; i++) {
        *column[i] = og_alloc(rows, sizeof **column[i]);
        if (*column[i] == NULL)
            return og_fail(err, OG_NO_MEMORY, "out of memory for %zu rows", rows);
    }
    return OG_OK;
}

void og_hysteresis_free(struct og_hysteresis *trace)
{
    og_free(trace->time);
    og_free(trace->voltage);
    og_free(trace->current);
    og_free(trace->state);
    og_free(trace->temperature);
    *trace = (struct og_hysteresis){0};
}

og_status og_switching_simulate(const struct og_switching *device,
                                const struct og_voltage_table *table,
                                struct og_hysteresis *trace, struct og_error *err)
{
    const size_t pieces = og_waveform_pieces(&device->drive, table);
    const size_t rows = 1 + pieces * (size_t)device->drive.points;
    struct run r = {.device = device, .table = table};
    *trace = (struct og_hysteresis){0};
    if (pieces > ROWS_MAX / (size_t)device->drive.points)
        return og_fail(err, OG_USAGE,
                       "%s: %zu pieces of %d points are more than %d rows: fewer points "
                       "or cycles",
                       device->name, pieces, device->drive.points, ROWS_MAX);
    r.law = og_switching_law(device->model);
    OG_TRY(alloc_trace(trace, rows, r.law->temperature, err));
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    const og_status status = run_all(&r, trace, err);
    gsl_set_error_handler(handler);
    return status;
}
