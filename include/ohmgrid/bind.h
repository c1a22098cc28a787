// SPDX-License-Identifier: GPL-3.0-or-later
// Entry points for other languages: what other headers offer through structs, by handles,
// numbers, texts and arrays. Errors are a struct og_error, whose size is told.
// Errors and ownership: as of what is named; handles are freed by their own _free.
#ifndef OHMGRID_BIND_H
#define OHMGRID_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/config.h"
#include "ohmgrid/wires.h"

#ifdef __cplusplus
extern "C" {
#endif

// Grows by one whenever an entry of this header or of network.h changes.
enum { OG_BIND_VERSION = 3 };
OG_API int og_bind_version(void);
OG_API const char *og_bind_release(void);  // "0.1.0"
OG_API size_t og_bind_error_bytes(void);   // sizeof(struct og_error): status, then text
OG_API void og_bind_free(void *text);      // what an entry says is freed by this

// --- hardware ------------------------------------------------------------------------
// A hardware with all that it borrows. Thread-safety: const use from any number of
// threads.
typedef struct og_bind_hardware og_bind_hardware;

// YAML: the keys below `hardware` of an experiment, or these below one key 'hardware'.
// name: what errors call the text; beside: folder where device files are looked for, too.
OG_API og_status og_bind_hardware_parse(og_bind_hardware **hardware, const char *text,
                                        const char *name, const char *beside,
                                        struct og_error *err);
OG_API void og_bind_hardware_free(og_bind_hardware *hardware);
OG_API const struct og_hardware *og_bind_hardware_get(const og_bind_hardware *hardware);

// --- random numbers and quantisers ---------------------------------------------------
// random.h: the key of a stream, and n of its draws from `first` on (floats; gauss:
// standard normal, else uniform in [0, 1)).
OG_API void og_bind_stream(uint64_t seed, int purpose, const uint32_t trial_layer_tile[3],
                           uint32_t key[2]);
OG_API void og_bind_draw(const uint32_t key[2], const uint32_t index[3], bool gauss,
                         uint64_t first, float *out, size_t n);
// x[n] in place by the quantiser of states, gates and digital DACs: `bits` 0 (none) to 24
// on [-range, range], or [0, range] where not signed.
OG_API void og_bind_quantize(float *x, size_t n, int bits, float range, bool mid_rise,
                             bool is_signed);

// --- wires ---------------------------------------------------------------------------
// r: row, column (one segment), source, sense [ohm]; ends: bit 0 drive_both, 1
// sense_both. og_wires_free.
OG_API og_status og_bind_wires(og_wires **wires, size_t rows, size_t cols,
                               const double r[4], unsigned ends, struct og_error *err);
// og_wires_read by a method's name, or og_wires_read_cells where sinh = {a, v_read} is
// not NULL: v [batch][rows] to current [batch][cols]; t [rows][cols]. report: iterations,
// residual. *used: the method's name, borrowed.
OG_API og_status og_bind_wires_read(og_wires *wires, const char *method,
                                    const double *sinh, const double *v, size_t batch,
                                    double *current, double report[2], const char **used,
                                    struct og_error *err);
OG_API og_status og_bind_wires_transfer(og_wires *wires, const char *method, double *t,
                                        double report[2], const char **used,
                                        struct og_error *err);

// --- experiments ---------------------------------------------------------------------
// og_experiment_read with n texts "key=value".
OG_API og_status og_bind_experiment(og_experiment **e, const char *path,
                                    const char *const *set, size_t n, const char *data,
                                    struct og_error *err);
enum { OG_BIND_NEW, OG_BIND_FORCE, OG_BIND_RESUME };
typedef void og_bind_progress(const char *stage, const char *detail, double fraction,
                              double seconds, double seconds_left);
// og_run. data and progress may be NULL; *signal as in og_run_options; threads 0: all.
OG_API og_status og_bind_run(const og_experiment *e, const char *out, const char *command,
                             const char *data, int mode, int threads,
                             og_bind_progress *progress, const volatile int *signal,
                             struct og_error *err);

// --- ONNX ----------------------------------------------------------------------------
// og_onnx_import. *refused: the lines about nodes that are not supported, or NULL;
// og_bind_free.
OG_API og_status og_bind_import(const char *onnx, const char *model, char **refused,
                                struct og_error *err);
// og_onnx_run; hardware NULL: float.
OG_API og_status og_bind_infer(const char *model, const char *in, const char *out,
                               const og_bind_hardware *hardware, int chips,
                               int calibrate_samples, uint64_t seed,
                               struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
