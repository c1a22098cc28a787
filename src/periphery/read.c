// SPDX-License-Identifier: GPL-3.0-or-later
// Reads: DAC -> products -> read noise -> ADC -> digital sum, a chunk of rows at a time.
//
// Read noise is fresh in every read. Fast form: the noise of a column is the sum of many
// independent Gaussians, hence one Gaussian with Var_j = sum_i v_ij d_i^2, and one number
// per output says it all (exact, since read noise is Gaussian, unclipped, and independent
// from read to read). Device-level form: every device draws its own number.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "periphery/adcs.h"
#include "periphery/ramps.h"
#include "periphery/tape.h"
#include "periphery/wired.h"

struct work {
    float *x, *codes, *memory, *power, *thermal, *sum, *variance, *z, *acc, *signal,
        *scratch, *row, *use, *ramp, *z_adc, *bent, *cubic;
    // Of the pass: the codes, or made in `memory`; as cells carry it.
    const float *voltage, *drive;
    size_t next_row, next_line;  // of the drive: floats from one to the next
};

// Codes that come line by line lie this far apart.
enum { CODES_PITCH = OG_CHUNK + 16 };

static size_t padded(size_t n) { return (n + 15) / 16 * 16; }

static size_t lay_work(const struct og_array *a, void *memory, struct work *w)
{
    // Of the whole matrix: lines come and go with each programming.
    size_t in = padded(OG_CHUNK * a->map.full_rows), cols = a->map.full_cols;
    size_t out = padded(OG_CHUNK * cols + OG_LANES + cols);
    size_t tiles = (cols + a->map.tile_cols - 1) / a->map.tile_cols;
    size_t size[] = {
        a->map.live_row == NULL ? 0 : in,
        padded(CODES_PITCH * a->map.full_rows + 16),
        in,
        in,
        og_needs_thermal(a) ? in : 0,
        out,
        out,
        out,
        out,
        out,
        og_convert_scratch(OG_LANES + cols),
        padded(OG_CHUNK * (a->ref_sd == NULL && a->ref_s == NULL ? 1 : tiles)),
        og_use_room(OG_LANES + cols),
        a->ramps == NULL ? 0 : OG_RAMP_ROOM,
        a->map.hw.integrator.saturation > 0 ? out : 0,
        a->bent ? in : 0,
        og_wiring_is_cubic(&a->map.hw.wires) && a->wired ? in + 2 * out : 0,
    };
    float **to[] = {&w->x,        &w->codes, &w->memory, &w->power,  &w->thermal, &w->sum,
                    &w->variance, &w->z,     &w->acc,    &w->signal, &w->scratch, &w->row,
                    &w->use,      &w->ramp,  &w->z_adc,  &w->bent,   &w->cubic};
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
    const struct og_read_io *io;
    size_t row0, n;
    int pass;
    const struct og_drive *drive;
};

// Whether the full column sums exist as one, before an ADC.
static bool one_conversion(const struct og_array *a)
{
    return a->units == 1 && og_passes(a) == 1;
}

// Streams of reads: one per conversion unit, its reference columns, and each device set;
// in each pass.
enum stream_kind { OF_UNIT, OF_REFERENCE, OF_DEVICES };

static struct og_stream read_stream(const struct og_array *a, const struct part *p,
                                    enum stream_kind kind, size_t number)
{
    uint32_t tile = (uint32_t)(number * (size_t)og_passes(a) + (size_t)p->pass);
    return og_stream_named(p->at->seed, OG_READ, p->at->trial, a->shape.layer,
                           (uint32_t)kind << 30 | tile);
}

// The place of row r of the part among the rows of its sample, which follow each other.
static uint64_t place_of(const struct part *p, size_t r)
{
    return (p->row0 + r) % p->at->positions;
}

// z[r * width ..]: `width` normals for each row, contiguous within a sample.
static void draw(const struct part *p, const struct og_stream *s, size_t width, float *z)
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
static struct og_stream row_stream(const struct part *p, const struct og_stream *set,
                                   size_t r)
{
    uint64_t name = (uint64_t)set->key[1] << 32 | set->key[0], place = place_of(p, r);
    return og_stream_named(name, OG_READ, (uint32_t)place, (uint32_t)(place >> 32), 0);
}

// sd[n] of devices from number `first` over all sets, in one read of word line `line`.
static void device_sigma(const struct og_array *a, const struct work *w, size_t line,
                         size_t first, size_t n, float *sd)
{
    const float amplitude = a->sd == NULL ? 0 : sqrtf(w->power[line]);
    for (size_t k = 0; k < n; k++)
        sd[k] = a->sd == NULL ? 0 : amplitude * a->sd[first + k];
    for (size_t k = 0; a->device_s != NULL && k < n; k++)
        sd[k] = sqrtf(sd[k] * sd[k] + w->thermal[line] * a->device_s[first + k]);
}

