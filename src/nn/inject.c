// SPDX-License-Identifier: GPL-3.0-or-later
// Noise injection, n ~ N(0, P 10^(-SNR/10)) (Qin and Vucinic), and the quantiser of
// states.
//
// P is the mean square of the signal at a point of a layer (with `ac` less the square of
// its mean): a constant of the calibration in evaluation; in training a running mean
// (momentum 0.9, ohmgrid's choice) or the mean of the present batch, in a recurrent layer
// that of each cell and time step. It is constant in backward, but for that at A with
// reparam (linear.c). Sums go per block and are added up in block order.
//
// The mean of the batch is known when all blocks have come to the point; so the layers
// stop there (og_op.part) and their powers meet. Gates of one point that are computed
// together share one power: in a GRU z and r, then n.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "nn/exec.h"
#include "ohmgrid/random.h"
#include "ohmgrid/vmath.h"

static const double power_momentum = 0.9;

enum { LANES = 8 };  // sums side by side

bool og_injects(const og_exec *exec, const struct og_node *node, int points)
{
    const struct og_hardware *hw = og_exec_hardware(exec, node);
    return !hw->ideal && (hw->injection.points & points);
}

bool og_exec_injects(const og_exec *exec)
{
    for (size_t i = 0; i < exec->model->nodes; i++)
        if (og_injects(exec, &exec->node[i], ~0)) return true;
    return false;
}

bool og_injects_input(const og_exec *exec, const struct og_linear_decl *l, int segment,
                      const struct og_node *node)
{
    if (!l->segment[segment].recurrent) return og_injects(exec, node, OG_POINT_X);
    int points = OG_POINT_H | (l->segment[segment].reset ? OG_POINT_RH : 0);
    return og_injects(exec, node, points);
}

bool og_injects_sums(const og_exec *exec, const struct og_linear_decl *l,
                     const struct og_node *node)
{
    int points = OG_POINT_A;
    for (int g = 0; g < l->gates; g++) points |= l->gate_point[g];
    return og_injects(exec, node, points);
}

static struct og_power_sum *sum_at(const struct og_view *v, size_t slot)
{
    assert(slot < v->exec->slots);
    return &v->exec->power_sum[v->block * v->exec->slots + slot];
}

void og_power_add(const struct og_view *v, size_t slot, const float *x, size_t ldx,
                  size_t rows, size_t width)
{
    struct og_power_sum *s = sum_at(v, slot);
    double sum[LANES] = {0}, square[LANES] = {0};
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i += LANES) {
            const size_t n = width - i < LANES ? width - i : LANES;
            float value[LANES] = {0};
            memcpy(value, x + r * ldx + i, n * sizeof *value);
            for (size_t k = 0; k < LANES; k++) {
                sum[k] += value[k];
                square[k] += (double)value[k] * value[k];
            }
        }
    for (size_t k = 0; k < LANES; k++) s->sum += sum[k], s->square += square[k];
    s->count += (double)(rows * width);
}

void og_power_merge(const og_exec *exec, size_t blocks, struct og_power_sum *total)
{
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = 0; i < exec->slots; i++) {
            const struct og_power_sum *s = &exec->power_sum[b * exec->slots + i];
            total[i].sum += s->sum;
            total[i].square += s->square;
            total[i].count += s->count;
        }
}

static const struct og_node *node_of_slot(const og_exec *exec, size_t slot)
{
    size_t which = slot / OG_SLOTS;
    if (which < exec->matrices) return exec->matrix[which].node;
    return &exec->node[which - exec->matrices];
}

float og_power_of(const og_exec *exec, size_t slot, const struct og_power_sum *sum)
{
    double mean = sum->sum / sum->count, power = sum->square / sum->count;
    if (og_exec_hardware(exec, node_of_slot(exec, slot))->injection.ac)
        power -= mean * mean;
    return (float)(power > 0.0 ? power : 0.0);  // rounding of a constant signal
}

static void add_up(og_exec *exec, size_t blocks)
{
    for (size_t i = 0; i < exec->slots; i++)
        exec->power_total[i] = (struct og_power_sum){0};
    og_power_merge(exec, blocks, exec->power_total);
}

void og_power_meet(og_exec *exec, size_t blocks)
{
    add_up(exec, blocks);
    for (size_t i = 0; i < exec->slots; i++)
        if (exec->power_total[i].count > 0.0)
            exec->power_now[i] = og_power_of(exec, i, &exec->power_total[i]);
    memset(exec->power_sum, 0, blocks * exec->slots * sizeof *exec->power_sum);
}

void og_power_update(og_exec *exec, size_t blocks)
{
    if (exec->together) return;  // constants of the last calibration
    add_up(exec, blocks);
    for (size_t i = 0; i < exec->slots; i++) {
        if (exec->power_total[i].count == 0.0) continue;
        double now = og_power_of(exec, i, &exec->power_total[i]);
        exec->calibration[i] =
            (float)(power_momentum * exec->calibration[i] + (1.0 - power_momentum) * now);
    }
}

struct back_sums {
    double along, sum, square, count;
};

// Element i goes to the sums of lane i modulo their number.
static struct back_sums back_sums(const float *noise, const float *signal, size_t n,
                                  const float *dy)
{
    struct back_sums lane[LANES] = {{0}}, all = {0};
    for (size_t i = 0; i < n; i++) {
        struct back_sums *t = &lane[i % LANES];
        const double s = (double)signal[i];
        t->along += (double)dy[i] * (double)noise[i];
        t->sum += s;
        t->square += s * s;
        t->count += noise[i] != 0.0f;
    }
    for (size_t k = 0; k < LANES; k++) {
        all.along += lane[k].along;
        all.sum += lane[k].sum;
        all.square += lane[k].square;
        all.count += lane[k].count;
    }
    return all;
}

