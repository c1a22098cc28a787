// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of what time does to devices, and of what is done against it; thermal noise.
// None of it reaches calibrated ranges or what is programmed: stage evaluate.
#include "config/tables.h"

#define E OG_STAGE_EVALUATE

static const struct og_field law_fields[] = {
    {"offset", OG_FIELD_REAL, offsetof(struct og_law, offset), 0, NULL, -100, 100, NULL,
     "0", E, "Constant part; alone, the value at every x = g / g_max.", NULL, NULL},
    {"slope", OG_FIELD_REAL, offsetof(struct og_law, slope), 0, NULL, -100, 100, NULL,
     "0", E, "Times ln x.", NULL, NULL},
    {"factor", OG_FIELD_REAL, offsetof(struct og_law, factor), 0, NULL, -100, 100, NULL,
     "0", E, "Times x^exponent.", NULL, NULL},
    {"exponent", OG_FIELD_REAL, offsetof(struct og_law, exponent), 0, NULL, -10, 10, NULL,
     "0", E, "Of x, with factor.", NULL, NULL},
    {"min", OG_FIELD_REAL, offsetof(struct og_law, min), 0, NULL, 0, 100, NULL, "0", E,
     "Lower limit of these three together.", NULL, NULL},
    {"max", OG_FIELD_REAL, offsetof(struct og_law, max), 0, NULL, 0, 100, NULL, "1", E,
     "Upper limit of these three together.", NULL, NULL},
    {"above", OG_FIELD_REAL, offsetof(struct og_law, above), 0, NULL, 0, 100, NULL, "0",
     E, "From this x on the polynomial holds, where coefficients are given.", NULL, NULL},
    {"coefficients", OG_FIELD_LIST, offsetof(struct og_law, coefficients), 0, NULL, -1e6,
     1e6, NULL, "[]", E,
     "Polynomial in x from the power 0 up; negative values of it count as 0.", NULL,
     NULL},
    {"scale", OG_FIELD_REAL, offsetof(struct og_law, scale), 0, NULL, 0, 1000, NULL, "1",
     E, "Multiplies the result; 1 is as published, 0 switches it off.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_drift_fields[] = {
    {"t_0", OG_FIELD_REAL, offsetof(struct og_device, drift.t_0), 0, "s", 1e-9, 1e11,
     NULL, "20 s", E,
     "Time after programming at which `program` holds and from which t_inference counts.",
     NULL, NULL},
    {"nu", OG_FIELD_BLOCK, offsetof(struct og_device, drift.nu), 0, NULL, 0, 0, NULL,
     NULL, E, "Mean drift exponent of a device written to x.", law_fields, "offset"},
    {"spread", OG_FIELD_BLOCK, offsetof(struct og_device, drift.spread), 0, NULL, 0, 0,
     NULL, NULL, E, "Standard deviation of the exponents of devices written to x.",
     law_fields, "offset"},
    {.key = NULL},
};

const struct og_field og_flicker_fields[] = {
    {"mode", OG_FIELD_CHOICE, offsetof(struct og_device, flicker.mode), 0, NULL, 0, 0,
     "frozen correlated", "frozen", E,
     "One number for a device and a chip, or processes that go on along the read clock "
     "(hardware.t_cycle, t_sample).",
     NULL, NULL},
    {"t_read", OG_FIELD_REAL, offsetof(struct og_device, flicker.t_read), 0, "s", 1e-12,
     1, NULL, "250 ns", E, "Duration of a read.", NULL, NULL},
    {"q", OG_FIELD_BLOCK, offsetof(struct og_device, flicker.q), 0, NULL, 0, 0, NULL,
     NULL, E,
     "Relative standard deviation for each unit of sqrt(ln((t + t_read) / (2 t_read))), "
     "t "
     "since programming.",
     law_fields, "offset"},
    {.key = NULL},
};

const struct og_field og_compensation_fields[] = {
    {"mode", OG_FIELD_CHOICE, offsetof(struct og_hardware, compensation.mode), 0, NULL, 0,
     0, "none global per_column", "none", E,
     "One factor for each matrix, or for each of its columns: the mean size of the "
     "outputs of calibration reads at t_0 over that at t_inference.",
     NULL, NULL},
    {"reads", OG_FIELD_INT, offsetof(struct og_hardware, compensation.reads), 0, NULL, 1,
     4096, NULL, "32", E,
     "Calibration reads at each of the two times: random inputs over the whole range, "
     "with all noise and converters.",
     NULL, NULL},
    {.key = NULL},
};

const struct og_field og_rtn_fields[] = {
    {"fraction", OG_FIELD_REAL, offsetof(struct og_device, rtn.fraction), 0, NULL, 0, 1,
     NULL, "0", E, "Part of the devices that have it.", NULL, NULL},
    {"amplitude", OG_FIELD_REAL, offsetof(struct og_device, rtn.amplitude), 0, NULL, 0, 2,
     NULL, "0", E, "Difference of the two states as a fraction of g.", NULL, NULL},
    {"t_low", OG_FIELD_REAL, offsetof(struct og_device, rtn.t_low), 0, "s", 1e-12, 1e9,
     NULL, "1 us", E, "Mean time in the state of lower conductance.", NULL, NULL},
    {"t_high", OG_FIELD_REAL, offsetof(struct og_device, rtn.t_high), 0, "s", 1e-12, 1e9,
     NULL, "1 us", E, "Mean time in the state of higher conductance.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_thermal_fields[] = {
    {"law", OG_FIELD_CHOICE, offsetof(struct og_hardware, thermal.law), 0, NULL, 0, 0,
     "none thermal_only thermal_shot", "none", E,
     "Spectral density of a device's current: 4 k T g, or 2 q |I| coth(q |V| / 2 k T), "
     "which is the same at V = 0.",
     NULL, NULL},
    {"bandwidth", OG_FIELD_REAL, offsetof(struct og_hardware, thermal.bandwidth), 0, "Hz",
     0, 1e12, NULL, "0 Hz", E, "Noise bandwidth of a read.", NULL, NULL},
    {"temperature", OG_FIELD_REAL, offsetof(struct og_hardware, thermal.temperature), 0,
     "K", 1e-3, 2000, NULL, "300 K", E, "Of the devices.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_retention_fields[] = {
    {"t", OG_FIELD_LIST, offsetof(struct og_device, retention.t), 0, "s", 1e-9, 1e11,
     NULL, "[]", E, "The times after t_0 that were measured, rising.", NULL, NULL},
    {"sigma", OG_FIELD_LIST, offsetof(struct og_device, retention.sigma), 0, "S", -1, 1,
     NULL, "[]", E,
     "Standard deviation: for each time the coefficients in target / g_ref from the "
     "power "
     "0 up, all times equally many; negative values count as 0.",
     NULL, NULL},
    {"mean", OG_FIELD_LIST, offsetof(struct og_device, retention.mean), 0, "S", -1, 1,
     NULL, "[]", E, "Mean change, in the same form; none: 0.", NULL, NULL},
    {"limit", OG_FIELD_LIST, offsetof(struct og_device, retention.limit), 0, "S", 0, 1,
     NULL, "[]", E,
     "Instead of sigma, one for each time: limit (1 - exp(-target / g_rise)).", NULL,
     NULL},
    {"g_rise", OG_FIELD_LIST, offsetof(struct og_device, retention.g_rise), 0, "S", 1e-15,
     1, NULL, "[]", E, "With limit, one for each time.", NULL, NULL},
    {"g_ref", OG_FIELD_REAL, offsetof(struct og_device, retention.g_ref), 0, "S", 0, 1,
     NULL, "0", E, "What the target is divided by; 0 means g_max.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_disturb_fields[] = {
    {"reads", OG_FIELD_REAL, offsetof(struct og_device, disturb.reads), 0, NULL, 0, 1e18,
     NULL, "0", E,
     "Reads after which 1 / e of the way to g_end is left (beta 1); 0: none.", NULL,
     NULL},
    {"beta", OG_FIELD_REAL, offsetof(struct og_device, disturb.beta), 0, NULL, 0.01, 10,
     NULL, "1", E, "Exponent of the number of reads.", NULL, NULL},
    {"g_end", OG_FIELD_REAL, offsetof(struct og_device, disturb.g_end), 0, "S", 0, 1,
     NULL, "0 S", E, "Conductance that reads lead to.", NULL, NULL},
    {.key = NULL},
};
