// SPDX-License-Identifier: GPL-3.0-or-later
// Parameters of a device from measurements: least squares (GSL's nonlinear multifit) with
// 95 % intervals, residuals, and a device that the rest of the library reads.
// docs/device_fit.md says what is minimised.
// Errors: OG_INPUT names file and line of data that do not determine the parameters, or a
// fit that does not converge; OG_USAGE a file that cannot be read or written, or a
// setting that the model does not take; OG_NO_MEMORY. Thread-safety: fits are independent
// of each other.
#ifndef OHMGRID_FIT_H
#define OHMGRID_FIT_H

#include <stdio.h>

#include "ohmgrid/hardware.h"

#ifdef __cplusplus
extern "C" {
#endif

enum og_fit_model {
    // Columns target, programmed [S]. sigma(g) = sum_k c_k (g / g_ref)^k, the standard
    // deviation of programmed - target; maximum likelihood for normal errors.
    OG_FIT_PROGRAMMING,
    // Columns time [s], conductance [S], device (a number; optional). g = g_0 (t /
    // t_0)^-nu of each device, log g by least squares; nu over the devices normal with
    // mean offset (+ slope ln x, order 1), x = g_0 / g_max, and a spread.
    OG_FIT_DRIFT,
    // Columns voltage [V], current [A], curve (a number; optional).
    // I = g v_read sinh(a V) / sinh(a v_read), a common to all curves, g of each.
    OG_FIT_IV_SINH,
    // I = g (V + sum_k c_k V^k), k = 2 .. order, likewise.
    OG_FIT_IV_POLYNOMIAL,
    OG_FIT_MODELS
};
// As --model has it.
OG_API const char *og_fit_model_name(enum og_fit_model model);
// OG_USAGE when there is no such model.
OG_API og_status og_fit_model_find(enum og_fit_model *model, const char *name,
                                   struct og_error *err);

struct og_fit_task {
    const char *data;  // CSV file
    enum og_fit_model model;
    int order;      // 0 .. 5; -1: 2 (programming), 0 (drift), 3 (polynomial)
    double t_0;     // drift: [s]; 0: the smallest time of the data
    double v_read;  // I-V: [V] that g of the device belongs to; 0: that of the base, else
                    // the largest |V| of the data
    bool relative;  // I-V: errors proportional to the current, not constant
    const char *base;  // device that all else is taken from; NULL: the defaults
    const char *name;  // of the new device
};

struct og_fit_parameter {
    char name[32], units[8];
    double value, error;  // error: standard error
    double low, high;     // 95 % interval
};
enum { OG_FIT_CURVES = 256, OG_FIT_PARAMETERS = OG_FIT_CURVES + 16 };

struct og_fit {
    enum og_fit_model model;
    size_t rows, parameters;
    struct og_fit_parameter parameter[OG_FIT_PARAMETERS];
    // What was measured, what the model says, and the standard deviation about it that
    // the model or the residuals give: [rows], in the order of the file.
    double *x, *measured, *model_value, *sigma;
    const char *x_name, *x_units, *name, *units;
    double rms;     // root of the mean square of (measured - model) / sigma
    double inside;  // share of the rows within 1.96 sigma
    struct og_device device;
};
// OG_INPUT for bad or too few data. og_fit_free in any case.
OG_API og_status og_fit_run(struct og_fit *fit, const struct og_fit_task *task,
                            struct og_error *err);
OG_API void og_fit_free(struct og_fit *fit);
// A table of parameters, intervals and residuals; each line begins with `prefix`.
OG_API void og_fit_print(const struct og_fit *fit, const char *prefix, FILE *out);
// The device file, with that table as its comment. OG_INPUT where what was fitted is no
// device: currents that do not rise with the voltage, or no range of conductances.
OG_API og_status og_fit_write(const struct og_fit *fit, const char *path,
                              struct og_error *err);
// CSV: x, measured, model, sigma, in SI units.
OG_API og_status og_fit_write_residuals(const struct og_fit *fit, const char *path,
                                        struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
