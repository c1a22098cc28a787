// SPDX-License-Identifier: GPL-3.0-or-later
// Mel-frequency cepstral coefficients (Davis and Mermelstein, IEEE Trans. ASSP 28(4),
// 1980) or the mel bands before their DCT, one step for each window of a recording.
#ifndef OG_NN_MFCC_H
#define OG_NN_MFCC_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/data.h"

enum { OG_MFCC_VALUES = 256 };  // of one step, at most

// Thread-safety: const use from any number of threads, each with work of its own. The
// caller switches GSL's error handler off.
typedef struct og_mfcc og_mfcc;

// `s` is checked (og_speech_check) and in the ranges of the key table; what depends on
// the sample rate (Hz) is checked here.
og_status og_mfcc_alloc(og_mfcc **mfcc, const struct og_speech *s, double rate,
                        struct og_error *err);
void og_mfcc_free(og_mfcc *mfcc);
size_t og_mfcc_values(const og_mfcc *mfcc);  // of one step
// Doubles that og_mfcc_compute() needs for n samples; more samples need no fewer.
size_t og_mfcc_work(const og_mfcc *mfcc, size_t n);
// Whole windows in n > 0 samples, at least one: a shorter recording is filled with zeros,
// and what is left after the last window is not used. Centred ones: 1 + n / hop.
size_t og_mfcc_steps(const og_mfcc *mfcc, size_t n);
// y[steps][values] of n samples.
void og_mfcc_compute(const og_mfcc *mfcc, const int16_t *sample, size_t n, double *work,
                     float *y);

#endif
