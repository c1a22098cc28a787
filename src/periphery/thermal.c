// SPDX-License-Identifier: GPL-3.0-or-later
// Thermal and shot noise in one law. The current of an ohmic device of conductance g at V
// has the spectral density S = 2 q |I| coth(q |V| / 2 k T) (van der Ziel, Noise in Solid
// State Devices and Circuits, 1986), which is 4 k T g at V = 0 and 2 q |I| far above k T
// / q; thermal_only is 4 k T g at any V. A read of bandwidth B then has the variance S B
// in every device, driven or not, white from read to read: with phi = S / (4 k T g) it is
// linear in g, and the variance of a column is a product of its devices and phi.
//
// In steps: a line at v_read drives with D (og_full_drive), and 1 S is worth gain /
// (g_max
// - g_min), so Var = sum_i D_i^2 phi(V_i) s_ij, s = 4 k T B g (gain / (g_max - g_min) /
// v_read)^2 over all devices of a weight.
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "periphery/wired.h"

static const double boltzmann = 1.380649e-23;  // [J / K]
static const double charge = 1.602176634e-19;  // [C]

static bool shot(const struct og_array *a)
{
    return a->map.hw.thermal.law == OG_THERMAL_SHOT;
}

bool og_thermal_alloc(struct og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    const size_t rows = a->map.rows, cols = a->map.cols;
    bool ok = true;
    if (hw->thermal.law == OG_THERMAL_NONE) return true;
    if (hw->mapping.scheme == OG_OFFSET && hw->mapping.reference == OG_REFERENCE_COLUMN)
        ok &= (a->ref_s = og_alloc(rows * a->map.col_tiles, sizeof *a->ref_s)) != NULL;
    if (hw->read_noise == OG_NOISE_DEVICE) {
        size_t sets = (size_t)(a->map.slices * a->copies * og_mapping_sides(&a->map));
        a->device_s = og_alloc(rows * cols * sets, sizeof *a->device_s);
        return ok && a->device_s != NULL;
    }
    ok &= (a->s = og_alloc(rows * cols * (size_t)a->sides, sizeof *a->s)) != NULL;
    for (int k = 0; k < a->units; k++) {
        struct og_unit *u = &a->unit[k];
        if (shot(a))
            ok &= (u->s = og_packed_alloc(u->rows, cols)) != NULL;
        else
            ok &= (u->thermal = og_alloc(cols, sizeof *u->thermal)) != NULL;
    }
    return ok;
}

void og_thermal_free(struct og_array *a)
{
    for (int k = 0; a->unit != NULL && k < a->units_allocated; k++) {
        og_packed_free(a->unit[k].s);
        og_free(a->unit[k].thermal);
    }
    og_free(a->s);
    og_free(a->ref_s);
    og_free(a->device_s);
}

float og_thermal_of(const struct og_array *a, int side)
{
    const struct og_hardware *hw = &a->map.hw;
    const struct og_device *d = &hw->device;
    const double worth = (double)og_mapping_gain(&a->map, side) /
                         ((d->g_max - d->g_min) * d->v_read * a->copies);
    return (float)(4 * boltzmann * hw->thermal.temperature * hw->thermal.bandwidth *
                   worth * worth);
}

bool og_needs_thermal(const struct og_array *a)
{
    return (a->s != NULL && shot(a)) || a->ref_s != NULL || a->device_s != NULL;
}

// x coth x, of word line i; behind wires with what its devices have of the voltage on
// average.
static float phi_of(const struct og_array *a, float share, size_t i)
{
    if (a->wired != NULL && a->wired->level != NULL) share *= a->wired->level[i];
    const struct og_hardware *hw = &a->map.hw;
    const double v = (double)share * hw->device.v_read;
    const double x = charge * fabs(v) / (2 * boltzmann * hw->thermal.temperature);
    if (!shot(a)) return 1;
    return (float)(x < 1e-4 ? 1 + x * x / 3 : x / og_tanh(x));
}

// Of pulses that are joined before one conversion: each is a read of its own.
static float joined(const struct og_array *a, float drive, size_t i)
{
    const int code = (int)fabsf(rintf(drive / a->code_gain[i])), bits = a->digit_bits;
    const int top = (1 << bits) - 1;
    float sum = 0;
    for (int k = 0; k < a->planes; k++) {
        const float weight = (float)(1 << bits * k);
        const int digit = code >> bits * k & top;
        sum += weight * weight * phi_of(a, (float)digit / (float)top, i);
    }
    return sum;
}

void og_thermal_power(const struct og_array *a, const float *drive, size_t n,
                      float *power)
{
    const size_t rows = a->map.rows;
    const bool width = a->map.hw.input.encoding == OG_PULSE_WIDTH;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < rows; i++) {
            const float d = drive[r * rows + i], full = og_full_drive(a, i);
            const float share = fabsf(d) / full;
            float phi;
            if (og_pulses_joined(a))
                phi = isnan(d) ? d : joined(a, d, i);
            else
                phi = width ? share * phi_of(a, 1, i) + (1 - share) : phi_of(a, share, i);
            power[r * rows + i] = full * full * phi;
        }
}

void og_thermal_pack(struct og_array *a, int slice)
{
    const size_t cols = a->map.cols, all = a->map.rows * cols;
    for (int k = 0; a->s != NULL && k < a->units; k++) {
        struct og_unit *u = &a->unit[k];
        const float *s = a->s + (size_t)u->side * all + u->row0 * cols;
        if (u->slice != slice) continue;
        if (shot(a)) {
            og_pack(u->s, s, cols, 1, u->rows, cols);
            continue;
        }
        // Whatever the drive is.
        memset(u->thermal, 0, cols * sizeof *u->thermal);
        for (size_t i = 0; i < u->rows; i++) {
            float full = og_full_drive(a, u->row0 + i), power = full * full;
            if (og_pulses_joined(a)) power *= joined(a, 0, u->row0 + i);
            for (size_t j = 0; j < cols; j++) u->thermal[j] += power * s[i * cols + j];
        }
    }
}

void og_thermal_add(const struct og_array *a, const struct og_unit *u, const float *power,
                    size_t n, float *variance)
{
    const size_t cols = a->map.cols;
    if (shot(a)) {
        og_product((struct og_left){power + u->row0, a->map.rows, 1}, n, u->s, variance,
                   cols, 1);
        return;
    }
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) variance[r * cols + j] += u->thermal[j];
}
