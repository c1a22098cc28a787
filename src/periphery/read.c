// SPDX-License-Identifier: GPL-3.0-or-later
// Reads: DAC -> products -> read noise -> ADC -> digital sum, a chunk of rows at a time.
//
// Read noise is fresh in every read. Fast form: the noise of a column is the sum of many
// independent Gaussians, hence one Gaussian with Var_j = sum_i v_ij d_i^2, and one number
// per output says it all (exact, since read noise is Gaussian, unclipped, and independent
// from read to read). Device-level form: every device draws its own number.
#include <math.h>
#include <string.h>

#include "periphery/array_impl.h"
#include "periphery/tape.h"

struct work {
    float *codes, *drive, *power, *sum, *variance, *z, *acc, *scratch, *row;
};

static size_t padded(size_t n) { return (n + 15) / 16 * 16; }

static size_t lay_work(const struct og_array *a, void *memory, struct work *w)
{
    size_t in = padded(OG_CHUNK * a->map.rows);
    size_t out = padded((OG_CHUNK + a->repeat) * a->map.cols);
    size_t size[] = {
        in, in, in, out, out, out, out, padded(a->run), padded(2 * OG_CHUNK)};
    float **to[] = {&w->codes, &w->drive, &w->power,   &w->sum, &w->variance,
                    &w->z,     &w->acc,   &w->scratch, &w->row};
    size_t at = 0;
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        *to[k] = memory == NULL ? NULL : (float *)memory + at;
        at += size[k];
    }
    return at * sizeof(float);
}

size_t og_array_work_bytes(const og_array *a, size_t n)
{
    struct work w;
    size_t read = lay_work(a, NULL, &w), back = og_backward_work_bytes(a, n);
    return read > back ? read : back;
}

// Rows row0 .. row0 + n - 1 of a call, in one pass.
struct part {
    const struct og_read *at;
    size_t row0, n;
    int pass;
    const struct og_drive *drive;
};

// Positions of the draws of row r of the part: rows of one sample follow each other.
static uint64_t first_read(const struct part *p, size_t r)
{
    return (uint64_t)p->pass * p->at->positions + (p->row0 + r) % p->at->positions;
}

// z[r * width ..]: `width` normals for each row, contiguous within a sample.
static void draw(const struct part *p, const struct og_stream *s, size_t width, float *z)
{
    for (size_t r = 0; r < p->n;) {
        size_t row = p->row0 + r, left = p->at->positions - row % p->at->positions;
        size_t rows = left < p->n - r ? left : p->n - r;
        uint32_t sample = p->at->sample[row / p->at->positions];
        og_gauss_fill(s, (struct og_index){p->at->pass, sample, p->at->step},
                      first_read(p, r) * width, z + r * width, rows * width);
        r += rows;
    }
}

static struct og_stream read_stream(const struct og_array *a, const struct part *p,
                                    uint32_t tile)
{
    return og_stream_named(p->at->seed, OG_READ, p->at->trial, a->shape.layer, tile);
}

// Streams of reads: one per conversion unit, its reference column, and each device set.
enum { REFERENCE_TILE = 1 << 16, DEVICE_TILE = 1 << 20 };

// Sum of x over n elements in 16 fixed lanes: one order on every machine.
static float sum_row(const float *x, size_t n)
{
    float lane[16] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++) lane[k] += x[i + k];
    for (; i < n; i++) lane[i % 16] += x[i];
    for (int k = 0; k < 16; k++) sum += lane[k];
    return sum;
}

// What one set of devices adds to the sums of its unit, device by device.
static void add_device_noise(const struct og_array *a, const struct og_unit *u,
                             const struct part *p, size_t set, const struct work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    const float *sd = a->sd + set * rows * cols;
    struct og_stream s = read_stream(a, p, (uint32_t)(DEVICE_TILE + set));
    float xi[256];
    for (size_t r = 0; r < p->n; r++) {
        size_t row = p->row0 + r;
        uint32_t sample = p->at->sample[row / p->at->positions];
        struct og_index at = {p->at->pass, sample, p->at->step};
        for (size_t i = u->row0; i < u->row0 + u->rows; i++) {
            float amplitude = sqrtf(w->power[r * rows + i]);
            uint64_t first = (first_read(p, r) * rows + i) * cols;
            for (size_t j = 0; j < cols; j += 256) {
                size_t n = cols - j < 256 ? cols - j : 256;
                og_gauss_fill(&s, at, first + j, xi, n);
                for (size_t k = 0; k < n; k++)
                    w->sum[r * cols + j + k] += amplitude * sd[i * cols + j + k] * xi[k];
            }
        }
    }
}

