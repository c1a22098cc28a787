// SPDX-License-Identifier: GPL-3.0-or-later
// The noise of a read, fresh in every one. Fast form: the noise of a column is the sum of
// many independent Gaussians, hence one Gaussian with Var_j = sum_i v_ij d_i^2, and one
// number per output says it all (exact, since read noise is Gaussian, unclipped, and
// independent from read to read). Device-level form: every device draws its own number.
#include <math.h>

#include "periphery/read.h"

// Streams of reads: one per conversion unit, its reference columns, and each device set;
// in each pass.
enum stream_kind { OF_UNIT, OF_REFERENCE, OF_DEVICES };

static struct og_stream read_stream(const struct og_array *a,
                                    const struct og_read_part *p, enum stream_kind kind,
                                    size_t number)
{
    uint32_t tile = (uint32_t)(number * (size_t)og_passes(a) + (size_t)p->pass);
    return og_stream_named(p->at->seed, OG_READ, p->at->trial, a->shape.layer,
                           (uint32_t)kind << 30 | tile);
}

// The place of row r of the part among the rows of its sample, which follow each other.
static uint64_t place_of(const struct og_read_part *p, size_t r)
{
    return (p->row0 + r) % p->at->positions;
}

// z[r * width ..]: `width` normals for each row, contiguous within a sample.
static void draw(const struct og_read_part *p, const struct og_stream *s, size_t width,
                 float *z)
{
    for (size_t r = 0; r < p->n;) {
        size_t row = p->row0 + r, left = p->at->positions - row % p->at->positions;
        size_t rows = left < p->n - r ? left : p->n - r;
        uint32_t sample = p->at->sample[row / p->at->positions];
        og_gauss_fill(s, (struct og_index){p->at->pass, sample, p->at->step},
                      place_of(p, r) * width, z + r * width, rows * width);
        r += rows;
    }
}

// Devices are too many for positions that count rows as well: each row has a stream,
// named after that of the set.
static struct og_stream row_stream(const struct og_read_part *p,
                                   const struct og_stream *set, size_t r)
{
    uint64_t name = (uint64_t)set->key[1] << 32 | set->key[0], place = place_of(p, r);
    return og_stream_named(name, OG_READ, (uint32_t)place, (uint32_t)(place >> 32), 0);
}

// sd[n] of devices from number `first` over all sets, in one read of word line `line`.
static void device_sigma(const struct og_array *a, const struct og_read_work *w,
                         size_t line, size_t first, size_t n, float *sd)
{
    const float amplitude = a->sd == NULL ? 0 : sqrtf(w->power[line]);
    for (size_t k = 0; k < n; k++)
        sd[k] = a->sd == NULL ? 0 : amplitude * a->sd[first + k];
    for (size_t k = 0; a->device_s != NULL && k < n; k++)
        sd[k] = sqrtf(sd[k] * sd[k] + w->thermal[line] * a->device_s[first + k]);
}

// What one set of devices adds to the sums of its unit, device by device.
static void add_device_noise(const struct og_array *a, const struct og_unit *u,
                             const struct og_read_part *p, size_t set,
                             const struct og_read_work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    struct og_stream of_set = read_stream(a, p, OF_DEVICES, set);
    float xi[256], sd[256];
    for (size_t r = 0; r < p->n; r++) {
        size_t row = p->row0 + r;
        uint32_t sample = p->at->sample[row / p->at->positions];
        struct og_index at = {p->at->pass, sample, p->at->step};
        struct og_stream s = row_stream(p, &of_set, r);
        for (size_t i = u->row0; i < u->row0 + u->rows; i++) {
            for (size_t j = 0; j < cols; j += 256) {
                size_t n = cols - j < 256 ? cols - j : 256;
                og_gauss_fill(&s, at, i * cols + j, xi, n);
                device_sigma(a, w, r * rows + i, set * rows * cols + i * cols + j, n, sd);
                for (size_t k = 0; k < n; k++) w->sum[r * cols + j + k] += sd[k] * xi[k];
            }
        }
    }
}

// The reference column of a tile is one more column, taken away from all others there.
static void add_reference_noise(const struct og_array *a, const struct og_unit *u,
                                const struct og_read_part *p,
                                const struct og_read_work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols, tiles = a->map.col_tiles;
    struct og_stream s = read_stream(a, p, OF_REFERENCE, (size_t)(u - a->unit));
    draw(p, &s, tiles, w->row);
    for (size_t r = 0; r < p->n; r++)
        for (size_t t = 0; t < tiles; t++) {
            float variance = 0;
            for (size_t i = u->row0; i < u->row0 + u->rows; i++) {
                const float sd = a->ref_sd == NULL ? 0 : a->ref_sd[t * rows + i];
                if (sd > 0) variance += w->power[r * rows + i] * sd * sd;
                if (a->ref_s != NULL)
                    variance += w->thermal[r * rows + i] * a->ref_s[t * rows + i];
            }
            float noise = w->row[r * tiles + t] * sqrtf(variance);
            size_t end = (t + 1) * a->map.tile_cols;
            for (size_t j = t * a->map.tile_cols; j < cols && j < end; j++)
                w->sum[r * cols + j] -= noise;
        }
}

