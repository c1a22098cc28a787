// SPDX-License-Identifier: GPL-3.0-or-later
#include "periphery/ramps.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "device/sigma.h"

enum { RAMP_SET = 2 << 20, BIAS_SET = 3 << 20 };  // beside the devices of weights

// --- what they need ------------------------------------------------------------------

// Everything that would convert less than the whole sum, or add to it digitally.
static const char *excluded(const struct og_hardware *hw)
{
    if (hw->mapping.scheme == OG_OFFSET) return "mapping.scheme: offset";
    if (hw->mapping.granularity == OG_PER_COLUMN) return "mapping.granularity: column";
    if (hw->mapping.slice_bits > 0) return "mapping.slice_bits";
    if (hw->pair.subtract == OG_SUBTRACT_DIGITAL) return "pair.subtract: digital";
    if (hw->input.sign == OG_INPUT_TWO_PASS) return "input.sign: two_pass";
    if (hw->input.sign == OG_INPUT_OFFSET) return "input.sign: offset";
    if (hw->input.encoding == OG_BIT_SERIAL) return "input.encoding: bit_serial";
    if (hw->integrator.saturation > 0) return "integrator.saturation";
    return NULL;
}

og_status og_ramps_check(const struct og_hardware *hw, const struct og_array_shape *shape,
                         struct og_error *err)
{
    const char *other = excluded(hw);
    const bool apart = hw->tile.accumulate_groups == OG_ACCUMULATE_DIGITAL;
    const int active = apart ? hw->tile.rows_active : 0;
    if (other != NULL)
        return og_fail(
            err, OG_INPUT,
            "hardware.adc.kind: ramp converts whole column sums in one go, all "
            "columns of a tile with one ramp; it excludes %s",
            other);
    if (active > 0 && shape->rows > (size_t)active)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.kind: ramp converts whole column sums in one go; "
                       "%zu rows need tile.rows_active 0 (all), not %d",
                       shape->rows, active);
    if (hw->tile.accumulate == OG_ACCUMULATE_DIGITAL &&
        shape->rows > (size_t)hw->tile.rows)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.kind: ramp converts whole column sums; %zu rows do "
                       "not fit on tiles of %d: use tile.accumulate: analog, or higher "
                       "tiles",
                       shape->rows, hw->tile.rows);
    return OG_OK;
}

// --- life ----------------------------------------------------------------------------

static bool alloc_memory(struct og_array *a, struct og_ramps *s)
{
    size_t cols = a->map.cols;
    s->ramp = og_alloc(a->map.col_tiles * (size_t)s->parts, sizeof *s->ramp);
    s->bias = og_alloc(cols, sizeof *s->bias);
    s->sum = og_alloc(cols, sizeof *s->sum);
    s->variance = og_alloc(cols, sizeof *s->variance);
    s->q = og_alloc(cols, sizeof *s->q);
    return s->ramp && s->bias && s->sum && s->variance && s->q;
}

