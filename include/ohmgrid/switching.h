// SPDX-License-Identifier: GPL-3.0-or-later
// Switching devices: published compact models of a memristor under a voltage, I = I(V, x)
// and dx/dt = f(V, x) with one state variable x, integrated with error control. A model
// is code, a device is a file with its parameters (device_models/switching/). SI units.
// docs/switching_devices.md has the equations and their sources.
// Thread-safety: devices are independent of each other; files are written by one at a
// time.
#ifndef OHMGRID_SWITCHING_H
#define OHMGRID_SWITCHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum og_switching_kind {
    OG_VTEAM,         // Kvatinsky et al., IEEE TCAS-II 62 (2015)
    OG_ION_DRIFT,     // Strukov et al., Nature 453 (2008), with windows
    OG_YAKOPCIC,      // Yakopcic et al., IEEE EDL 32 (2011)
    OG_STANFORD_PKU,  // Jiang et al., IEEE SISPAD 2014
    OG_DATA_DRIVEN,   // Messaris et al., IEEE TCAD 37 (2018)
    OG_JART_V1B,      // Bengel et al., IEEE TCAS-I 67 (2020)
    OG_SWITCHING_KINDS
};

// x: position of the boundary, 0 (on) .. d (off) [m].
struct og_vteam {
    double r_on, r_off;          // [ohm] at x = 0 and x = d
    double d;                    // [m]
    double k_on, k_off;          // [m/s] below and above 0
    double alpha_on, alpha_off;  // exponents
    double v_on, v_off;          // [V] thresholds, below and above 0
    bool exponential;            // R between r_on and r_off
    double x_0;                  // [m] initial
};

enum og_window { OG_WINDOW_NONE, OG_JOGLEKAR, OG_BIOLEK, OG_PRODROMAKIS };
// x: doped part of the film, 0 (off) .. 1 (on).
struct og_ion_drift {
    double r_on, r_off;  // [ohm]
    double d;            // [m] thickness
    double mobility;     // [m2/V/s]
    double v_p, v_n;     // [V] no motion for v_n < V < v_p
    enum og_window window;
    int p;     // exponent of the window
    double j;  // scale of Prodromakis' window
    double x_0;
};

// x: 0 (off) .. 1 (on).
struct og_yakopcic {
    double a_1, a_2;          // [A] amplitude of the current, V >= 0 and V < 0
    double b;                 // [1/V]
    double v_p, v_n;          // [V] thresholds, both positive
    double a_p, a_n;          // [1/s] rates
    double x_p, x_n;          // where motion begins to slow down
    double alpha_p, alpha_n;  // how fast it does
    int eta;                  // 1: positive voltages raise x, -1: they lower it
    double x_0;
};

// x: gap between the filament and the electrode [m].
struct og_stanford_pku {
    double i_0;                  // [A]
    double g_0;                  // [m]
    double v_0;                  // [V]
    double t_0;                  // [K] ambient
    double r_th;                 // [K/W]
    double gamma_0, beta;        // local enhancement of the field
    double t_ox;                 // [m]
    double f_min;                // [V/m] no motion below
    double velocity;             // [m/s]
    double e_a;                  // [eV]
    double a_0;                  // [m] distance between sites
    double r_on, r_off, v_read;  // [ohm], [V]: the limits of the gap
    double gap_0;                // [m] initial
};

// x: resistance [ohm], r_on .. r_off.
struct og_data_driven {
    double a_p, a_n;                // [1/ohm/s] of the switching sensitivity
    double t_p, t_n;                // [V]
    double r_p0, r_p1, r_n0, r_n1;  // [ohm], [ohm/V] where motion ends: r_0 + r_1 V
    double a, b;                    // of the current; b in [1/V]
    double r_on, r_off;             // [ohm] limits
    double r_0;                     // [ohm] initial
};

// x: concentration of vacancies in the disc [1e26 / m3].
struct og_jart_v1b {
    double t_0;                   // [K]
    double eps, eps_phib;         // relative permittivities
    double phi_bn0, phi_n;        // [eV]
    double mobility;              // [m2/V/s]
    double n_min, n_max, n_plug;  // [1e26 / m3]
    double a;                     // [m] hopping distance
    double nu_0;                  // [1/s]
    double dw_a;                  // [eV]
    double r_th0;                 // [K/W]
    double reset_factor;          // on r_th0, for V > 0
    double r_det;                 // [m] radius that r_th0 holds for
    double radius;                // [m]
    double l_cell, l_det;         // [m]
    double r_tiox, r_0;           // [ohm]
    double r_th_line;             // [K/W]
    double alpha_line;            // [1/K]
    int z;                        // charge number
    double richardson;            // [A/m2/K2]
    double n_0;                   // [1e26 / m3] initial
};

