// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/cpu.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cblas.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/blas.h"
#include "base/kernels.h"

extern const struct og_random_kernels og_random_plain;
extern const struct og_vmath_kernels og_vmath_plain;
extern const struct og_product_kernels og_product_plain;
extern const struct og_plane_kernels og_planes_plain;
#ifdef OG_X86_KERNELS
extern const struct og_random_kernels og_random_avx2, og_random_avx512;
extern const struct og_vmath_kernels og_vmath_avx2, og_vmath_avx512;
extern const struct og_product_kernels og_product_avx2, og_product_avx512;
extern const struct og_plane_kernels og_planes_avx2, og_planes_avx512;
extern const struct og_half_kernels og_half_bf16;
#endif

static const struct og_kernel_tables tables[OG_ISA_COUNT] = {
    [OG_ISA_PLAIN] = {&og_random_plain, &og_vmath_plain, &og_product_plain,
                      &og_planes_plain, NULL},
#ifdef OG_X86_KERNELS
    [OG_ISA_AVX2] = {&og_random_avx2, &og_vmath_avx2, &og_product_avx2, &og_planes_avx2,
                     NULL},
    [OG_ISA_AVX512] = {&og_random_avx512, &og_vmath_avx512, &og_product_avx512,
                       &og_planes_avx512, NULL},
    [OG_ISA_AVX512_BF16] = {&og_random_avx512, &og_vmath_avx512, &og_product_avx512,
                            &og_planes_avx512, &og_half_bf16},
#endif
};

static const char *const names[OG_ISA_COUNT] = {"plain", "avx2", "avx512", "avx512_bf16"};

// -1 until the first use. Threads that race to set them all store the same values.
static atomic_int chosen = -1, fixed = -1;

static bool is_available(enum og_isa isa)
{
    if (isa == OG_ISA_PLAIN) return true;
#ifdef OG_X86_KERNELS
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == OG_ISA_AVX2) return avx2;
    bool avx512 =
        avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return avx512 && (isa == OG_ISA_AVX512 || __builtin_cpu_supports("avx512bf16"));
#else
    return false;
#endif
}

// A name in OHMGRID_KERNELS that the processor lacks, or that is none of ours, cannot be
// refused here, where nothing can fail; og_isa_name(og_cpu_isa()) says what is in use.
static enum og_isa choose(void)
{
    const char *wish = getenv("OHMGRID_KERNELS");
    if (og_cpu_fixed()) return OG_ISA_PLAIN;
    for (int i = 0; wish != NULL && i < OG_ISA_COUNT; i++) {
        enum og_isa isa = (enum og_isa)i;
        if (strcmp(wish, names[i]) == 0 && is_available(isa)) return isa;
    }
    enum og_isa best = OG_ISA_COUNT - 1;
    while (!is_available(best)) best--;
    return best;
}

bool og_cpu_fixed(void)
{
    int on = atomic_load_explicit(&fixed, memory_order_relaxed);
    if (on < 0) {
        const char *wish = getenv("OHMGRID_KERNELS");
        on = wish != NULL && strcmp(wish, "fixed") == 0;
        atomic_store_explicit(&fixed, on, memory_order_relaxed);
    }
    return on != 0;
}

enum og_isa og_cpu_isa(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)choose();
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (enum og_isa)isa;
}

const struct og_kernel_tables *og_kernels(void) { return &tables[og_cpu_isa()]; }

bool og_cpu_use(enum og_isa isa)
{
    assert((unsigned)isa < OG_ISA_COUNT);
    if (!is_available(isa)) return false;
    atomic_store_explicit(&chosen, (int)isa, memory_order_relaxed);
    return true;
}

void og_cpu_fix(bool on)
{
    atomic_store_explicit(&fixed, on, memory_order_relaxed);
    if (on) og_cpu_use(OG_ISA_PLAIN);
}

const char *og_isa_name(enum og_isa isa)
{
    assert((unsigned)isa < OG_ISA_COUNT);
    return names[isa];
}

void og_set_threads(int n)
{
    assert(n >= 0);
#ifdef _OPENMP
    omp_set_num_threads(n > 0 ? n : omp_get_num_procs());
#endif
}

int og_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

// OpenBLAS's own functions are looked up by name: another BLAS in its place lacks them.
static void find_function(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof symbol);
}

const char *og_blas_core(void)
{
    char *(*corename)(void);
    find_function("openblas_get_corename", &corename);
    return corename != NULL ? corename() : "unknown";
}

int og_blas_use_threads(int n)
{
    int (*get)(void);
    void (*set)(int);
    find_function("openblas_get_num_threads", &get);
    find_function("openblas_set_num_threads", &set);
    if (get == NULL || set == NULL) return 1;
    int before = get();
    set(n);
    return before;
}

bool og_blas_is_openblas(void)
{
    void (*sgemm)(const enum CBLAS_ORDER, const enum CBLAS_TRANSPOSE,
                  const enum CBLAS_TRANSPOSE, const int, const int, const int,
                  const float, const float *, const int, const float *, const int,
                  const float, float *, const int) = cblas_sgemm;
    void *address;
    memcpy(&address, &sgemm, sizeof address);
    Dl_info info;
    return dladdr(address, &info) != 0 && strstr(info.dli_fname, "openblas") != NULL;
}
