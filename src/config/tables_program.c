// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of what one pulse does to a device, of its faults, and of how it is written.
#include "config/tables.h"

#define P OG_STAGE_PROGRAM

const struct og_field og_pulse_fields[] = {
    {"law", OG_FIELD_CHOICE, offsetof(struct og_device, pulse.law), 0, NULL, 0, 0,
     "exponential linear soft_bounds exp_step", "exponential", P,
     "How the change depends on the conductance (docs/pulsed_devices.md).", NULL, NULL},
    {"up", OG_FIELD_REAL, offsetof(struct og_device, pulse.up), 0, "S", 0, 1, NULL, "0 S",
     P,
     "Mean change by a pulse that raises the conductance, where the law is 1: "
     "exponential at g_min, linear and soft_bounds at g_zero.",
     NULL, NULL},
    {"down", OG_FIELD_REAL, offsetof(struct og_device, pulse.down), 0, "S", 0, 1, NULL,
     "0 S", P, "The same of pulses that lower it; exponential at g_max.", NULL, NULL},
    {"nonlinearity_up", OG_FIELD_REAL, offsetof(struct og_device, pulse.nonlinearity_up),
     0, NULL, 0, 50, NULL, "0", P,
     "Law exponential: pulses that raise it change it by exp(-nonlinearity_up) times "
     "less at g_max than at g_min; 0: alike everywhere.",
     NULL, NULL},
    {"nonlinearity_down", OG_FIELD_REAL,
     offsetof(struct og_device, pulse.nonlinearity_down), 0, NULL, 0, 50, NULL, "0", P,
     "The same of pulses that lower it, at g_min.", NULL, NULL},
    {"g_zero", OG_FIELD_REAL, offsetof(struct og_device, pulse.g_zero), 0, "S", 0, 1,
     NULL, "0 S", P, "Conductance of the weight 0, of all laws but exponential.", NULL,
     NULL},
    {"gamma_up", OG_FIELD_REAL, offsetof(struct og_device, pulse.gamma_up), 0, NULL, -100,
     100, NULL, "0", P,
     "Law linear: part of the change that is lost from g_zero to g_max; exp_step: factor "
     "in the exponent.",
     NULL, NULL},
    {"gamma_down", OG_FIELD_REAL, offsetof(struct og_device, pulse.gamma_down), 0, NULL,
     -100, 100, NULL, "0", P, "The same of pulses that lower it, towards g_min.", NULL,
     NULL},
    {"gamma_d2d", OG_FIELD_REAL, offsetof(struct og_device, pulse.gamma_d2d), 0, NULL, 0,
     10, NULL, "0", P, "Law linear: spread of gamma_up and gamma_down over devices.",
     NULL, NULL},
    {"A_up", OG_FIELD_REAL, offsetof(struct og_device, pulse.A_up), 0, NULL, -1000, 1000,
     NULL, "0", P, "Law exp_step: factor of the exponential, of pulses that raise it.",
     NULL, NULL},
    {"A_down", OG_FIELD_REAL, offsetof(struct og_device, pulse.A_down), 0, NULL, -1000,
     1000, NULL, "0", P, "The same of pulses that lower it.", NULL, NULL},
    {"a", OG_FIELD_REAL, offsetof(struct og_device, pulse.a), 0, NULL, -100, 100, NULL,
     "0", P, "Law exp_step: z = 2 a (g - g_zero) / (g_max - g_min) + b.", NULL, NULL},
    {"b", OG_FIELD_REAL, offsetof(struct og_device, pulse.b), 0, NULL, -100, 100, NULL,
     "0", P, "The same.", NULL, NULL},
    {"asymmetry", OG_FIELD_REAL, offsetof(struct og_device, pulse.asymmetry), 0, NULL, -1,
     1, NULL, "0", P,
     "Above 0: pulses down are smaller by this part; below 0: pulses up.", NULL, NULL},
    {"asymmetry_d2d", OG_FIELD_REAL, offsetof(struct og_device, pulse.asymmetry_d2d), 0,
     NULL, 0, 10, NULL, "0", P,
     "Spread over devices of what up has more and down has less.", NULL, NULL},
    {"c2c", OG_FIELD_REAL, offsetof(struct og_device, pulse.c2c), 0, NULL, 0, 100, NULL,
     "0", P, "Relative spread of the change from pulse to pulse.", NULL, NULL},
    {"d2d", OG_FIELD_REAL, offsetof(struct og_device, pulse.d2d), 0, NULL, 0, 10, NULL,
     "0", P, "Relative spread of the change from device to device.", NULL, NULL},
    {"additive", OG_FIELD_BOOL, offsetof(struct og_device, pulse.additive), 0, NULL, 0, 0,
     NULL, "false", P,
     "Whether c2c is relative to up and down, whatever the law makes of them.", NULL,
     NULL},
    {"c2c_add", OG_FIELD_REAL, offsetof(struct og_device, pulse.c2c_add), 0, "S", 0, 1,
     NULL, "0 S", P, "Added to the change that c2c is relative to.", NULL, NULL},
    {"c2c_slope", OG_FIELD_REAL, offsetof(struct og_device, pulse.c2c_slope), 0, NULL, 0,
     100, NULL, "0", P, "This part of |g - g_zero| is added as well.", NULL, NULL},
    {"write_noise", OG_FIELD_REAL, offsetof(struct og_device, pulse.write_noise), 0, "S",
     0, 1, NULL, "0 S", P,
     "Rms of what is read after a pulse about the state that the next pulse goes on "
     "from; drawn once for each pulse.",
     NULL, NULL},
    {"d2d_law", OG_FIELD_CHOICE, offsetof(struct og_device, pulse.d2d_law), 0, NULL, 0, 0,
     "normal lognormal", "normal", P,
     "Distribution of d2d: 1 + d2d xi, or exp(d2d xi), with xi normal.", NULL, NULL},
    {"mirror", OG_FIELD_BOOL, offsetof(struct og_device, pulse.mirror), 0, NULL, 0, 0,
     NULL, "false", P,
     "Whether own limits on the wrong side of g_zero, and pulses of the wrong sign, are "
     "mirrored instead of cut off.",
     NULL, NULL},
    {"reference", OG_FIELD_CHOICE, offsetof(struct og_device, pulse.reference), 0, NULL,
     0, 0, "none symmetry_point", "none", P,
     "Law soft_bounds: what a reference device of each device takes away: nothing, or "
     "what "
     "is above g_zero where its pulses up and down are alike.",
     NULL, NULL},
    {"reference_d2d", OG_FIELD_REAL, offsetof(struct og_device, pulse.reference_d2d), 0,
     "S", 0, 1, NULL, "0 S", P, "Law soft_bounds: spread of these reference devices.",
     NULL, NULL},
    {.key = NULL},
};

