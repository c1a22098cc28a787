// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of a crossbar tile take in energy, time and area: plain data from a
// technology file. SI units. See cost.h for what is counted.
// Thread-safety: plain data.
#ifndef OHMGRID_TECHNOLOGY_H
#define OHMGRID_TECHNOLOGY_H

#ifdef __cplusplus
extern "C" {
#endif

struct og_part_cost {
    double energy;  // [J] of one use
    double area;    // [m2]
};

struct og_technology {
    char name[64], title[256], citation[1024];  // without a name nothing is counted
    int ideal_bits;                             // charged for converters of 0 bits
    struct {
        double area;  // [m2] of one device
    } cell;
    struct {
        double time;   // [s] word lines are driven for in one pass
        double pulse;  // [s] of one step of a pulse width; passes take longer if need be
    } read;
    struct og_part_cost driver;  // of a word line; one use: a pass
    struct {
        struct og_part_cost at;  // of `bits` bits
        int bits;
        double growth;             // factor for each bit more
    } dac;                         // of a word line; one use: a pass
    struct og_part_cost sample;    // sample-and-hold of a column; one use: a conversion
    struct og_part_cost subtract;  // analog difference of two columns, likewise
    struct {
        struct og_part_cost at;  // of `bits` bits
        int bits;
        double energy_growth, area_growth;  // factors for each bit more
        double bit_time;                    // [s] per bit of a conversion
    } adc;
    struct {
        struct og_part_cost column;  // comparator and counter; one use: a clock
        double clock;                // [s] of one step; a conversion takes 2^bits
    } ramp;
    struct {
        struct og_part_cost at;  // one for each ADC; one use: a code added to a sum
        double time;             // [s]
    } add;
    struct og_part_cost input_buffer, output_buffer;  // of one bit; one use: an access
    struct {
        double energy, time;                // [J], [s] of one programming pulse
        double verify_energy, verify_time;  // of one verify read, with its conversion
    } write;
};

#ifdef __cplusplus
}
#endif
#endif
