// SPDX-License-Identifier: GPL-3.0-or-later
// Noise whose power is that of the present batch (injection.power: batch), against
// networks written once more in double: all samples take a step together, a signal's
// power is its mean square over them, and the draws are those of the same names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nn_tools.h"
#include "recurrent.h"

enum { N = 40, T = 4, IN = 3, U = 5, MOST = 4 * U };  // two blocks, the second one short

static const double snr_db = 5.0;

struct noise {
    int points;  // that are on
    uint32_t node, step;
};

static double mean_square(const double *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += v[i] * v[i];
    return sum / (double)count;
}

// v[N][width] += sd z, z as named (seed 5 and sample numbers as in make_batch).
static void add(const struct noise *q, int point, uint32_t lane, double power, double *v,
                size_t width)
{
    if (!(q->points & point)) return;
    point = point & OG_POINT_H ? OG_POINT_H : point;  // H and RH draw alike
    double sd = sqrt(power * pow(10, -snr_db / 10));
    struct og_stream s =
        og_stream_named(5, OG_INJECTION, 0, q->node, (uint32_t)point | lane << 8);
    float z[WIDE];
    assert_true(width <= WIDE);
    for (uint32_t r = 0; r < N; r++) {
        og_gauss_fill(&s, (struct og_index){0, 7 * r, q->step}, 0, z, width);
        for (size_t i = 0; i < width; i++) v[r * width + i] += sd * (double)z[i];
    }
}

static void add_own(const struct noise *q, int point, uint32_t lane, double *v,
                    size_t width)
{
    add(q, point, lane, mean_square(v, N * width), v, width);
}

// v[N][gates][U] += sd z in the columns of gates whose bit is in `on`, which share one
// power.
static void add_gates(const struct noise *q, uint32_t k, int gates, unsigned on,
                      double *v)
{
    size_t width = (size_t)gates * U, count = 0;
    double *with = og_alloc(N * width, sizeof *with), sum = 0;
    for (size_t i = 0; i < N * width; i++) {
        with[i] = v[i];
        if (!(on >> i % width / U & 1)) continue;
        sum += v[i] * v[i];
        count++;
    }
    const struct noise all = {OG_POINT_A, q->node, q->step};
    if (count > 0) add(&all, OG_POINT_A, k, sum / (double)count, with, width);
    for (size_t i = 0; i < N * width; i++)
        if (on >> i % width / U & 1) v[i] = with[i];
    og_free(with);
}

// One matrix: rows [gate U, (gate + gates) U) of w[][IN + U], its columns of x (may be
// NULL), of h, or both; sums to out[N][gates][U].
struct matrix {
    uint32_t k;
    int gate, gates;
    const double *x, *h;
    const int *point;  // of all gates: OG_POINT_A_...; NULL: none
    bool reset;        // h is r h
};

static void product(const struct noise *q, const struct matrix *m, const double *w,
                    double *out)
{
    double x[N * IN] = {0}, h[N * U] = {0};
    if (m->x) memcpy(x, m->x, sizeof x);
    if (m->h) memcpy(h, m->h, sizeof h);
    if (m->x) add_own(q, OG_POINT_X, m->k, x, IN);
    int reads = OG_POINT_H | (m->reset ? OG_POINT_RH : 0);
    if (m->h) add_own(q, reads, m->k, h, U);
    int width = m->gates * U;
    for (int r = 0; r < N; r++)
        for (int j = 0; j < width; j++) {
            const double *row = w + (m->gate * U + j) * (IN + U);
            out[r * width + j] = dot(row, x + r * IN, IN) + dot(row + IN, h + r * U, U);
        }
    unsigned on = 0;
    for (int g = 0; g < m->gates; g++) {
        int points = OG_POINT_A | (m->point ? m->point[m->gate + g] : 0);
        if (q->points & points) on |= 1u << g;
    }
    add_gates(q, m->k, m->gates, on, out);
}

// gate[g][N][U] = f(sums[N][gates][U] + bias), noise at G with one power for all.
static void gates_of(const struct noise *q, const double *sums, int first, int gates,
                     const double *b, int sigmoids, double *gate)
{
    for (int g = 0; g < gates; g++)
        for (int i = 0; i < N * U; i++) {
            double a = sums[(i / U * gates + g) * U + i % U] + b[(first + g) * U + i % U];
            gate[g * N * U + i] = g < sigmoids ? sigmoid(a) : tanh(a);
        }
    double power = mean_square(gate, (size_t)(gates * N * U));
    for (int g = 0; g < gates; g++)
        add(q, OG_POINT_G, (uint32_t)(first + g), power, gate + g * N * U, U);
}