og_status og_ramps_alloc(struct og_array *a, const struct og_hardware *hw,
                         struct og_error *err)
{
    const struct og_array_shape *shape = &a->full;
    size_t end = 0;
    a->ramps = og_alloc(1, sizeof *a->ramps);
    if (a->ramps == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory for ramps");
    a->ramps->parts = shape->ramps;
    for (int p = 0; p < shape->ramps; p++) {
        end += shape->ramp[p].cols;
        a->ramps->end[p] = end;
        OG_TRY(og_ramp_plan(&a->ramps->plan[p], hw, &shape->ramp[p], err));
        a->ramps->bounded |= shape->ramp[p].function == OG_CURVE;
    }
    if (!alloc_memory(a, a->ramps))
        return og_fail(err, OG_NO_MEMORY, "out of memory for ramps");
    return OG_OK;
}

void og_ramps_free(struct og_ramps *s)
{
    if (s == NULL) return;
    og_free(s->ramp);
    og_free(s->bias);
    og_free(s->sum);
    og_free(s->variance);
    og_free(s->q);
    og_free(s->line_g);
    og_free(s->line_variance);
    og_free(s);
}

bool og_array_has_ramps(const og_array *a) { return a->ramps != NULL; }

void og_array_set_bias(og_array *a, const float *b)
{
    memcpy(a->ramps->bias, b, a->map.cols * sizeof *b);
}

// --- places --------------------------------------------------------------------------

struct og_ramp_span og_ramps_span(const struct og_array *a, size_t from, size_t end)
{
    const struct og_ramps *s = a->ramps;
    struct og_ramp_span span = {.tile = from / a->map.tile_cols, .from = from};
    while (s->end[span.part] <= from) span.part++;
    span.to = (span.tile + 1) * a->map.tile_cols;
    if (span.to > s->end[span.part]) span.to = s->end[span.part];
    if (span.to > end) span.to = end;
    return span;
}

float og_ramps_lsb(const struct og_array *a, size_t j)
{
    const struct og_ramps *s = a->ramps;
    int part = 0;
    while (s->end[part] <= j) part++;
    float scale = og_step_in_y(a) * a->group_scale[j];
    return (float)og_ramp_step(&s->plan[part]) / scale;
}

// --- programming ---------------------------------------------------------------------

// Full-scale word lines that carry the biases; -1: there are none that could, as of a
// network that has diverged.
static int bias_lines(const struct og_array *a)
{
    double most = 0;
    for (size_t j = 0; j < a->map.cols; j++) {
        double lines = fabs((double)a->ramps->bias[j] / (double)a->map.w_max[j]);
        if (!(lines <= OG_BIAS_LINES)) return -1;
        most = fmax(most, lines);
    }
    return (int)ceil(most * (1 - 1e-6));
}

static void no_bias(struct og_array *a)
{
    a->ramps->lines = 0;
    for (size_t j = 0; j < a->map.cols; j++) a->ramps->sum[j] = NAN;
}

// One line of devices on one side of their pairs, columns first .. first + n - 1: adds
// what they are off and their read variance.
static void add_bias_devices(struct og_array *a, uint32_t set, int side, size_t first,
                             size_t n)
{
    struct og_ramps *s = a->ramps;
    const struct og_device *d = &a->map.hw.device;
    float t[OG_CELL_CHUNK], g[OG_CELL_CHUNK];
    float deviation[OG_CELL_CHUNK], variance[OG_CELL_CHUNK];
    uint8_t off[OG_CELL_CHUNK];
    const struct og_cells cells = {
        d, a->chip, a->shape.layer, BIAS_SET + set, a->t, a->reads, NULL};
    struct og_cell_io io = {.first = first,
                            .n = n,
                            .target = t,
                            .deviation = deviation,
                            .read_variance = variance,
                            .g = g};
    og_mapping_target(&a->map, side, s->q + first, t, n);
    for (size_t k = 0; k < n; k++) off[k] = s->q[first + k] == 0;
    if (d->zero_cells == OG_ZERO_OFF) io.off = off;
    og_cells_program(&cells, &io);
    float gain = og_mapping_gain(&a->map, side) * a->d_max / (float)a->copies;
    const size_t at =
        (set / 2 * (uint32_t)og_mapping_sides(&a->map) + (uint32_t)side) * a->map.cols +
        first;
    for (size_t k = 0; s->line_g != NULL && k < n; k++) {
        s->line_g[at + k] = g[k];
        s->line_variance[at + k] = variance[k];
    }
    for (size_t k = 0; k < n; k++) {
        s->sum[first + k] += gain * deviation[k];
        s->variance[first + k] += gain * gain * variance[k];
        s->bias_g += (double)g[k];
    }
}

// As many as there are lines now.
static og_status alloc_lines(struct og_array *a)
{
    struct og_ramps *s = a->ramps;
    const size_t line = a->map.cols * (size_t)(og_mapping_sides(&a->map) * a->copies);
    og_free(s->line_g);
    og_free(s->line_variance);
    s->line_g = s->line_variance = NULL;
    if (a->wired == NULL || s->lines <= 0) return OG_OK;
    s->line_g = og_alloc((size_t)s->lines * line, sizeof *s->line_g);
    s->line_variance = og_alloc((size_t)s->lines * line, sizeof *s->line_variance);
    return s->line_g && s->line_variance ? OG_OK : OG_NO_MEMORY;
}

static og_status program_bias(struct og_array *a)
{
    struct og_ramps *s = a->ramps;
    const size_t cols = a->map.cols;
    const int lines = s->lines = bias_lines(a);
    s->bias_g = 0;
    memset(s->sum, 0, cols * sizeof *s->sum);
    memset(s->variance, 0, cols * sizeof *s->variance);
    OG_TRY(alloc_lines(a));
    if (lines < 0) no_bias(a);
    if (lines <= 0) return OG_OK;
    for (size_t j = 0; j < cols; j++) s->q[j] = s->bias[j] / (float)lines;
    og_mapping_quantise(&a->map, s->q, a->map.w_max, cols);
    for (size_t j = 0; j < cols; j++) s->sum[j] = s->q[j] * a->d_max * (float)lines;
    for (int line = 0; line < lines; line++)
        for (int copy = 0; copy < a->copies; copy++)
            for (int side = 0; side < og_mapping_sides(&a->map); side++) {
                uint32_t set = (uint32_t)((line * a->copies + copy) * 2 + side);
                for (size_t j = 0; j < cols; j += OG_CELL_CHUNK)
                    add_bias_devices(a, set, side, j,
                                     cols - j < OG_CELL_CHUNK ? cols - j : OG_CELL_CHUNK);
            }
    return a->wired == NULL ? OG_OK : og_ramps_wire(a);
}

og_status og_ramps_program(struct og_array *a)
{
    struct og_ramps *s = a->ramps;
    const size_t cols = a->map.cols, parts = (size_t)s->parts;
    OG_TRY(program_bias(a));
    for (size_t j = 0; j < cols;) {
        const struct og_ramp_span span = og_ramps_span(a, j, cols);
        const size_t number = span.tile * parts + (size_t)span.part;
        const struct og_cells cells = {
            &a->map.hw.device, a->chip, a->shape.layer, RAMP_SET + (uint32_t)number, a->t,
            a->reads,          NULL};
        og_ramp_program(&s->plan[span.part], &cells, &s->ramp[number]);
        j = span.to;
    }
    return OG_OK;
}

// --- looking inside ------------------------------------------------------------------

struct og_ramp_info og_array_ramp_info(const og_array *a)
{
    const struct og_ramps *s = a->ramps;
    const struct og_device *d = &a->map.hw.device;
    struct og_ramp_info info = {0};
    for (size_t j = 0; s != NULL && j < a->map.cols;) {
        const struct og_ramp_span span = og_ramps_span(a, j, a->map.cols);
        const struct og_ramp_plan *plan = &s->plan[span.part];
        const size_t number = span.tile * (size_t)s->parts + (size_t)span.part;
        const struct og_ramp_error error = og_ramp_errors(plan, &s->ramp[number]);
        const double gain =
            plan->per_siemens * (d->g_max - d->g_min) / (double)a->map.w_max[span.from];
        info.ramps++;
        info.cells += plan->cells + (size_t)plan->bias_cells;
        info.gain = fmax(info.gain, gain);
        info.inl = fmax(info.inl, error.inl);
        info.inl_rms = fmax(info.inl_rms, error.inl_rms);
        info.dnl = fmax(info.dnl, error.dnl);
        j = span.to;
    }
    return info;
}

struct og_ramp_load og_ramps_load(const struct og_array *a)
{
    const struct og_ramps *s = a->ramps;
    const size_t cells = og_array_ramp_info(a).cells;
    const size_t line = a->map.cols * (size_t)(og_mapping_sides(&a->map) * a->copies);
    struct og_ramp_load load = {
        .devices = (double)(cells + (size_t)s->lines * line),
        .lines = (double)((size_t)s->lines * a->map.col_tiles),
        .bias_g = s->bias_g,
    };
    for (size_t j = 0; j < a->map.cols;) {
        const struct og_ramp_span span = og_ramps_span(a, j, a->map.cols);
        const double v = s->plan[span.part].v_ratio;
        const double charge =
            v * v * s->ramp[span.tile * (size_t)s->parts + (size_t)span.part].charge;
        load.charge += charge;
        if (a->full.ramp[span.part].again) load.again += charge;
        j = span.to;
    }
    return load;
}

size_t og_ramps_again(const struct og_array *a, size_t tile)
{
    size_t first = tile * a->map.tile_cols, end = first + a->map.tile_cols, n = 0;
    if (a->ramps == NULL) return 0;
    if (end > a->map.cols) end = a->map.cols;
    for (size_t j = first; j < end;) {
        const struct og_ramp_span span = og_ramps_span(a, j, end);
        if (a->full.ramp[span.part].again) n += span.to - span.from;
        j = span.to;
    }
    return n;
}