// What one set of devices adds to the sums of its unit, device by device.
static void add_device_noise(const struct og_array *a, const struct og_unit *u,
                             const struct part *p, size_t set, const struct work *w)
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
                                const struct part *p, const struct work *w)
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

static void column_sums(const struct og_array *a, const struct og_unit *u, size_t n,
                        const og_packed *e, const struct work *w)
{
    if (og_wired_is_nonlinear(a)) {
        const struct og_wired_read io = {w->voltage, n, w->sum, e != u->e};
        og_wired_read(a, u, &io);
        return;
    }
    struct og_left left = {w->drive + u->row0 * w->next_line, w->next_row, w->next_line};
    og_product(left, n, e, w->sum, a->map.cols, 0);
    if (u->size != NULL) og_cubic_take(a, u, w->drive, n, w->cubic, w->sum);
}

// Devices and reference columns that draw numbers of their own.
static void add_drawn_noise(const struct og_array *a, const struct og_unit *u,
                            const struct part *p, const struct work *w)
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
                          const struct work *w)
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

// One standard deviation per row says it all: no ADC noise, and no use of the variance.
static bool noise_by_rows(const struct og_array *a, const struct og_tape *t)
{
    return a->variance > 0 && a->map.hw.integrator.saturation == 0 && a->ramps == NULL &&
           a->s == NULL && !og_varied(a) && !a->map.any_gone &&
           a->map.hw.adc.noise == 0 && t->ratio == NULL;
}

// Fills w->z and w->variance (or w->row) for one unit, if its conversions are noisy.
static void output_noise(const struct og_array *a, const struct og_unit *u,
                         const struct part *p, const struct work *w, bool by_rows)
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

// Numbers for the noise of ADCs where charge saturates between it and that of devices.
static bool draws_apart(const struct og_array *a)
{
    return a->map.hw.integrator.saturation > 0 && a->map.hw.adc.noise > 0;
}

static void adc_noise(const struct og_array *a, const struct og_unit *u,
                      const struct part *p, float *z)
{
    uint32_t number = (uint32_t)(u - a->unit) * (uint32_t)og_passes(a);
    const struct og_stream s =  // beside the spread of converters
        og_stream_named(p->at->seed, OG_CONVERTER, p->at->trial, a->shape.layer,
                        1u << 31 | (number + (uint32_t)p->pass));
    draw(p, &s, a->map.cols, z);
}

// Where the digital sum is one conversion and nothing more, y is written at once.
static bool is_direct(const struct og_array *a, const struct og_read_io *io)
{
    return one_conversion(a) && a->base == 0 && a->column_sum == NULL &&
           a->ramps == NULL && io->ldy == a->map.cols && og_mapping_is_whole(&a->map);
}

static void convert_unit(const struct og_array *a, const struct og_unit *u,
                         const struct part *p, const struct work *w,
                         const struct og_tape *t)
{
    size_t cols = a->map.cols, all = p->n * cols;
    bool noisy = og_output_noise(a), by_rows = noise_by_rows(a, t);
    bool direct = is_direct(a, p->io);
    add_drawn_noise(a, u, p, w);
    if (noisy) output_noise(a, u, p, w, by_rows);
    if (draws_apart(a)) adc_noise(a, u, p, w->z_adc);
    float *out = direct ? p->io->y + p->row0 * cols : w->acc;
    uint8_t *clipped =
        t->adc == NULL ? NULL : t->adc + ((size_t)u->group * t->n + p->row0) * cols;
    const struct og_steps steps =
        u->steps == NULL ? (struct og_steps){.n = 0} : og_adcs_steps(a, u);
    struct og_convert c = {
        .lanes = og_unit_lanes(a, u),
        .steps = u->steps == NULL ? NULL : &steps,
        .saturation = og_unit_saturation(a, u),
        .cols = cols,
        .limit = a->limit,
        .mid_rise = a->map.hw.adc.rounding == OG_MID_RISE,
        .begin = p->pass == 0 && u == a->unit,
        .begin_clipped = p->pass == 0 && u->slice == 0 && u->side == 0,
        .ratio = noisy && t->ratio != NULL,
        .weight = p->drive->weight,
        .scale = direct || a->ramps != NULL ? og_step_in_y(a) * a->lsb_ref : 1,
    };
    for (size_t k = 0; k < all; k += a->run) {
        size_t n = all - k < a->run ? all - k : a->run;
        c.sum = w->sum + k;
        c.z = noisy ? w->z + k : NULL;
        c.z_adc = draws_apart(a) ? w->z_adc + k : NULL;
        c.variance = w->variance + k;
        c.row_sd = by_rows ? w->row + k / cols : NULL;
        c.out = out + k;
        c.clipped = clipped == NULL ? NULL : clipped + k;
        if (p->io->use != NULL) og_use_add(a, &c, n, p->io->use, w->scratch, w->use);
        og_convert_kernels()->convert(&c, n, w->scratch);
    }
    if (c.ratio)
        memcpy(og_tape_ratio(a, t, p->pass, u) + p->row0 * cols, w->variance,
               all * sizeof(float));
}