void og_power_back(bool ac, const float *noise, const float *signal, size_t n, float *dy)
{
    const struct back_sums t = back_sums(noise, signal, n, dy);
    const double mean = ac && t.count > 0.0 ? t.sum / t.count : 0.0;
    const double all = t.square - mean * t.sum, factor = all > 0.0 ? t.along / all : 0.0;
    for (size_t i = 0; i < n; i++) {
        const double s = noise[i] != 0.0f ? (double)signal[i] - mean : 0.0;
        dy[i] += (float)(factor * s);
    }
}

static float noise_sd(const struct og_view *v, const struct og_noise *noise)
{
    const og_exec *exec = v->exec;
    double power = (exec->together ? exec->power_now : exec->calibration)[noise->slot];
    double snr_db = og_exec_hardware(exec, v->node)->injection.snr_db;
    return (float)sqrt(power * og_pow(10.0, -snr_db / 10.0));
}

static struct og_stream noise_stream(const struct og_view *v,
                                     const struct og_noise *noise)
{
    return og_stream_named(v->batch->seed, OG_INJECTION, v->batch->trial, noise->layer,
                           noise->tile);
}

static struct og_index noise_index(const struct og_view *v, const struct og_noise *noise,
                                   size_t k)
{
    return (struct og_index){v->batch->pass, v->sample[k], noise->step};
}

void og_noise_fill(const struct og_view *v, const struct og_noise *noise, float *out)
{
    float sd = noise_sd(v, noise);
    struct og_stream s = noise_stream(v, noise);
    size_t each = noise->rows / v->n * noise->width;
    for (size_t k = 0; k < v->n; k++)
        og_gauss_fill(&s, noise_index(v, noise, k), 0, out + k * each, each);
    for (size_t i = 0; i < v->n * each; i++) out[i] *= sd;
}

// The width of the stack buffer in which og_inject draws.
enum { OG_INJECT_RUN = 256 };

static void add_noise(const struct og_view *v, const struct og_noise *noise, float *value)
{
    float sd = noise_sd(v, noise), z[OG_INJECT_RUN];
    struct og_stream s = noise_stream(v, noise);
    size_t each = noise->rows / v->n * noise->width;
    for (size_t k = 0; k < v->n; k++) {
        struct og_index at = noise_index(v, noise, k);
        float *x = value + k * each;
        for (size_t i = 0; i < each; i += OG_INJECT_RUN) {
            size_t n = each - i < OG_INJECT_RUN ? each - i : OG_INJECT_RUN;
            og_gauss_fill(&s, at, i, z, n);
            for (size_t e = 0; e < n; e++) x[i + e] += sd * z[e];
        }
    }
}

static size_t slot_of(const struct og_view *v, enum og_point point)
{
    size_t which = point == OG_POINT_G   ? 0
                   : point == OG_POINT_C ? 1
                   : point == OG_POINT_O ? 2
                                         : 3;
    return OG_SLOTS * (v->exec->matrices + v->node->index) + which;
}

void og_signal(const struct og_view *v, enum og_point point, const float *value,
               size_t rows, size_t width)
{
    const og_exec *exec = v->exec;
    bool training = exec->training && !exec->inputs && exec->mode == OG_RUN;
    if (!og_injects(exec, v->node, point)) return;
    if (!training && exec->mode != OG_OBSERVE_INPUT) return;
    og_power_add(v, slot_of(v, point), value, width, rows, width);
}

void og_inject(const struct og_view *v, enum og_point point, uint32_t lane, uint32_t step,
               float *value, size_t rows, size_t width)
{
    if (!og_injects(v->exec, v->node, point) || v->exec->mode != OG_RUN) return;
    const struct og_noise noise = {
        .layer = og_stream_node(v->exec, v->node),
        .tile = (uint32_t)point | lane << 8,
        .step = step,
        .slot = slot_of(v, point),
        .rows = rows,
        .width = width,
    };
    add_noise(v, &noise, value);
}

// (k + 1/2) step, k in [least, least + count).
static void mid_rise(float *value, size_t n, float step, float least, float count)
{
    float most = least + count - 1.0f;
    for (size_t i = 0; i < n; i++) {
        float k = floorf(value[i] / step);
        k = k < least ? least : k > most ? most : k;
        value[i] = step * (k + 0.5f);
    }
}

void og_quantize_as(enum og_rounding rounding, float *value, size_t n, int bits,
                    float range, bool is_signed)
{
    if (rounding == OG_MID_TREAD || bits == 0) {
        og_quantize(value, n, bits, range, is_signed);
        return;
    }
    float levels = (float)(1 << bits);
    if (is_signed)
        mid_rise(value, n, 2.0f * range / levels, -0.5f * levels, levels);
    else
        mid_rise(value, n, range / levels, 0.0f, levels);
}

void og_quantize(float *value, size_t n, int bits, float range, bool is_signed)
{
    assert(bits >= 0 && bits < 25);
    if (bits == 0) return;
    if (is_signed) {
        float top = (float)((1 << (bits - 1)) - 1);
        if (top < 1.0f) top = 1.0f;  // one bit: -range, 0, range
        og_vquantize(value, value, n, top / range, top, range / top);
        return;
    }
    float top = (float)((1 << bits) - 1);
    for (size_t i = 0; i < n; i++)
        if (value[i] < 0.0f) value[i] = 0.0f;
    og_vquantize(value, value, n, top / range, top, range / top);
}