struct state {
    double h[N * U], c[N * U];
};

static const int lstm_point[] = {OG_POINT_A_I, OG_POINT_A_O, OG_POINT_A_F, OG_POINT_A_G};
static const int gru_point[] = {OG_POINT_A_Z, OG_POINT_A_R, OG_POINT_A_N};

static void lstm(const struct noise *q, const double *w, const double *b, const double *x,
                 struct state *s)
{
    enum { M = N * U };
    static double sums[N * MOST], gate[4 * M], tanh_c[M];
    product(q, &(struct matrix){0, 0, 4, x, s->h, lstm_point, false}, w, sums);
    gates_of(q, sums, 0, 4, b, 3, gate);
    for (int i = 0; i < M; i++)
        s->c[i] = gate[2 * M + i] * s->c[i] + gate[i] * gate[3 * M + i];
    add_own(q, OG_POINT_C, 0, s->c, U);
    for (int i = 0; i < M; i++) tanh_c[i] = tanh(s->c[i]);
    add_own(q, OG_POINT_T, 0, tanh_c, U);
    for (int i = 0; i < M; i++) s->h[i] = gate[M + i] * tanh_c[i];
    add_own(q, OG_POINT_O, 0, s->h, U);
}

static void gru(const struct noise *q, bool before, const double *w, const double *b,
                const double *x, struct state *s)
{
    enum { M = N * U };
    static double sums[N * MOST], gate[2 * M], n[M], part[M], rh[M];
    product(q, &(struct matrix){0, 0, 2, x, s->h, gru_point, false}, w, sums);
    gates_of(q, sums, 0, 2, b, 2, gate);
    const double *z = gate, *r = gate + M;
    for (int i = 0; i < M; i++) rh[i] = r[i] * s->h[i];
    if (before) {
        product(q, &(struct matrix){1, 2, 1, x, NULL, gru_point, false}, w, sums);
        product(q, &(struct matrix){2, 2, 1, NULL, s->h, gru_point, false}, w, part);
        for (int i = 0; i < M; i++) sums[i] += r[i] * (part[i] + b[3 * U + i % U]);
    } else {
        product(q, &(struct matrix){1, 2, 1, x, rh, gru_point, true}, w, sums);
    }
    gates_of(q, sums, 2, 1, b, 0, n);
    for (int i = 0; i < M; i++) s->h[i] = (1 - z[i]) * n[i] + z[i] * s->h[i];
    add_own(q, OG_POINT_O, 0, s->h, U);
}

static void rnn(const struct noise *q, const double *w, const double *b, const double *x,
                struct state *s)
{
    static double sums[N * U];
    product(q, &(struct matrix){0, 0, 1, x, s->h, NULL, false}, w, sums);
    for (int i = 0; i < N * U; i++) s->h[i] = tanh(sums[i] + b[i % U]);
    add_own(q, OG_POINT_O, 0, s->h, U);
}

// h[N][T][U] of one layer.
static void expect(const struct task *t, const struct net *net, int points, double *out)
{
    static const int gates[] = {1, 3, 4};
    double *w = in_double(net), *b = w + gates[t->spec[0].kind] * U * (IN + U);
    struct state s = {0};
    for (int step = 0; step < T; step++) {
        struct noise q = {points, 0, (uint32_t)step};
        double x[N * IN];
        for (int i = 0; i < N * IN; i++) x[i] = net->x[(i / IN * T + step) * IN + i % IN];
        if (t->spec[0].kind == LSTM)
            lstm(&q, w, b, x, &s);
        else if (t->spec[0].kind == GRU)
            gru(&q, t->spec[0].before, w, b, x, &s);
        else
            rnn(&q, w, b, x, &s);
        for (int i = 0; i < N * U; i++) out[(i / U * T + step) * U + i % U] = s.h[i];
    }
    og_free(w);
}

static struct og_hardware hardware(int points, enum og_mean power)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.injection.points = points;
    hw.injection.snr_db = snr_db;
    hw.injection.power = power;
    return hw;
}

