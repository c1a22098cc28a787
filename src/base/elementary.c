// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/elementary.h"

#include <math.h>

#include <sleef.h>

#include "ohmgrid/cpu.h"

double og_exp(double x) { return og_cpu_fixed() ? Sleef_cinz_expd1_u10purec(x) : exp(x); }

double og_expm1(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_expm1d1_u10purec(x) : expm1(x);
}

double og_log(double x) { return og_cpu_fixed() ? Sleef_cinz_logd1_u10purec(x) : log(x); }

double og_log1p(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_log1pd1_u10purec(x) : log1p(x);
}

double og_log2(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_log2d1_u10purec(x) : log2(x);
}

double og_log10(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_log10d1_u10purec(x) : log10(x);
}

double og_pow(double x, double y)
{
    return og_cpu_fixed() ? Sleef_cinz_powd1_u10purec(x, y) : pow(x, y);
}

double og_cbrt(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_cbrtd1_u10purec(x) : cbrt(x);
}

double og_hypot(double x, double y)
{
    return og_cpu_fixed() ? Sleef_cinz_hypotd1_u05purec(x, y) : hypot(x, y);
}

double og_sin(double x) { return og_cpu_fixed() ? Sleef_cinz_sind1_u10purec(x) : sin(x); }

double og_cos(double x) { return og_cpu_fixed() ? Sleef_cinz_cosd1_u10purec(x) : cos(x); }

double og_asin(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_asind1_u10purec(x) : asin(x);
}

double og_acos(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_acosd1_u10purec(x) : acos(x);
}

double og_sinh(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_sinhd1_u10purec(x) : sinh(x);
}

double og_cosh(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_coshd1_u10purec(x) : cosh(x);
}

double og_tanh(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_tanhd1_u10purec(x) : tanh(x);
}

double og_asinh(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_asinhd1_u10purec(x) : asinh(x);
}

double og_atanh(double x)
{
    return og_cpu_fixed() ? Sleef_cinz_atanhd1_u10purec(x) : atanh(x);
}

float og_expf(float x) { return og_cpu_fixed() ? Sleef_cinz_expf1_u10purec(x) : expf(x); }

float og_expm1f(float x)
{
    return og_cpu_fixed() ? Sleef_cinz_expm1f1_u10purec(x) : expm1f(x);
}

float og_log1pf(float x)
{
    return og_cpu_fixed() ? Sleef_cinz_log1pf1_u10purec(x) : log1pf(x);
}

float og_tanhf(float x)
{
    return og_cpu_fixed() ? Sleef_cinz_tanhf1_u10purec(x) : tanhf(x);
}