void og_read_noise_add(const struct og_array *a, const struct og_unit *u,
                       const struct og_read_part *p, const struct og_read_work *w)
{
    int sides = og_mapping_sides(&a->map);
    const struct og_clocked_rows rows = {p->at, p->row0, p->n, w->drive, w->sum};
    const bool drawn = a->sd != NULL || a->device_s != NULL;
    for (int copy = 0; drawn && copy < a->copies; copy++)
        for (int side = 0; side < sides; side++) {
            if (a->sides == 2 && side != u->side) continue;
            int set = (copy * a->map.slices + u->slice) * sides + side;
            add_device_noise(a, u, p, (size_t)set, w);
        }
    if (og_clocked(a)) og_clocked_add(a, u, &rows);
    if (a->ref_sd != NULL || a->ref_s != NULL) add_reference_noise(a, u, p, w);
}

// The variance that all columns of a row have in common.
static void row_variances(const struct og_array *a, const struct og_unit *u, size_t n,
                          const struct og_read_work *w)
{
    bool widths = a->map.hw.input.encoding == OG_PULSE_WIDTH;
    float factor = widths ? a->variance * a->d_max : a->variance;
    if (og_pulses_joined(a))
        og_convert_kernels()->row_sums(w->power + u->row0, a->map.rows, n, u->rows,
                                       OG_POWER_NONE, w->row);
    else if (w->next_row != 1)
        og_convert_kernels()->row_sums(w->drive + u->row0, a->map.rows, n, u->rows,
                                       widths ? OG_POWER_ABS : OG_POWER_SQUARE, w->row);
    if (w->next_row == 1)
        og_convert_kernels()->col_sums(w->drive + u->row0 * w->next_line, w->next_line, n,
                                       u->rows, widths ? OG_POWER_ABS : OG_POWER_SQUARE,
                                       w->row);
    for (size_t r = 0; r < n; r++) w->row[r] *= factor;
}

bool og_read_noise_by_rows(const struct og_array *a, const struct og_tape *t)
{
    return a->variance > 0 && a->map.hw.integrator.saturation == 0 && a->ramps == NULL &&
           a->s == NULL && !og_varied(a) && !a->map.any_gone &&
           a->map.hw.adc.noise == 0 && t->ratio == NULL;
}

void og_read_noise_fill(const struct og_array *a, const struct og_unit *u,
                        const struct og_read_part *p, const struct og_read_work *w,
                        bool by_rows)
{
    size_t cols = a->map.cols;
    struct og_stream s = read_stream(a, p, OF_UNIT, (size_t)(u - a->unit));
    draw(p, &s, cols, w->z);
    if (og_varied(a)) {
        struct og_left left = {w->power + u->row0, a->map.rows, 1};
        og_product(left, p->n, u->v, w->variance, cols, 0);
        if (a->s != NULL) og_thermal_add(a, u, w->thermal, p->n, w->variance);
        return;
    }
    row_variances(a, u, p->n, w);
    for (size_t r = 0; r < p->n; r++) {
        if (by_rows)
            w->row[r] = sqrtf(w->row[r]);
        else
            for (size_t j = 0; j < cols; j++) w->variance[r * cols + j] = w->row[r];
    }
    if (a->map.any_gone) og_tile_variances(a, u, w->power, p->n, w->variance);
    if (a->s != NULL) og_thermal_add(a, u, w->thermal, p->n, w->variance);
}

bool og_read_adc_apart(const struct og_array *a)
{
    return a->map.hw.integrator.saturation > 0 && a->map.hw.adc.noise > 0;
}

void og_read_adc_noise(const struct og_array *a, const struct og_unit *u,
                       const struct og_read_part *p, float *z)
{
    uint32_t number = (uint32_t)(u - a->unit) * (uint32_t)og_passes(a);
    const struct og_stream s =  // beside the spread of converters
        og_stream_named(p->at->seed, OG_CONVERTER, p->at->trial, a->shape.layer,
                        1u << 31 | (number + (uint32_t)p->pass));
    draw(p, &s, a->map.cols, z);
}