static void check(const struct task *t, int points)
{
    static double expected[N * T * U];
    struct net net = make_net(t);
    struct og_hardware hw = hardware(points, OG_MEAN_BATCH);
    start(&net, &hw, true, OG_STRAIGHT_THROUGH);
    expect(t, &net, points, expected);
    // A second time: nothing of a pass is left for the next one.
    for (int pass = 0; pass < 2; pass++) {
        const float *y = og_exec_forward(net.exec, &net.batch);
        for (int i = 0; i < N * T * U; i++)
            assert_true(fabs((double)y[i] - expected[i]) <= 2e-5);
        og_exec_update_state(net.exec);
    }
    hw.injection.power = OG_MEAN_RUNNING;
    start(&net, &hw, true, OG_STRAIGHT_THROUGH);
    const float *y = og_exec_forward(net.exec, &net.batch);
    double apart = 0;
    for (int i = 0; i < N * T * U; i++)
        apart = fmax(apart, fabs((double)y[i] - expected[i]));
    assert_true(apart > 1e-3);
    end(&net);
}

static void recurrent_steps_meet(void **state)
{
    (void)state;
    enum { BOTH = OG_POINT_X | OG_POINT_H | OG_POINT_A | OG_POINT_O };
    // By kind: rnn, gru, lstm, gru with linear_before_reset.
    static const int of_gru =
        BOTH | OG_POINT_G | OG_POINT_A_Z | OG_POINT_A_R | OG_POINT_A_N;
    const int known[] = {BOTH, of_gru | OG_POINT_RH,
                         BOTH | OG_POINT_G | OG_POINT_C | OG_POINT_T | OG_POINT_A_I |
                             OG_POINT_A_F | OG_POINT_A_G | OG_POINT_A_O,
                         of_gru};
    for (int kind = 0; kind < 4; kind++) {
        struct task t = {.spec = {{kind == 3 ? GRU : (enum kind)kind, U, 1,
                                   .sequence = true, .before = kind == 3}},
                         .chain = 1,
                         .steps = T,
                         .inputs = IN,
                         .n = N};
        for (int p = 0; p < OG_POINTS; p++)
            if (known[kind] >> p & 1) check(&t, 1 << p);
        check(&t, known[kind]);
        if (kind != RNN)
            check(&t, known[kind] & ~OG_POINT_A & ~OG_POINT_A_O & ~OG_POINT_A_Z);
    }
}

// --- layers without time -------------------------------------------------------------

enum { PLACES = 6, CHANNELS = 3, FILTERS = 4 };

enum { IMAGE = PLACES * CHANNELS, HIDDEN = PLACES * FILTERS, OUT = 3 };

// y[N][places][out] = w x, x[N][places][in], noise at X and A.
static void layer(const struct noise *q, const float *w, double *x, int places, int in,
                  int out, double *y)
{
    add_own(q, OG_POINT_X, 0, x, (size_t)(places * in));
    for (int i = 0; i < N * places * out; i++) {
        y[i] = 0;
        for (int c = 0; c < in; c++)
            y[i] += (double)w[i % out * in + c] * x[i / out * in + c];
    }
    add_own(q, OG_POINT_A, 0, y, (size_t)(places * out));
}

// A 1 x 1 convolution and a dense layer on what it gives.
static void expect_layers(int points, const float *w, const float *image, double *y)
{
    static double x[N * IMAGE], sums[N * HIDDEN], hidden[N * HIDDEN];
    const float *b = w + FILTERS * CHANNELS, *w2 = b + FILTERS, *b2 = w2 + OUT * HIDDEN;
    for (int i = 0; i < N * IMAGE; i++)  // a window holds all channels of a place
        x[i] =
            image[(i / IMAGE * CHANNELS + i % CHANNELS) * PLACES + i / CHANNELS % PLACES];
    struct noise q = {points, 0, 0};
    layer(&q, w, x, PLACES, CHANNELS, FILTERS, sums);
    for (int i = 0; i < N * HIDDEN; i++) {
        int j = i / PLACES % FILTERS;
        hidden[i] = sums[(i / HIDDEN * PLACES + i % PLACES) * FILTERS + j] + (double)b[j];
    }
    add_own(&q, OG_POINT_O, 0, hidden, HIDDEN);
    q.node = 1;
    layer(&q, w2, hidden, 1, HIDDEN, OUT, y);
    for (int i = 0; i < N * OUT; i++) y[i] += (double)b2[i % OUT];
    add_own(&q, OG_POINT_O, 0, y, OUT);
}

static void layers_meet(void **state)
{
    (void)state;
    const int points = OG_POINT_X | OG_POINT_A | OG_POINT_O;
    static double expected[N * OUT];
    struct og_hardware hw = hardware(points, OG_MEAN_BATCH);
    og_model *model = nn_model("[conv2d: {filters: 4, kernel: 1}, dense: {units: 3}]",
                               (struct og_shape){3, {CHANNELS, 2, 3}}, OUT);
    og_model_init(model, 3);
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = &hw, .batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, IMAGE, OUT);
    for (uint32_t i = 0; i < N; i++) t.sample[i] = 7 * i;
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    og_exec_program(exec, &(struct og_chip){0});
    const float *y = og_exec_forward(exec, &t.b);
    size_t count;
    expect_layers(points, og_model_params(model, &count), t.x, expected);
    for (int i = 0; i < N * OUT; i++)
        assert_true(fabs((double)y[i] - expected[i]) <= 2e-5);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

