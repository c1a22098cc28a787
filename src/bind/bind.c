// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/bind.h"

#include <assert.h>
#include <stdlib.h>

#include "bind/hardware.h"
#include "nn/op.h"
#include "og_build.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/onnx.h"
#include "ohmgrid/random.h"
#include "ohmgrid/run.h"

int og_bind_version(void) { return OG_BIND_VERSION; }

const char *og_bind_release(void) { return OG_VERSION; }

size_t og_bind_error_bytes(void) { return sizeof(struct og_error); }

void og_bind_free(void *text) { free(text); }

// --- random numbers and quantisers ---------------------------------------------------

void og_bind_stream(uint64_t seed, int purpose, const uint32_t trial_layer_tile[3],
                    uint32_t key[2])
{
    const uint32_t *at = trial_layer_tile;
    const struct og_stream s =
        og_stream_named(seed, (enum og_purpose)purpose, at[0], at[1], at[2]);
    key[0] = s.key[0];
    key[1] = s.key[1];
}

void og_bind_draw(const uint32_t key[2], const uint32_t index[3], bool gauss,
                  uint64_t first, float *out, size_t n)
{
    const struct og_stream s = {{key[0], key[1]}};
    const struct og_index at = {index[0], index[1], index[2]};
    if (gauss)
        og_gauss_fill(&s, at, first, out, n);
    else
        og_uniform_fill(&s, at, first, out, n);
}

void og_bind_quantize(float *x, size_t n, int bits, float range, bool mid_rise,
                      bool is_signed)
{
    og_quantize_as(mid_rise ? OG_MID_RISE : OG_MID_TREAD, x, n, bits, range, is_signed);
}

// --- experiments ---------------------------------------------------------------------

og_status og_bind_experiment(og_experiment **e, const char *path, const char *const *set,
                             size_t n, const char *data, struct og_error *err)
{
    const struct og_overrides overrides = {.set = set, .sets = n, .data = data};
    *e = NULL;
    return og_experiment_read(e, path, &overrides, err);
}

static void tell(void *user, const struct og_progress *p)
{
    og_bind_progress **progress = user;
    (*progress)(p->stage, p->detail, p->fraction, p->seconds, p->seconds_left);
}

og_status og_bind_run(const og_experiment *e, const char *out, const char *command,
                      const char *data, int mode, int threads, og_bind_progress *progress,
                      const volatile int *signal, struct og_error *err)
{
    const struct og_run_options options = {
        .out = out,
        .command = command,
        .data = data,
        .mode = mode == OG_BIND_FORCE    ? OG_JOURNAL_FORCE
                : mode == OG_BIND_RESUME ? OG_JOURNAL_RESUME
                                         : OG_JOURNAL_NEW,
        .threads = threads,
        .progress = progress != NULL ? tell : NULL,
        .user = &progress,
        .signal = signal,
    };
    return og_run(e, &options, err);
}

// --- ONNX ----------------------------------------------------------------------------

og_status og_bind_import(const char *onnx, const char *model, char **refused,
                         struct og_error *err)
{
    size_t size = 0;
    *refused = NULL;
    FILE *lines = open_memstream(refused, &size);
    if (lines == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory");
    og_status status = og_onnx_import(onnx, model, lines, err);
    if (fclose(lines) != 0 && status == OG_OK)
        status = og_fail(err, OG_NO_MEMORY, "out of memory");
    return status;
}

og_status og_bind_infer(const char *model, const char *in, const char *out,
                        const og_bind_hardware *hardware, int chips,
                        int calibrate_samples, uint64_t seed, struct og_error *err)
{
    const struct og_onnx_infer params = {
        .model = model,
        .in = in,
        .out = out,
        .hardware = hardware != NULL ? &hardware->hardware : NULL,
        .chips = chips,
        .calibrate_samples = calibrate_samples,
        .seed = seed,
    };
    if (hardware != NULL && hardware->hardware.layers != NULL)
        return og_item_fail(hardware->hardware.layers, err,
                            "layers are those of an experiment");
    return og_onnx_run(&params, err);
}
