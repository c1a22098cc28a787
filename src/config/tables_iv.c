// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of device.iv, and what its laws must be like.
#include <math.h>

#include "config/tables.h"
#include "config/tree.h"

#define P OG_STAGE_PROGRAM

static const char kinds[] = "ohmic sinh polynomial table";

const struct og_field og_iv_fields[] = {
    {"kind", OG_FIELD_CHOICE, offsetof(struct og_iv, kind), 0, NULL, 0, 0, kinds, "ohmic",
     P,
     "Law f of the current I = g f(V), f(v_read) = v_read: V, sinh(a V), a polynomial, "
     "or "
     "a table.",
     NULL, NULL},
    {"a", OG_FIELD_REAL, offsetof(struct og_iv, a), 0, "1/V", 0, 1e6, NULL, "0 1/V", P,
     "Kind sinh: how fast the current grows.", NULL, NULL},
    {"coefficients", OG_FIELD_LIST, offsetof(struct og_iv, coefficients), 0, NULL, 0, 0,
     NULL, "[]", P,
     "Kind polynomial: coefficients of V, V^2, ..., V in volts, in any unit of current.",
     NULL, NULL},
    {"v_max", OG_FIELD_REAL, offsetof(struct og_iv, v_max), 0, "V", 0, 100, NULL, "0 V",
     P, "Kind polynomial: the voltage up to which it holds, both ways; 0: 2 v_read.",
     NULL, NULL},
    {"table_v", OG_FIELD_LIST, offsetof(struct og_iv, table_v), 0, "V", -100, 100, NULL,
     "[]", P,
     "Kind table: voltages, rising; between them monotone cubics (Steffen 1990). From 0 "
     "on: the same for negative ones.",
     NULL, NULL},
    {"table_i", OG_FIELD_LIST, offsetof(struct og_iv, table_i), 0, NULL, 0, 0, NULL, "[]",
     P, "Kind table: the current at each voltage of table_v, rising, in any unit.", NULL,
     NULL},
    {.key = NULL},
};

// --- polynomials -----------------------------------------------------------------------

// sum_k of (factor of the n-th derivative) coefficients[k - 1] x^(k - n), with absolute
// values or as they are.
static double derivative(const struct og_list *c, int n, double x, bool absolute)
{
    double sum = 0;
    for (int k = c->n; k >= n; k--) {
        const double factor = n == 1 ? k : (double)k * (k - 1);
        const double value = absolute ? fabs(c->v[k - 1]) : c->v[k - 1];
        sum = sum * x + factor * value;
    }
    return sum;
}

// Whether the slope is positive in all of [low, high]: it is if it is so in the middle by
// more than it can change on the way to the ends; else both halves are looked at.
static bool rises(const struct og_list *c, double low, double high, int depth)
{
    const double mid = (low + high) / 2, far = fmax(fabs(low), fabs(high));
    const double slope = derivative(c, 1, mid, false);
    if (!(slope > 0)) return false;
    if (slope > derivative(c, 2, far, true) * (high - low) / 2) return true;
    return depth > 0 && rises(c, low, mid, depth - 1) && rises(c, mid, high, depth - 1);
}

static og_status check_polynomial(const struct og_iv *iv, double v_read,
                                  const og_item *map, struct og_error *err)
{
    enum { DEPTH = 24 };
    const double far = iv->v_max > 0 ? iv->v_max : 2 * v_read;
    if (iv->coefficients.n == 0)
        return og_fail_at(map, "device.iv", err, "kind polynomial needs coefficients");
    if (far < v_read)
        return og_fail_at(map, "device.iv.v_max", err, "is below device.v_read, %g V",
                          v_read);
    if (!rises(&iv->coefficients, -far, far, DEPTH))
        return og_fail_at(map, "device.iv.coefficients", err,
                          "must rise with the voltage from %g to %g V", -far, far);
    return OG_OK;
}

// --- tables ----------------------------------------------------------------------------

static bool rising(const struct og_list *l)
{
    for (int k = 1; k < l->n; k++)
        if (!(l->v[k] > l->v[k - 1])) return false;
    return true;
}

static bool through_zero(const struct og_iv *iv)
{
    for (int k = 0; k < iv->table_v.n; k++)
        if (iv->table_v.v[k] == 0) return iv->table_i.v[k] == 0;
    return false;
}

static og_status check_table(const struct og_iv *iv, double v_read, const og_item *map,
                             struct og_error *err)
{
    const struct og_list *v = &iv->table_v;
    if (v->n < 2 || v->n != iv->table_i.n)
        return og_fail_at(map, "device.iv", err,
                          "table_v has %d entries and table_i %d; kind table needs "
                          "equally many, at least two",
                          v->n, iv->table_i.n);
    if (!rising(v)) return og_fail_at(map, "device.iv.table_v", err, "must be rising");
    if (!rising(&iv->table_i))
        return og_fail_at(map, "device.iv.table_i", err, "must be rising");
    if (!through_zero(iv))
        return og_fail_at(map, "device.iv", err, "a table must hold 0 V and no current");
    const double low = v->v[0] < 0 ? v->v[0] : -v->v[v->n - 1], high = v->v[v->n - 1];
    if (high < v_read || low > -v_read)
        return og_fail_at(map, "device.iv.table_v", err,
                          "goes from %g to %g V, which is less than device.v_read, %g V",
                          low, high, v_read);
    return OG_OK;
}