// --- what the option leaves alone ----------------------------------------------------

// Noise of no power: the parts leave the same record for backward as the whole does.
static void gradients_are_those_of_the_whole(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++) {
        struct net net = make_net(&tasks[k]);
        struct og_hardware hw = hardware(0, OG_MEAN_RUNNING);
        start(&net, &hw, true, OG_STRAIGHT_THROUGH);
        og_exec_forward(net.exec, &net.batch);
        float *whole = og_alloc(net.count, sizeof *whole);
        memcpy(whole, og_exec_backward(net.exec, &net.batch), net.count * sizeof *whole);
        hw = hardware((1 << OG_POINTS) - 1, OG_MEAN_BATCH);
        hw.injection.snr_db = 300;
        start(&net, &hw, true, OG_STRAIGHT_THROUGH);
        og_exec_forward(net.exec, &net.batch);
        const float *parts = og_exec_backward(net.exec, &net.batch);
        for (size_t i = 0; i < net.count; i++)
            assert_true(fabs((double)(parts[i] - whole[i])) <= 1e-6);
        og_free(whole);
        end(&net);
    }
}

// In evaluation the power is that of the calibration, whatever the option says.
static void evaluation_takes_the_calibration(void **state)
{
    (void)state;
    struct net net = make_net(&tasks[0]);
    float y[2][64 * 5];
    for (int k = 0; k < 2; k++) {
        struct og_hardware hw = hardware(63, k == 0 ? OG_MEAN_RUNNING : OG_MEAN_BATCH);
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        memcpy(y[k], og_exec_forward(net.exec, &net.batch),
               net.batch.n * 5 * sizeof *y[k]);
    }
    assert_memory_equal(y[0], y[1], net.batch.n * 5 * sizeof *y[0]);
    end(&net);
}

// Mean square of what noise at `points` changes in the outputs, in evaluation.
static double changed(const struct task *t, int points, float *y)
{
    struct net net = make_net(t);
    static float clean[N * T * U];
    double sum = 0;
    struct og_hardware hw = hardware(0, OG_MEAN_RUNNING);
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    memcpy(clean, og_exec_forward(net.exec, &net.batch), sizeof clean);
    hw = hardware(points, OG_MEAN_RUNNING);
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    memcpy(y, og_exec_forward(net.exec, &net.batch), N * T * U * sizeof *y);
    for (int i = 0; i < N * T * U; i++) {
        double d = (double)y[i] - (double)clean[i];
        sum += d * d / (N * T * U);
    }
    end(&net);
    return sum;
}

// Noise in the columns of all gates is noise at A; what a network has not, changes
// nothing; what it has, does.
static void gates_are_parts_of_the_sums(void **state)
{
    (void)state;
    enum { LSTM_GATES = OG_POINT_A_I | OG_POINT_A_F | OG_POINT_A_G | OG_POINT_A_O };
    static float all[N * T * U], parts[N * T * U];
    struct task t = {.spec = {{LSTM, U, 1, .sequence = true}},
                     .chain = 1,
                     .steps = T,
                     .inputs = IN,
                     .n = N};
    double whole = changed(&t, OG_POINT_A, all);
    changed(&t, LSTM_GATES, parts);
    assert_memory_equal(all, parts, sizeof all);
    for (int p = OG_POINT_A_I; p <= OG_POINT_A_O; p *= 2) {
        double one = changed(&t, p, parts);
        assert_true(one > 1e-6 && one < whole);
    }
    assert_true(changed(&t, OG_POINT_T, parts) > 1e-6);
    assert_true(changed(&t, OG_POINT_RH | OG_POINT_A_Z, parts) == 0);
    t.spec[0].kind = GRU;
    double h = changed(&t, OG_POINT_H, parts), rh = changed(&t, OG_POINT_RH, parts);
    assert_true(rh > 1e-6 && rh < h);
    assert_true(changed(&t, OG_POINT_T | OG_POINT_C | OG_POINT_A_I, parts) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_steps_meet),
        cmocka_unit_test(layers_meet),
        cmocka_unit_test(gradients_are_those_of_the_whole),
        cmocka_unit_test(gates_are_parts_of_the_sums),
        cmocka_unit_test(evaluation_takes_the_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
