// SPDX-License-Identifier: GPL-3.0-or-later
// Files of named float32 arrays as other programs read them. Debian has no C library for
// either format; both are plain enough: .npz is a ZIP archive (PKWARE's APPNOTE 6.3) of
// stored .npy arrays (numpy.lib.format, version 1.0), .safetensors a JSON header and
// bytes.
#ifndef OG_RESULTS_TENSOR_FILE_H
#define OG_RESULTS_TENSOR_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

struct og_named_tensor {
    const char *name;
    int rank;
    const int64_t *dim;
    const float *value;
    size_t count;
};

// By the ending of `path`, which is replaced as a whole. OG_USAGE: another ending;
// OG_INPUT: what the format cannot hold (.npz: 4 GiB, 65534 arrays).
og_status og_tensor_file_write(const char *path, const struct og_named_tensor *tensor,
                               size_t n, struct og_error *err);

#endif
