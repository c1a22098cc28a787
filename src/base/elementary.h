// SPDX-License-Identifier: GPL-3.0-or-later
// Elementary functions of everything that ends up in results: the C library's, whose last
// bits depend on its version and on the processor (glibc chooses variants with and
// without fused multiply-add), or, with fixed kernels (cpu.h), SLEEF's deterministic ones
// in plain C (N. Shibata and F. Petrogalli, IEEE TPDS 31(6), 2020), within 1 ulp, the
// same bits everywhere. sqrt, fmod, fma and rounding are exact in both and are called
// directly.
#ifndef OG_BASE_ELEMENTARY_H
#define OG_BASE_ELEMENTARY_H

double og_exp(double x);
double og_expm1(double x);
double og_log(double x);
double og_log1p(double x);
double og_log2(double x);
double og_log10(double x);
double og_pow(double x, double y);
double og_cbrt(double x);
double og_hypot(double x, double y);
double og_sin(double x);
double og_cos(double x);
double og_asin(double x);
double og_acos(double x);
double og_sinh(double x);
double og_cosh(double x);
double og_tanh(double x);
double og_asinh(double x);
double og_atanh(double x);

float og_expf(float x);
float og_expm1f(float x);
float og_log1pf(float x);
float og_tanhf(float x);

#endif
