// SPDX-License-Identifier: GPL-3.0-or-later
// Which instruction set the kernels use, and how many threads. One source is compiled for
// each set; the widest that the processor has is chosen at the first call, unless the
// environment variable OHMGRID_KERNELS says plain, avx2, avx512, avx512_bf16 or fixed, or
// an experiment has the key `kernels: fixed`.
// Thread-safety: what sets something, not while other threads compute; the others from
// any number of threads.
#ifndef OHMGRID_CPU_H
#define OHMGRID_CPU_H

#include <stdbool.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Each has all that those before it have. AVX512_BF16 is AVX512 with products of
// bfloat16, which og_pack_positive (product.h) takes for variances of reads.
enum og_isa {
    OG_ISA_PLAIN,
    OG_ISA_AVX2,
    OG_ISA_AVX512,
    OG_ISA_AVX512_BF16,
    OG_ISA_COUNT
};

// What kernels use: the widest that processor and build have, or what was set last.
OG_API enum og_isa og_cpu_isa(void);
// false when the processor (or the build) lacks it. Not while other threads compute.
// Matrices packed before must be packed again.
OG_API bool og_cpu_use(enum og_isa isa);
OG_API const char *og_isa_name(enum og_isa isa);
// Fixed: the plain kernels, and elementary functions whose bits do not depend on the C
// library, so that every machine type gives the same (docs/reproducibility.md says what
// of other libraries remains). Off: the kernels stay as they are.
OG_API bool og_cpu_fixed(void);
OG_API void og_cpu_fix(bool on);

// Threads of the parallel regions to come; 0: all processors. Results never depend on it.
OG_API void og_set_threads(int n);
OG_API int og_threads(void);

// The name of OpenBLAS's kernels in use ("Cooperlake"), and of its shared object's check:
// whether cblas_sgemm really lives in OpenBLAS.
OG_API const char *og_blas_core(void);
OG_API bool og_blas_is_openblas(void);

#ifdef __cplusplus
}
#endif
#endif
