// SPDX-License-Identifier: GPL-3.0-or-later
// Write-verify: pulses against closed forms, and what an array says of them.
#include <math.h>

#include "array_helper.h"
#include "device/pulses.h"
#include "ohmgrid/cost.h"
#include "ohmgrid/cpu.h"

enum { N = 20000 };
static const double g_min = 1e-6, g_max = 10e-6;

static struct og_device pulsed(void)
{
    struct og_device d = plain_hardware().device;
    d.write.mode = OG_WRITE_VERIFIED;
    d.pulse.up = d.pulse.down = 0.31e-6;
    return d;
}

struct written {
    float *target, *g, *error;
    struct og_write_count *count;
};

// N devices wanted at t = (i + 0.5) / N, in chunks of `chunk`.
static struct written write_all(const struct og_device *d, size_t chunk)
{
    const struct og_cells cells = {.device = d, .chip = {7, 1, 0}, .layer = 2, .set = 5};
    struct written w = {og_alloc(N, sizeof(float)), og_alloc(N, sizeof(float)),
                        og_alloc(N, sizeof(float)), og_alloc(N, sizeof *w.count)};
    for (size_t i = 0; i < N; i++) w.target[i] = ((float)i + 0.5f) / N;
    for (size_t i = 0; i < N; i += chunk) {
        const struct og_cell_io io = {.first = i,
                                      .n = N - i < chunk ? N - i : chunk,
                                      .target = w.target + i,
                                      .g = w.g + i,
                                      .error = w.error + i,
                                      .count = w.count + i};
        og_cells_program(&cells, &io);
    }
    return w;
}

static void written_free(struct written *w)
{
    og_free(w->target);
    og_free(w->g);
    og_free(w->error);
    og_free(w->count);
}

// Equal steps from g_min until within the band.
static void equal_steps_are_counted(void **state)
{
    (void)state;
    struct og_device d = pulsed();
    d.write.acceptance = 0.02;
    d.write.pulses = 20;
    struct written w = write_all(&d, OG_CELL_CHUNK);
    const double range = g_max - g_min, band = 0.02 * range, step = d.pulse.up;
    for (size_t i = 0; i < N; i++) {
        const double wanted = (double)w.target[i] * range;
        // A step of 0.31 against a band of 2 x 0.18: from below, none is jumped over.
        int pulses = wanted <= band ? 0 : (int)ceil((wanted - band) / step);
        const double edge = fmod(wanted - band, step);
        if (fabs(edge) < 1e-10 || fabs(edge - step) < 1e-10)
            continue;  // rounding decides
        const bool enough = pulses <= 20;
        if (!enough) pulses = 20;
        assert_int_equal(w.count[i].pulses, pulses);
        assert_int_equal(w.count[i].accepted, enough);
        assert_true(fabs((double)w.g[i] - g_min - pulses * step) < 1e-11);
        assert_true(fabs((double)w.error[i] - (pulses * step - wanted)) < 1e-11);
    }
    written_free(&w);
}

// Pulse by pulse along the exponential law, from both ends.
static void steps_saturate(void **state)
{
    (void)state;
    for (int down = 0; down < 2; down++) {
        struct og_device d = pulsed();
        const double law = 2.7, range = g_max - g_min;
        d.pulse.up = 0.5e-6;
        d.pulse.down = 0.7e-6;
        d.pulse.nonlinearity_up = law;
        d.pulse.nonlinearity_down = 1.3;
        d.write.pulses = 9;
        d.write.acceptance = 1e-6;
        const struct og_cells cells = {.device = &d, .chip = {7, 1, 0}};
        const float lo = (float)g_min, hi = (float)g_max, target = down ? lo : hi;
        float g = down ? hi : lo;
        struct og_write_count count;
        og_pulses_write(&cells, &(struct og_pulses_io){.n = 1,
                                                       .target = &target,
                                                       .lo = &lo,
                                                       .hi = &hi,
                                                       .g = &g,
                                                       .count = &count});
        double wanted = down ? g_max : g_min;
        for (int k = 0; k < 9; k++) {
            const double u = (wanted - g_min) / range;
            wanted += down ? -0.7e-6 * exp(-1.3 * (1 - u)) : 0.5e-6 * exp(-law * u);
        }
        assert_int_equal(count.pulses, 9);
        assert_false(count.accepted);
        assert_true(fabs((double)g - wanted) < 1e-11);
    }
}

