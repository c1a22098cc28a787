// SPDX-License-Identifier: GPL-3.0-or-later
// Images as pixels, shifted and mirrored at random in training.
#include <assert.h>

#include "nn/data_file.h"

struct shift {
    int dx, dy;
    bool mirror;
};

// Uniform in [-crop, crop]: the high part of a 32-bit word times the number of values.
static int draw_shift(const struct og_stream *s, struct og_index at, uint64_t position,
                      int crop)
{
    uint64_t values = 2 * (uint64_t)crop + 1;
    return (int)((og_random_word(s, at, position) * values) >> 32) - crop;
}

static struct shift draw(const struct og_data_spec *spec,
                         const struct og_augment *augment, uint32_t sample)
{
    struct og_stream s = og_stream_named(augment->seed, OG_AUGMENT, 0, 0, 0);
    struct og_index at = {augment->epoch, sample, 0};
    return (struct shift){
        .dx = draw_shift(&s, at, 0, spec->crop),
        .dy = draw_shift(&s, at, 1, spec->crop),
        .mirror = spec->flip && og_random_word(&s, at, 2) >> 31,
    };
}

// One row of one channel: output column w shows input column w + dx of the (perhaps
// mirrored) image; what lies outside is a black pixel. value: of each of the 256 pixels.
static void fetch_row(const uint8_t *row, size_t width, struct shift shift,
                      const float *value, float *x)
{
    if (!row) {
        for (size_t w = 0; w < width; w++) x[w] = value[0];
        return;
    }
    if (shift.dx == 0 && !shift.mirror) {
        for (size_t w = 0; w < width; w++) x[w] = value[row[w]];
        return;
    }
    for (size_t w = 0; w < width; w++) {
        ptrdiff_t from = (ptrdiff_t)w + shift.dx;
        bool inside = from >= 0 && from < (ptrdiff_t)width;
        if (shift.mirror) from = (ptrdiff_t)width - 1 - from;
        x[w] = value[inside ? row[from] : 0];
    }
}

static void fetch_one(const struct og_dataset *set, uint32_t sample, struct shift shift,
                      const float *value, float *x)
{
    size_t height = set->height, width = set->width, plane = height * width;
    const uint8_t *image = set->pixel + (size_t)sample * set->channels * plane;
    for (size_t c = 0; c < set->channels; c++)
        for (size_t h = 0; h < height; h++) {
            ptrdiff_t from = (ptrdiff_t)h + shift.dy;
            bool inside = from >= 0 && from < (ptrdiff_t)height;
            const uint8_t *row = inside ? image + c * plane + (size_t)from * width : NULL;
            float *to = set->spec.rows ? x + (h * set->channels + c) * width
                                       : x + c * plane + h * width;
            fetch_row(row, width, shift, value + 256 * c, to);
        }
}

void og_images_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                     const struct og_augment *augment, float *x)
{
    size_t size = set->channels * set->height * set->width;
    float value[3 * 256];
    for (size_t c = 0; c < set->channels; c++)
        for (int p = 0; p < 256; p++)
            value[256 * c + (size_t)p] =
                ((float)p / 255.0f - set->spec.mean[c]) / set->spec.std[c];
    bool vary = augment && (set->spec.crop > 0 || set->spec.flip);
    for (size_t k = 0; k < n; k++) {
        assert(index[k] < set->n);
        struct shift shift = {0};
        if (vary) shift = draw(&set->spec, augment, index[k]);
        fetch_one(set, index[k], shift, value, x + k * size);
    }
}
