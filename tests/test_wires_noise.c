// SPDX-License-Identifier: GPL-3.0-or-later
// Read noise of arrays with wires against circuits whose devices are drawn, and against
// adjoint circuits.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "wired_tools.h"

enum { READS = 6000, DRAWS = 1500 };

// READS reads of one input by an array of 8 x 4 weights on 8 x 8 devices; sd[4] of the
// outputs in ampere at 1 V, and the devices in their places.
static void read_noise(struct og_hardware hw, double *sd, double *g, double *v)
{
    struct bench b = bench_open(hw, 8, 4, READS, 1);
    for (size_t r = 1; r < READS; r++) memcpy(b.x + r * 8, b.x, 8 * sizeof *b.x);
    bench_run(&b);
    static double y[READS];
    const double range = hw.device.g_max - hw.device.g_min;
    for (size_t j = 0; j < 4; j++) {
        for (size_t r = 0; r < READS; r++) y[r] = (double)b.y[r * 4 + j];
        sd[j] = gsl_stats_sd(y, 1, READS) / og_array_info(b.array).w_max * range;
    }
    float devices[64];
    og_array_conductance(b.array, devices);
    for (size_t k = 0; k < 64; k++)
        g[k % 32 / 4 * 8 + k % 4 * 2 + k / 32] = (double)devices[k];
    for (size_t i = 0; i < 8; i++) v[i] = (double)b.x[i];
    bench_close(&b);
}

// To first order in the noise, by adjoint circuits: Var_j = sum_k sigma_k^2
// (dI_j/dg_k)^2.
static void reference_noise(const struct og_wire_params *p, const double *g,
                            const double *v, const double *sigma, double *sd)
{
    og_wires *w;
    double dg[64];
    assert_int_equal(og_wires_alloc(&w, 8, 8, p, NULL), OG_OK);
    assert_int_equal(og_wires_load(w, g, NULL), OG_OK);
    for (size_t j = 0; j < 4; j++) {
        double up[8] = {0}, variance = 0;
        up[2 * j] = 1;
        up[2 * j + 1] = -1;
        assert_int_equal(og_wires_gradient(w, v, up, dg, NULL, NULL), OG_OK);
        for (size_t k = 0; k < 64; k++) variance += pow(sigma[k] * dg[k], 2);
        sd[j] = sqrt(variance);
    }
    og_wires_free(w);
}

// Every device drawn, every circuit solved.
static void drawn_noise(const struct og_wire_params *p, const double *g, const double *v,
                        const double *sigma, double *sd)
{
    static double drawn[4][DRAWS];
    struct og_stream s = og_stream_named(4, OG_INIT, 9, 0, 0);
    for (size_t r = 0; r < DRAWS; r++) {
        float xi[64];
        double noisy[64], current[8];
        og_gauss_fill(&s, (struct og_index){(uint32_t)r, 0, 0}, 0, xi, 64);
        for (size_t k = 0; k < 64; k++) noisy[k] = g[k] + sigma[k] * (double)xi[k];
        currents(p, 8, 8, noisy, v, 1, current);
        for (size_t j = 0; j < 4; j++) drawn[j][r] = current[2 * j] - current[2 * j + 1];
    }
    for (size_t j = 0; j < 4; j++) sd[j] = gsl_stats_sd(drawn[j], 1, DRAWS);
}

// What is read: the formula of production, here within 6 % of the reference, and 4.5
// sigma of the estimate; the reference against draws: 4.5 sigma.
static void noise_is_that_of_the_devices(void **state)
{
    (void)state;
    for (int law = 0; law < 3; law++) {
        struct og_hardware hw = wired_hardware();
        // At 12 uS noise leaves nothing negative; at 0 devices have noise all the same.
        hw.device.g_min = law < 2 ? 12e-6 : 0;
        hw.device.read = proportional(0.05);
        if (law > 0)
            hw.device.read =
                (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 2e-6, .scale = 1};
        const struct og_wire_params p = params_of(&hw);
        double read[4], reference[4], drawn[4], g[64], v[8], sigma[64];
        read_noise(hw, read, g, v);
        for (size_t k = 0; k < 64; k++) sigma[k] = law > 0 ? 2e-6 : 0.05 * g[k];
        reference_noise(&p, g, v, sigma, reference);
        if (law < 2) drawn_noise(&p, g, v, sigma, drawn);
        for (size_t j = 0; j < 4; j++) {
            const double ratio = read[j] / reference[j];
            assert_true(fabs(ratio - 1) < 0.06 + 4.5 / sqrt(2.0 * READS));
            if (law < 2)
                assert_true(fabs(drawn[j] / reference[j] - 1) < 4.5 / sqrt(2.0 * DRAWS));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_that_of_the_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