// One pulse each: the spread of its size is that of pulses and devices together.
static void spreads_are_those_of_pulses_and_devices(void **state)
{
    (void)state;
    struct og_device d = pulsed();
    d.pulse.up = 1e-6;
    d.pulse.c2c = 0.2;
    d.pulse.d2d = 0.15;
    d.write.pulses = 1;
    struct written w = write_all(&d, OG_CELL_CHUNK);
    double sum = 0, square = 0, n = 0;
    for (size_t i = 0; i < N; i++) {
        if (w.count[i].pulses == 0) continue;
        const double step = ((double)w.g[i] - g_min) / 1e-6;
        sum += step;
        square += step * step;
        n++;
    }
    const double mean = sum / n, variance = square / n - mean * mean;
    const double wanted = 0.04 + 0.0225 + 0.04 * 0.0225;
    assert_true(n > 0.97 * N);
    assert_true(fabs(mean - 1) < 4 * sqrt(wanted / n));
    assert_true(fabs(variance / wanted - 1) < 4 * sqrt(2 / n) * 1.1);
    written_free(&w);
}

// At the target already: accepted at the first read as often as noise lets it.
static void noisy_reads_accept_by_chance(void **state)
{
    (void)state;
    struct og_device d = pulsed();
    d.write.start = OG_START_DIRECT;
    d.write.acceptance = 0.01;
    d.write.noise = 0.12e-6;
    d.write.pulses = 5;
    struct written w = write_all(&d, OG_CELL_CHUNK);
    double at_once = 0;
    for (size_t i = 0; i < N; i++) {
        at_once += w.count[i].pulses == 0;
        if (w.count[i].pulses == 0) assert_true(fabsf(w.error[i]) < 1e-12f);
    }
    const double p = erf(0.01 * (g_max - g_min) / 0.12e-6 / sqrt(2));
    assert_true(fabs(at_once / N - p) < 4 * sqrt(p * (1 - p) / N));
    written_free(&w);
}

// Devices of other chunks, and how many there are, do not matter.
static void chunks_do_not_matter(void **state)
{
    (void)state;
    struct og_device d = pulsed();
    d.pulse.c2c = d.pulse.d2d = 0.3;
    d.pulse.nonlinearity_up = 1;
    d.write.noise = 0.05e-6;
    d.d2d.g_max = 0.1;
    struct written a = write_all(&d, OG_CELL_CHUNK), b = write_all(&d, 101);
    assert_memory_equal(a.g, b.g, N * sizeof *a.g);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(a.count[i].pulses, b.count[i].pulses);
        assert_int_equal(a.count[i].accepted, b.count[i].accepted);
    }
    written_free(&a);
    written_free(&b);
}

// Stuck devices take every pulse in vain, and each kind has a conductance of its own.
static void stuck_devices_use_up_the_pulses(void **state)
{
    (void)state;
    struct og_device d = pulsed();
    d.faults.p_lrs = 0.1;
    d.faults.p_hrs = 0.2;
    d.faults.p_open = 0.05;
    d.faults.p_short = 0.15;
    d.faults.g_hrs = 0.5e-6;
    d.faults.g_short = 50e-6;
    d.write.acceptance = 0.02;
    struct written w = write_all(&d, OG_CELL_CHUNK);
    const double at[] = {10e-6, 0.5e-6, 0, 50e-6}, p[] = {0.1, 0.2, 0.05, 0.15};
    double n[4] = {0};
    for (size_t i = 0; i < N; i++)
        for (int k = 0; k < 4; k++) {
            if (w.g[i] != (float)at[k]) continue;
            n[k]++;
            const bool near = fabs((double)w.error[i]) <= 0.02 * (g_max - g_min);
            assert_int_equal(w.count[i].accepted, near);
            assert_int_equal(w.count[i].pulses, near ? 0 : d.write.pulses);
        }
    for (int k = 0; k < 4; k++)
        assert_true(fabs(n[k] / N - p[k]) < 4 * sqrt(p[k] * (1 - p[k]) / N));
    written_free(&w);
}

// --- arrays --------------------------------------------------------------------------

static struct og_hardware verified_hardware(void)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.rows = 12;
    hw.tile.cols = 7;
    hw.device = pulsed();
    hw.device.pulse.c2c = 0.3;
    hw.device.write.acceptance = 0.02;
    hw.device.write.noise = 0.05e-6;
    hw.mapping.devices_per_weight = 2;
    return hw;
}