// The reference column is one more column, taken away from all others.
static void add_reference_noise(const struct og_array *a, const struct og_unit *u,
                                const struct part *p, const struct work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    struct og_stream s =
        read_stream(a, p, (uint32_t)(REFERENCE_TILE + (size_t)(u - a->unit)));
    draw(p, &s, 1, w->row);
    for (size_t r = 0; r < p->n; r++) {
        float variance = 0;
        for (size_t i = u->row0; i < u->row0 + u->rows; i++)
            variance += w->power[r * rows + i] * a->ref_sd[i] * a->ref_sd[i];
        float noise = w->row[r] * sqrtf(variance);
        for (size_t j = 0; j < cols; j++) w->sum[r * cols + j] -= noise;
    }
}

static void column_sums(const struct og_array *a, const struct og_unit *u, size_t n,
                        const og_packed *e, const struct work *w)
{
    struct og_left left = {w->drive + u->row0, a->map.rows, 1};
    og_product(left, n, e, w->sum, a->map.cols, 0);
}

// Fills w->z and w->variance for one unit; false when its reads are free of noise.
static bool read_noise(const struct og_array *a, const struct og_unit *u,
                       const struct part *p, const struct work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    if (a->sd != NULL)
        for (int copy = 0; copy < a->copies; copy++)
            for (int side = 0; side < og_mapping_sides(&a->map); side++) {
                if (a->sides == 2 && side != u->side) continue;
                size_t set = (size_t)(copy * a->map.slices + u->slice) *
                                 (size_t)og_mapping_sides(&a->map) +
                             (size_t)side;
                add_device_noise(a, u, p, set, w);
            }
    if (a->ref_sd != NULL) add_reference_noise(a, u, p, w);
    if (u->v != NULL) {
        struct og_left left = {w->power + u->row0, rows, 1};
        og_product(left, p->n, u->v, w->variance, cols, 0);
    } else {
        for (size_t r = 0; r < p->n; r++) {
            float v = a->variance > 0
                          ? a->variance * sum_row(w->power + r * rows + u->row0, u->rows)
                          : 0;
            for (size_t j = 0; j < cols; j++) w->variance[r * cols + j] = v;
        }
    }
    if (!og_output_noise(a)) return false;
    struct og_stream s = read_stream(a, p, (uint32_t)(u - a->unit));
    draw(p, &s, cols, w->z);
    return true;
}

static void convert_unit(const struct og_array *a, const struct og_unit *u,
                         const struct part *p, const struct work *w,
                         const struct og_tape *t)
{
    size_t cols = a->map.cols, all = p->n * cols;
    bool noisy = read_noise(a, u, p, w);
    struct og_convert c = {
        .lanes = og_unit_lanes(a, u),
        .limit = a->limit,
        .mid_rise = a->map.hw.adc.rounding == OG_MID_RISE,
        .ratio = noisy && t->ratio != NULL,
        .weight = p->drive->weight,
    };
    for (size_t k = 0; k < all; k += a->run) {
        c.sum = w->sum + k;
        c.z = noisy ? w->z + k : NULL;
        c.variance = w->variance + k;
        c.sum_out = w->acc + k;
        c.clipped = NULL;
        if (t->adc != NULL)
            c.clipped = t->adc + (size_t)u->group * t->n * cols + p->row0 * cols + k;
        size_t n = all - k < a->run ? all - k : a->run;
        og_convert_kernels()->convert(&c, n, w->scratch);
    }
    if (c.ratio)
        memcpy(og_tape_ratio(a, t, p->pass, u) + p->row0 * cols, w->variance,
               all * sizeof(float));
}

// Digital reference: every column also carries `base` for each unit of drive.
static void subtract_base(const struct og_array *a, const struct og_unit *u,
                          const struct part *p, const struct work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    for (size_t r = 0; r < p->n; r++) {
        float total = sum_row(w->drive + r * rows + u->row0, u->rows);
        float common = total * a->base * p->drive->weight / a->lsb_ref;
        for (size_t j = 0; j < cols; j++) w->acc[r * cols + j] -= common * scale[j];
    }
}