// --- all of them -----------------------------------------------------------------------

static og_status check_sinh(const struct og_iv *iv, double v_read, const og_item *map,
                            struct og_error *err)
{
    if (!(iv->a > 0))
        return og_fail_at(map, "device.iv", err, "kind sinh needs a above 0");
    if (!(iv->a * v_read <= 300))
        return og_fail_at(map, "device.iv", err, "a times device.v_read is above 300");
    return OG_OK;
}

og_status og_iv_check(const struct og_iv *iv, double v_read, const og_item *map,
                      struct og_error *err)
{
    if (!(v_read > 0))
        return og_fail_at(map, "device.v_read", err, "is %g V, expected more than 0",
                          v_read);
    switch (iv->kind) {
    case OG_IV_SINH:
        return check_sinh(iv, v_read, map, err);
    case OG_IV_POLYNOMIAL:
        return check_polynomial(iv, v_read, map, err);
    case OG_IV_TABLE:
        return check_table(iv, v_read, map, err);
    case OG_IV_OHMIC:
        break;
    }
    return OG_OK;
}

static bool swept(const og_item *map)
{
    while (map != NULL && map->parent != NULL) map = map->parent;
    return map != NULL && og_is_swept(map, "hardware.device.iv.kind");
}

// Keys of other kinds would be ignored.
static og_status check_keys(const struct og_iv *iv, const og_item *map,
                            struct og_error *err)
{
    static const char *const words[] = {"ohmic", "sinh", "polynomial", "table"};
    const struct {
        const char *key;
        enum og_iv_kind kind;
        bool given;
    } uses[] = {
        {"device.iv.a", OG_IV_SINH, iv->a != 0},
        {"device.iv.coefficients", OG_IV_POLYNOMIAL, iv->coefficients.n > 0},
        {"device.iv.v_max", OG_IV_POLYNOMIAL, iv->v_max != 0},
        {"device.iv.table_v", OG_IV_TABLE, iv->table_v.n > 0},
        {"device.iv.table_i", OG_IV_TABLE, iv->table_i.n > 0},
    };
    const og_item *block = map ? og_item_find(map, "device.iv", false) : NULL;
    // Given as ohmic it leaves them out on purpose.
    if (iv->kind == OG_IV_OHMIC && block && og_item_get(block, "kind")) return OG_OK;
    if (swept(map)) return OG_OK;
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++)
        if (uses[k].given && uses[k].kind != iv->kind)
            return og_fail_at(map, uses[k].key, err,
                              "has no effect with kind %s (it needs kind %s)",
                              words[iv->kind], words[uses[k].kind]);
    return OG_OK;
}

// Voltages that a law of limited range must reach. Between lines at voltages of either
// sign a cell sees up to their difference.
static og_status check_range(const struct og_hardware *h, const og_item *map,
                             struct og_error *err)
{
    const struct og_iv *iv = &h->device.iv;
    const struct og_list *v = &iv->table_v;
    const bool both = h->input.sign == OG_INPUT_BIPOLAR;
    const double needed = (both ? 2 : 1) * h->device.v_read;
    double far = iv->v_max > 0 ? iv->v_max : 2 * h->device.v_read;
    if (iv->kind != OG_IV_POLYNOMIAL && iv->kind != OG_IV_TABLE) return OG_OK;
    if (iv->kind == OG_IV_TABLE) far = v->v[v->n - 1];
    if (iv->kind == OG_IV_TABLE && v->v[0] < 0) far = fmin(far, -v->v[0]);
    if (h->dac.bits == 0 || h->rnn.x_bits == 0 || h->rnn.h_bits == 0)
        return og_fail_at(map, "device.iv", err,
                          "kinds polynomial and table need dac.bits: ideal converters go "
                          "beyond v_read");
    if (h->wires.mode == OG_WIRES_NONLINEAR && far < needed * (1 - 1e-12))
        return og_fail_at(map, "device.iv", err,
                          "reaches %g V, but between wires cells see up to %g V%s", far,
                          needed, both ? " (input.sign two_pass: half of it)" : "");
    return OG_OK;
}

og_status og_iv_use_check(const struct og_hardware *h, const og_item *map,
                          struct og_error *err)
{
    const struct og_iv *iv = &h->device.iv;
    OG_TRY(check_keys(iv, map, err));
    if (iv->kind == OG_IV_OHMIC) return OG_OK;
    OG_TRY(og_iv_check(iv, h->device.v_read, map, err));
    OG_TRY(check_range(h, map, err));
    if (h->input.encoding != OG_AMPLITUDE)
        return og_fail_at(
            map, "device.iv", err,
            "needs input.encoding amplitude unless ohmic: pulses are all of "
            "v_read");
    if (h->input.sign == OG_INPUT_OFFSET)
        return og_fail_at(
            map, "device.iv", err,
            "excludes input.sign offset unless ohmic, which takes away what "
            "ohmic cells would carry");
    if (h->thermal.law != OG_THERMAL_NONE)
        return og_fail_at(map, "device.iv", err,
                          "excludes thermal unless ohmic, whose laws are those of ohmic "
                          "cells");
    if (h->adc.kind == OG_ADC_RAMP)
        return og_fail_at(map, "device.iv", err,
                          "excludes adc.kind ramp unless ohmic, whose ramps are ohmic");
    return OG_OK;
}