// Digital reference: every column also carries `base` for each unit of drive.
static void subtract_base(const struct og_array *a, const struct og_unit *u,
                          const struct part *p, const struct work *w, float *acc)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    og_convert_kernels()->row_sums(w->drive + u->row0, rows, p->n, u->rows, OG_POWER_NONE,
                                   w->row);
    for (size_t r = 0; r < p->n; r++) {
        float common = w->row[r] * a->base * p->drive->weight / a->lsb_ref;
        for (size_t j = 0; j < cols; j++)
            if (!og_col_gone(&a->map, (size_t)u->group, j))
                acc[r * cols + j] -= common * scale[j];
    }
}

// Offset inputs: n times the nominal column sum is known and taken away digitally.
static void subtract_offset(const struct og_array *a, size_t n, float *acc)
{
    size_t cols = a->map.cols;
    for (int g = 0; g < a->groups; g++) {
        const float *sum = a->column_sum + (size_t)g * cols;
        const float *scale = a->group_scale + (size_t)g * cols;
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < cols; j++)
                acc[r * cols + j] -= a->d_max * sum[j] * scale[j] / a->lsb_ref;
    }
}

// Injected noise at point A joins the column sums where these exist as one.
static void add_injected(const struct og_array *a, const struct og_read_io *io,
                         size_t row0, size_t n, const struct work *w)
{
    const struct og_mapping *m = &a->map;
    size_t cols = m->cols;
    float *to = one_conversion(a) ? w->sum : w->acc, inv = 1 / og_step_in_y(a);
    if (!one_conversion(a)) inv /= a->lsb_ref;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) {
            float scale = inv;
            if (one_conversion(a)) scale /= a->group_scale[j] * og_compensation_of(a, j);
            size_t from = (row0 + r) * m->full_cols + og_live_col(m, j);
            to[r * cols + j] += io->a_noise[from] * scale;
        }
}

// The sum that will be converted, as it would come out of a perfect ADC.
static void keep_signal(const struct og_array *a, const struct og_unit *u,
                        const struct part *p, const struct work *w)
{
    size_t cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    float weight = og_slice_weight(&a->map, u->slice) * p->drive->weight / a->lsb_ref;
    for (size_t r = 0; r < p->n; r++)
        for (size_t j = 0; j < cols; j++)
            w->signal[r * cols + j] =
                w->sum[r * cols + j] * (weight * scale[j] * og_compensation_of(a, j));
}

static void read_unit(const struct og_array *a, const struct og_unit *u,
                      const struct part *p, const struct work *w, const struct og_tape *t)
{
    const struct og_read_io *io = p->io;
    bool one = one_conversion(a), signal = one && io->a_signal != NULL;
    column_sums(a, u, p->n, u->e, w);
    if (signal) keep_signal(a, u, p, w);
    if (io->a_noise != NULL && one) add_injected(a, io, p->row0, p->n, w);
    if (a->ramps != NULL) og_ramps_add_bias(a, w->sum, p->n);
    convert_unit(a, u, p, w, t);
    if (a->base == 0 || a->raw) return;
    subtract_base(a, u, p, w, w->acc);
    if (signal) subtract_base(a, u, p, w, w->signal);
}

// What is digital and known, the signal at A, and its noise where it comes last.
static void finish_sums(const struct og_array *a, const struct og_read_io *io,
                        size_t row0, size_t n, const struct work *w)
{
    bool one = one_conversion(a);
    float *signal = one ? w->signal : w->acc;
    if (a->column_sum != NULL && !a->raw) subtract_offset(a, n, w->acc);
    if (io->a_signal != NULL) {
        if (one && a->column_sum != NULL) subtract_offset(a, n, signal);
        for (size_t r = 0; r < n; r++)
            og_live_outputs(a, signal + r * a->map.cols,
                            io->a_signal + (row0 + r) * a->map.full_cols);
    }
    if (io->a_noise != NULL && !one) add_injected(a, io, row0, n, w);
}

