// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of a technology. They change no result but costs.
#include "config/tables.h"

#define E OG_STAGE_EVALUATE

static const struct og_field cell_fields[] = {
    {"area", OG_FIELD_REAL, offsetof(struct og_technology, cell.area), 0, "m2", 0, 1,
     NULL, "0", E, "Of one device, with its selector.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field read_fields[] = {
    {"time", OG_FIELD_REAL, offsetof(struct og_technology, read.time), 0, "s", 0, 1, NULL,
     "0", E,
     "Word lines are driven for so long in one pass (all rows of a group, one bit, one "
     "sign).",
     NULL, NULL},
    {"pulse", OG_FIELD_REAL, offsetof(struct og_technology, read.pulse), 0, "s", 0, 1,
     NULL, "0", E,
     "Encoding pulse_width: one step of the width; a pass takes the widest pulse where "
     "that is more than `time`.",
     NULL, NULL},
    {.key = NULL},
};
// Blocks of one struct each: offsets count from its start.
static const struct og_field part_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_part_cost, energy), 0, "J", 0, 1, NULL,
     "0", E, "Of one use.", NULL, NULL},
    {"area", OG_FIELD_REAL, offsetof(struct og_part_cost, area), 0, "m2", 0, 1, NULL, "0",
     E, "Of one such part.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field dac_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_technology, dac.at.energy), 0, "J", 0, 1,
     NULL, "0", E, "Of one word line in one pass, at `bits` bits.", NULL, NULL},
    {"area", OG_FIELD_REAL, offsetof(struct og_technology, dac.at.area), 0, "m2", 0, 1,
     NULL, "0", E, "Of one word line, at `bits` bits.", NULL, NULL},
    {"bits", OG_FIELD_INT, offsetof(struct og_technology, dac.bits), 0, NULL, 1, 16, NULL,
     "1", E, "What energy and area are given for.", NULL, NULL},
    {"growth", OG_FIELD_REAL, offsetof(struct og_technology, dac.growth), 0, NULL, 1, 4,
     NULL, "2", E, "Factor on energy and area for each bit more.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field adc_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_technology, adc.at.energy), 0, "J", 0, 1,
     NULL, "0", E, "Of one conversion, at `bits` bits.", NULL, NULL},
    {"area", OG_FIELD_REAL, offsetof(struct og_technology, adc.at.area), 0, "m2", 0, 1,
     NULL, "0", E, "Of one converter, at `bits` bits.", NULL, NULL},
    {"bits", OG_FIELD_INT, offsetof(struct og_technology, adc.bits), 0, NULL, 1, 16, NULL,
     "8", E, "What energy and area are given for.", NULL, NULL},
    {"energy_growth", OG_FIELD_REAL, offsetof(struct og_technology, adc.energy_growth), 0,
     NULL, 1, 4, NULL, "2", E,
     "Factor on the energy for each bit more; 2 is a constant energy per level.", NULL,
     NULL},
    {"area_growth", OG_FIELD_REAL, offsetof(struct og_technology, adc.area_growth), 0,
     NULL, 1, 4, NULL, "2", E, "Factor on the area for each bit more.", NULL, NULL},
    {"bit_time", OG_FIELD_REAL, offsetof(struct og_technology, adc.bit_time), 0, "s", 0,
     1, NULL, "0", E, "Of a conversion, for each bit.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field ramp_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_technology, ramp.column.energy), 0, "J",
     0, 1, NULL, "0", E, "Of a column's comparator and counter in one clock.", NULL,
     NULL},
    {"area", OG_FIELD_REAL, offsetof(struct og_technology, ramp.column.area), 0, "m2", 0,
     1, NULL, "0", E, "Of a column's comparator and counter.", NULL, NULL},
    {"clock", OG_FIELD_REAL, offsetof(struct og_technology, ramp.clock), 0, "s", 0, 1,
     NULL, "0", E, "One step of a ramp; a conversion of n bits takes 2^n.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field write_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_technology, write.energy), 0, "J", 0, 1,
     NULL, "0", E, "Of one programming pulse.", NULL, NULL},
    {"time", OG_FIELD_REAL, offsetof(struct og_technology, write.time), 0, "s", 0, 1,
     NULL, "0", E, "Of one programming pulse.", NULL, NULL},
    {"verify_energy", OG_FIELD_REAL, offsetof(struct og_technology, write.verify_energy),
     0, "J", 0, 1, NULL, "0", E, "Of one verify read, with its conversion.", NULL, NULL},
    {"verify_time", OG_FIELD_REAL, offsetof(struct og_technology, write.verify_time), 0,
     "s", 0, 1, NULL, "0", E, "Of one verify read, with its conversion.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field add_fields[] = {
    {"energy", OG_FIELD_REAL, offsetof(struct og_technology, add.at.energy), 0, "J", 0, 1,
     NULL, "0", E, "Of shifting one code and adding it to a sum.", NULL, NULL},
    {"area", OG_FIELD_REAL, offsetof(struct og_technology, add.at.area), 0, "m2", 0, 1,
     NULL, "0", E, "Of one adder; there is one for each ADC.", NULL, NULL},
    {"time", OG_FIELD_REAL, offsetof(struct og_technology, add.time), 0, "s", 0, 1, NULL,
     "0", E, "Of one addition on the way to the output.", NULL, NULL},
    {.key = NULL},
};