// Offset inputs: n times the nominal column sum is known and taken away digitally.
static void subtract_offset(const struct og_array *a, size_t n, const struct work *w)
{
    size_t cols = a->map.cols;
    for (int g = 0; g < a->groups; g++) {
        const float *sum = a->column_sum + (size_t)g * cols;
        const float *scale = a->group_scale + (size_t)g * cols;
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < cols; j++)
                w->acc[r * cols + j] -= a->d_max * sum[j] * scale[j] / a->lsb_ref;
    }
}

// Injected noise at point A joins the column sums where these exist as one.
static bool one_conversion(const struct og_array *a)
{
    return a->units == 1 && og_passes(a) == 1;
}

static void add_injected(const struct og_array *a, const struct og_read_io *io,
                         size_t row0, size_t n, const struct work *w)
{
    size_t cols = a->map.cols;
    float *to = one_conversion(a) ? w->sum : w->acc, inv = 1 / og_step_in_y(a);
    if (!one_conversion(a)) inv /= a->lsb_ref;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) {
            float scale = one_conversion(a) ? inv / a->group_scale[j] : inv;
            to[r * cols + j] += io->a_noise[(row0 + r) * cols + j] * scale;
        }
}

static void read_chunk(const struct og_array *a, const struct og_read *at,
                       const struct og_read_io *io, const struct work *w,
                       const struct og_tape *t, size_t row0, size_t n)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    og_dac(a, io->x + row0 * io->ldx, io->ldx, n, w->codes,
           t->dac == NULL ? NULL : t->dac + row0 * rows);
    if (t->x != NULL) og_tape_inputs(a, w->codes, n, t->x + row0 * rows);
    memset(w->acc, 0, n * cols * sizeof *w->acc);
    for (int k = 0; k < og_passes(a); k++) {
        struct og_drive drive = og_pass(a, k);
        struct part p = {at, row0, n, k, &drive};
        og_make_drive(a, &drive, w->codes, n, w->drive);
        if (og_read_noise(a)) og_drive_power(a, w->drive, n, w->power);
        for (int m = 0; m < a->units; m++) {
            const struct og_unit *u = &a->unit[m];
            column_sums(a, u, n, u->e, w);
            if (io->a_noise != NULL && one_conversion(a)) add_injected(a, io, row0, n, w);
            convert_unit(a, u, &p, w, t);
            if (a->base != 0) subtract_base(a, u, &p, w);
        }
    }
    if (a->column_sum != NULL) subtract_offset(a, n, w);
    if (io->a_noise != NULL && !one_conversion(a)) add_injected(a, io, row0, n, w);
    float scale = og_step_in_y(a) * a->lsb_ref;
    for (size_t r = 0; r < n; r++) {
        float *y = io->y + (row0 + r) * io->ldy;
        for (size_t j = 0; j < cols; j++) y[j] = w->acc[r * cols + j] * scale;
    }
}

void og_array_read(const og_array *a, const struct og_read *at,
                   const struct og_read_io *io)
{
    struct work w;
    lay_work(a, io->work, &w);
    struct og_tape t = og_tape_lay(a, io->tape, io->n);
    if (t.adc != NULL) memset(t.adc, 0, (size_t)a->groups * io->n * a->map.cols);
    for (size_t row = 0; row < io->n; row += OG_CHUNK) {
        size_t n = io->n - row < OG_CHUNK ? io->n - row : OG_CHUNK;
        read_chunk(a, at, io, &w, &t, row, n);
    }
}

void og_array_observe(og_array *a, const float *x, size_t ldx, size_t n, void *work)
{
    if (a->unit[0].nominal == NULL) return;
    struct work w;
    lay_work(a, work, &w);
    for (size_t row = 0; row < n; row += OG_CHUNK) {
        size_t rows = n - row < OG_CHUNK ? n - row : OG_CHUNK;
        og_dac(a, x + row * ldx, ldx, rows, w.codes, NULL);
        for (int k = 0; k < og_passes(a); k++) {
            struct og_drive drive = og_pass(a, k);
            og_make_drive(a, &drive, w.codes, rows, w.drive);
            for (int m = 0; m < a->units; m++) {
                column_sums(a, &a->unit[m], rows, a->unit[m].nominal, &w);
                og_observe_sums(a, &a->unit[m], w.sum, rows);
            }
        }
    }
}
