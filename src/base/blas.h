// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_BASE_BLAS_H
#define OG_BASE_BLAS_H

// Threads of OpenBLAS from now on; returns what it had. Another BLAS: no effect, 1.
int og_blas_use_threads(int n);

#endif