enum og_waveform { OG_SINE, OG_TRIANGLE, OG_PULSE };
// What drives the device unless a table does. Each cycle has four quarters: up to
// amplitude, back to 0, down to -amplitude_negative, back (sine, triangle); or at
// amplitude, at 0, at -amplitude_negative, at 0 (pulse).
struct og_drive {
    enum og_waveform waveform;
    double amplitude;           // [V]
    double amplitude_negative;  // [V] of the other half; 0: the same
    double frequency;           // [Hz]
    int cycles;
    int points;        // rows of the result in each quarter (segment of a table)
    double tolerance;  // of one step: of the range of x (JART: of x itself)
};

struct og_switching {
    char name[64], title[256], citation[1024];
    enum og_switching_kind model;
    union {
        struct og_vteam vteam;
        struct og_ion_drift ion_drift;
        struct og_yakopcic yakopcic;
        struct og_stanford_pku stanford_pku;
        struct og_data_driven data_driven;
        struct og_jart_v1b jart_v1b;
    } u;
    struct og_drive drive;
};

// --- device files ----------------------------------------------------------------------
// Looks `name` up like og_device_read, in device_models/switching; then sets "key=value"
// (r_on=100 and drive.cycles=2 for instance), in order.
OG_API og_status og_switching_read(struct og_switching *device, const char *name,
                                   const char *const *set, size_t sets,
                                   struct og_error *err);
// Names of all that can be found; the caller frees list and names (free()).
OG_API char **og_switching_names(size_t *n);
// Whether the file that `name` leads to is one of a switching device.
OG_API bool og_switching_is(const char *name);
// As YAML that reads back to the same values.
OG_API void og_switching_print(const struct og_switching *device, FILE *out);
// Every key with unit, range, default and sentence, model by model.
OG_API void og_switching_print_keys(FILE *out);
// As the key `model` has it.
OG_API const char *og_switching_model_name(enum og_switching_kind model);

// --- physics ---------------------------------------------------------------------------
struct og_switching_point {
    double current;      // [A]
    double rate;         // dx/dt, in units of x per second; 0 where a limit holds x
    double temperature;  // [K]; NaN where the model has none
};
// At `voltage` [V] in the state x; nothing is integrated.
OG_API struct og_switching_point og_switching_at(const struct og_switching *device,
                                                 double voltage, double x);
// Limits of x, and where it starts; NULL: not asked for.
OG_API void og_switching_range(const struct og_switching *device, double *low,
                               double *high, double *start);
// What x is: "gap"; its units: "m" ("1": none). Both borrowed.
OG_API const char *og_switching_state(const struct og_switching *device,
                                      const char **units);

// --- simulation ------------------------------------------------------------------------
// Voltages at rising times, linear between them.
struct og_voltage_table {
    size_t n;
    double *time, *voltage;  // [s], [V]
};
// Reads a CSV file with the columns time and voltage. Free also what a failure leaves.
OG_API og_status og_voltage_table_read(struct og_voltage_table *table, const char *path,
                                       struct og_error *err);
OG_API void og_voltage_table_free(struct og_voltage_table *table);

struct og_hysteresis {
    size_t n;
    double *time, *voltage, *current, *state;  // [n]
    double *temperature;                       // [n], or NULL where the model has none
    size_t steps, evaluations;                 // of the integrator
};
// GSL's adaptive Runge-Kutta-Fehlberg 4(5), or BDF where the model is stiff. `table`:
// NULL, or instead of device->drive's waveform. OG_INPUT: no number comes out at some
// voltage; OG_FAILED: too many steps. Free the trace in any case.
OG_API og_status og_switching_simulate(const struct og_switching *device,
                                       const struct og_voltage_table *table,
                                       struct og_hysteresis *trace, struct og_error *err);
OG_API void og_hysteresis_free(struct og_hysteresis *trace);
// HDF5: group /simulation with time as the scale of voltage, current, state and
// temperature; the device as YAML and provenance as root attributes. og_result_plot draws
// it. `source`: what drove it if that was a table, else NULL.
OG_API og_status og_hysteresis_write(const char *out, const struct og_switching *device,
                                     const struct og_hysteresis *trace,
                                     const char *source, const char *command,
                                     struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