const struct og_field og_technology_fields[] = {
    {"name", OG_FIELD_TEXT, offsetof(struct og_technology, name),
     sizeof((struct og_technology *)0)->name, NULL, 0, 0, NULL, "", E,
     "Technology file that gives all keys not given here: a name or a path. Without a "
     "name energy, latency and area are not counted.",
     NULL, NULL},
    {"title", OG_FIELD_TEXT, offsetof(struct og_technology, title),
     sizeof((struct og_technology *)0)->title, NULL, 0, 0, NULL, "", OG_STAGE_OUTPUT,
     "What the technology is, in one line.", NULL, NULL},
    {"citation", OG_FIELD_TEXT, offsetof(struct og_technology, citation),
     sizeof((struct og_technology *)0)->citation, NULL, 0, 0, NULL, "", OG_STAGE_OUTPUT,
     "Where the numbers come from.", NULL, NULL},
    {"ideal_bits", OG_FIELD_INT, offsetof(struct og_technology, ideal_bits), 0, NULL, 1,
     16, NULL, "8", E, "Bits that converters of 0 bits (ideal) are counted with.", NULL,
     NULL},
    {"cell", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E, "A device.", cell_fields,
     NULL},
    {"read", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E, "Times of a read.",
     read_fields, NULL},
    {"driver", OG_FIELD_BLOCK, offsetof(struct og_technology, driver), 0, NULL, 0, 0,
     NULL, NULL, E, "Of a word line; one use: a pass.", part_fields, NULL},
    {"dac", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Of a word line; with bit_serial and pulse_width it has 1 bit.", dac_fields, NULL},
    {"sample", OG_FIELD_BLOCK, offsetof(struct og_technology, sample), 0, NULL, 0, 0,
     NULL, NULL, E, "Sample-and-hold of a column; one use: a conversion.", part_fields,
     NULL},
    {"subtract", OG_FIELD_BLOCK, offsetof(struct og_technology, subtract), 0, NULL, 0, 0,
     NULL, NULL, E, "Analog difference of two columns; one use: a conversion.",
     part_fields, NULL},
    {"adc", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E, "Output converters.",
     adc_fields, NULL},
    {"ramp", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Ramp converters (adc.kind ramp) instead of those of adc; their cells count as "
     "devices.",
     ramp_fields, NULL},
    {"add", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E, "Shift-and-add.", add_fields,
     NULL},
    {"input_buffer", OG_FIELD_BLOCK, offsetof(struct og_technology, input_buffer), 0,
     NULL, 0, 0, NULL, NULL, E, "Of one bit of an input; one use: a pass over it.",
     part_fields, NULL},
    {"output_buffer", OG_FIELD_BLOCK, offsetof(struct og_technology, output_buffer), 0,
     NULL, 0, 0, NULL, NULL, E,
     "Of one bit of a tile's output; one use: an input vector.", part_fields, NULL},
    {"write", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Of writing one device (hardware.program.mode write_verify).", write_fields, NULL},
    {.key = NULL},
};