bool og_array_takes_codes(const og_array *a)
{
    return a->shape.segments == 1 && a->map.rows > 1 && a->direct && !a->bent &&
           a->base == 0 && a->ramps == NULL && og_mapping_is_whole(&a->map) &&
           !og_wired_is_nonlinear(a) && !og_clocked(a) && !og_needs_power(a) &&
           !og_needs_thermal(a) && a->device_s == NULL && a->ref_s == NULL &&
           (a->keep == OG_KEEP_NOTHING || og_array_straight(a) != NULL);
}

// The inputs of a chunk as DAC codes.
static void make_codes(const struct og_array *a, const struct og_read_io *io,
                       struct work *w, const struct og_tape *t, size_t row0, size_t n)
{
    size_t rows = a->map.rows, ldx = io->ldx;
    w->next_row = io->codes == NULL ? rows : 1;
    w->next_line = io->codes == NULL ? 1 : CODES_PITCH;
    if (io->codes != NULL) {
        assert(io->tape == NULL && og_array_takes_codes(a));
        io->codes(io->of, row0, n, w->codes, CODES_PITCH);
        return;
    }
    const struct og_dac_out dac = {
        .codes = w->codes,
        .x_hat = t->x == NULL ? NULL : t->x + row0 * rows,
        .kept = t->codes == NULL ? NULL : t->codes + row0 * rows,
        .clipped = t->dac == NULL ? NULL : t->dac + row0 * rows,
    };
    const float *x = og_live_inputs(a, io->x + row0 * ldx, &ldx, n, w->x);
    og_dac(a, x, ldx, n, &dac);
}

static void read_chunk(const struct og_array *a, const struct og_read *at,
                       const struct og_read_io *io, struct work *w,
                       const struct og_tape *t, size_t row0, size_t n)
{
    make_codes(a, io, w, t, row0, n);
    for (int k = 0; k < og_passes(a); k++) {
        struct og_drive drive = og_pass(a, k);
        struct part p = {at, io, row0, n, k, &drive};
        w->voltage = og_make_drive(a, &drive, w->codes, n, w->memory);
        w->drive = og_bend_drive(a, w->voltage, n, w->bent);
        if (og_needs_power(a)) og_drive_power(a, w->drive, n, w->power);
        if (og_needs_thermal(a)) og_thermal_power(a, w->drive, n, w->thermal);
        for (int m = 0; m < a->units; m++) read_unit(a, &a->unit[m], &p, w, t);
    }
    finish_sums(a, io, row0, n, w);
    uint8_t *beyond = t->adc == NULL ? NULL : t->adc + row0 * a->map.cols;
    if (a->ramps != NULL) og_ramps_convert(a, at, io, row0, n, w->acc, w->ramp, beyond);
    if (a->ramps != NULL || is_direct(a, io)) return;
    for (size_t r = 0; r < n; r++)
        og_live_outputs(a, w->acc + r * a->map.cols, io->y + (row0 + r) * io->ldy);
}

void og_array_read(const og_array *a, const struct og_read *at,
                   const struct og_read_io *io)
{
    struct work w;
    lay_work(a, io->work, &w);
    struct og_tape t = og_tape_lay(a, io->tape, io->n);
    for (size_t row = 0; row < io->n; row += OG_CHUNK) {
        size_t n = io->n - row < OG_CHUNK ? io->n - row : OG_CHUNK;
        read_chunk(a, at, io, &w, &t, row, n);
    }
}

void og_array_observe(og_array *a, const float *x, size_t ldx, size_t n, void *work)
{
    if (a->unit[0].nominal == NULL || a->units == 0) return;
    og_lock(&a->lock);
    og_pack_nominal(a);
    og_unlock(&a->lock);
    struct work w = {.next_row = a->map.rows, .next_line = 1};
    lay_work(a, work, &w);
    for (size_t row = 0; row < n; row += OG_CHUNK) {
        size_t rows = n - row < OG_CHUNK ? n - row : OG_CHUNK;
        size_t ld = ldx;
        const float *live = og_live_inputs(a, x + row * ldx, &ld, rows, w.x);
        og_dac(a, live, ld, rows, &(struct og_dac_out){.codes = w.codes});
        for (int k = 0; k < og_passes(a); k++) {
            struct og_drive drive = og_pass(a, k);
            w.voltage = og_make_drive(a, &drive, w.codes, rows, w.memory);
            w.drive = og_bend_drive(a, w.voltage, rows, w.bent);
            for (int m = 0; m < a->units; m++) {
                column_sums(a, &a->unit[m], rows, a->unit[m].nominal, &w);
                og_observe_sums(a, &a->unit[m], w.sum, rows);
            }
        }
    }
}