const struct og_field og_fault_fields[] = {
    {"p_lrs", OG_FIELD_REAL, offsetof(struct og_device, faults.p_lrs), 0, NULL, 0, 1,
     NULL, "0", P, "Probability that a device is stuck in the low-resistance (on) state.",
     NULL, NULL},
    {"p_hrs", OG_FIELD_REAL, offsetof(struct og_device, faults.p_hrs), 0, NULL, 0, 1,
     NULL, "0", P,
     "Probability that a device is stuck in the high-resistance (off) state.", NULL,
     NULL},
    {"g_lrs", OG_FIELD_REAL, offsetof(struct og_device, faults.g_lrs), 0, "S", 0, 1, NULL,
     "0", P, "Conductance of a device that is stuck on; 0 means g_max.", NULL, NULL},
    {"g_hrs", OG_FIELD_REAL, offsetof(struct og_device, faults.g_hrs), 0, "S", 0, 1, NULL,
     "0", P, "Conductance of a device that is stuck off.", NULL, NULL},
    {"p_open", OG_FIELD_REAL, offsetof(struct og_device, faults.p_open), 0, NULL, 0, 1,
     NULL, "0", P, "Probability that a device is open: it conducts nothing.", NULL, NULL},
    {"p_short", OG_FIELD_REAL, offsetof(struct og_device, faults.p_short), 0, NULL, 0, 1,
     NULL, "0", P, "Probability that a device is short: it conducts g_short.", NULL,
     NULL},
    {"g_short", OG_FIELD_REAL, offsetof(struct og_device, faults.g_short), 0, "S", 0, 1,
     NULL, "0 S", P, "Conductance of a device that is short.", NULL, NULL},
    {.key = NULL},
};

// Of struct og_hardware, whose device holds them.
#define OG_WRITE(member) offsetof(struct og_hardware, device.write.member)
const struct og_field og_program_fields[] = {
    {"mode", OG_FIELD_CHOICE, OG_WRITE(mode), 0, NULL, 0, 0, "direct write_verify",
     "direct", P,
     "direct: one write, with the error of device.program; write_verify: reads and "
     "pulses "
     "(device.pulse) until the conductance is accepted or the pulses are used up.",
     NULL, NULL},
    {"start", OG_FIELD_CHOICE, OG_WRITE(start), 0, NULL, 0, 0, "erased direct", "erased",
     P,
     "Mode write_verify begins with each device at its g_min (device.program then has no "
     "part in it), or as mode direct leaves it.",
     NULL, NULL},
    {"acceptance", OG_FIELD_REAL, OG_WRITE(acceptance), 0, NULL, 1e-6, 1, NULL, "0.01", P,
     "Accepted is what a verify read finds this close to the target, as a part of g_max "
     "- "
     "g_min.",
     NULL, NULL},
    {"pulses", OG_FIELD_INT, OG_WRITE(pulses), 0, NULL, 1, 65535, NULL, "100", P,
     "Most pulses for one device; where they do not suffice it stays as it is.", NULL,
     NULL},
    {"noise", OG_FIELD_REAL, OG_WRITE(noise), 0, "S", 0, 1, NULL, "0 S", P,
     "Rms noise of each verify read.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_fault_map_fields[] = {
    {"file", OG_FIELD_TEXT, offsetof(struct og_hardware, fault_map.file),
     sizeof((struct og_hardware *)0)->fault_map.file, NULL, 0, 0, NULL, "", P,
     "HDF5 file with the faults of every matrix, instead of draws: int8 [sets, word "
     "lines, "
     "bit lines] named after the matrix; 0 healthy, 1 stuck at g_hrs, 2 at g_lrs, 3 "
     "open, "
     "4 short. output.faults writes such datasets.",
     NULL, NULL},
    {"group", OG_FIELD_TEXT, offsetof(struct og_hardware, fault_map.group),
     sizeof((struct og_hardware *)0)->fault_map.group, NULL, 0, 0, NULL, "", P,
     "Group of that file that holds the datasets, such as faults/p0; empty: the root.",
     NULL, NULL},
    {"sha256", OG_FIELD_TEXT, offsetof(struct og_hardware, fault_map.sha256),
     sizeof((struct og_hardware *)0)->fault_map.sha256, NULL, 0, 0, NULL, "", P,
     "Digests (separated by blanks) that the file may have; empty: any.", NULL, NULL},
    {.key = NULL},
};