static void arrays_tell_how_they_were_written(void **state)
{
    (void)state;
    struct og_hardware hw = verified_hardware();
    hw.device.pruned_cells = OG_ZERO_OFF;
    struct bench b = bench_open(hw, 31, 17, 1, 1);
    for (size_t i = 0; i < 31; i++) b.w[3 * 31 + i] = 0;         // a line that is gone
    for (size_t j = 4; j < 17; j += 3) b.w[j * 31 + 2 + j] = 0;  // cells that are off
    og_array_program(b.array, b.w, &b.chip);
    const struct og_program_info info = og_array_program_info(b.array);
    assert_true(info.verified);
    assert_int_equal(info.devices, (31 * 16 - 5) * 4);
    uint64_t by_error = 0, by_pulses = 0;
    for (int k = 0; k < OG_ERROR_BINS; k++) by_error += info.error[k];
    for (int k = 0; k < OG_PULSE_BINS; k++) by_pulses += info.pulse[k];
    assert_int_equal(by_error, info.devices);
    assert_int_equal(by_pulses, info.devices);
    assert_true(info.pulses == info.all_pulses / (double)info.devices);
    assert_true(info.accepted > 0.9 && info.accepted <= 1);
    assert_true(info.most <= 100 && info.most > info.pulses && info.pulses > 3);
    assert_true(info.error_rms > 0.002 && info.error_rms < 0.05);
    assert_true(fabs(info.error_mean) < info.error_rms);
    // Six tiles of 12 x 7 at most.
    assert_true(info.tile_devices == 12 * 7 * 4);
    assert_true(info.tile_pulses > info.all_pulses / 9);
    struct og_technology t = {.write = {2e-12, 50e-9, 3e-12, 20e-9}};
    const struct og_program_cost cost = og_program_cost(&info, &t);
    const double reads = info.all_pulses + (double)info.devices;
    assert_true(fabs(cost.energy / (2e-12 * info.all_pulses + 3e-12 * reads) - 1) <
                1e-12);
    const double time =
        50e-9 * info.tile_pulses + 20e-9 * (info.tile_pulses + info.tile_devices);
    assert_true(fabs(cost.time / time - 1) < 1e-12);
    bench_close(&b);
}

static void direct_writing_counts_no_pulses(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.2e-6, .scale = 1};
    struct bench b = bench_open(hw, 90, 80, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    const struct og_program_info info = og_array_program_info(b.array);
    const double sigma = 0.2e-6 / (g_max - g_min);
    assert_false(info.verified);
    assert_true(info.pulses == 0 && info.all_pulses == 0 && info.pulse[0] == 0);
    assert_int_equal(info.devices, 90 * 80 * 2);
    // Half of the devices are at g_min, where errors below 0 are cut off at 0: 5 sigma.
    assert_true(fabs(info.error_rms / sigma - 1) < 4 / sqrt(2.0 * 90 * 80 * 2));
    bench_close(&b);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    struct bench b = bench_open(verified_hardware(), 130, 90, 1, 1);
    float *a = og_alloc(130 * 90, sizeof *a), *c = og_alloc(130 * 90, sizeof *c);
    const int threads[] = {1, 2, 7};
    for (int k = 0; k < 3; k++) {
        og_set_threads(threads[k]);
        og_array_program(b.array, b.w, &b.chip);
        og_array_weights(b.array, k == 0 ? a : c);
        if (k > 0) assert_memory_equal(a, c, 130 * 90 * sizeof *a);
    }
    og_set_threads(0);
    og_free(a);
    og_free(c);
    bench_close(&b);
}

// Tighter bands and more pulses: weights nearer to what was wanted.
static void verification_narrows_the_error(void **state)
{
    (void)state;
    double rms[3];
    const double band[] = {0.1, 0.03, 0.01};
    for (int k = 0; k < 3; k++) {
        struct og_hardware hw = verified_hardware();
        hw.device.write.noise = 0;
        hw.device.pulse.up = hw.device.pulse.down = 0.05e-6;
        hw.device.write.pulses = 400;
        hw.device.write.acceptance = band[k];
        struct bench b = bench_open(hw, 60, 40, 1, 1);
        og_array_program(b.array, b.w, &b.chip);
        const struct og_program_info info = og_array_program_info(b.array);
        assert_true(info.accepted == 1);
        rms[k] = info.error_rms;
        assert_true(rms[k] <= band[k]);
        bench_close(&b);
    }
    assert_true(rms[1] < rms[0] / 2 && rms[2] < rms[1] / 2);
}

static void pulses_have_no_derivative(void **state)
{
    (void)state;
    struct bench b = bench_open(verified_hardware(), 9, 5, 1, 1);
    struct og_error err = {0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "program.mode: direct"));
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, &err), OG_OK);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_steps_are_counted),
        cmocka_unit_test(steps_saturate),
        cmocka_unit_test(spreads_are_those_of_pulses_and_devices),
        cmocka_unit_test(noisy_reads_accept_by_chance),
        cmocka_unit_test(chunks_do_not_matter),
        cmocka_unit_test(stuck_devices_use_up_the_pulses),
        cmocka_unit_test(arrays_tell_how_they_were_written),
        cmocka_unit_test(direct_writing_counts_no_pulses),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(verification_narrows_the_error),
        cmocka_unit_test(pulses_have_no_derivative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
