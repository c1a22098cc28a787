// SPDX-License-Identifier: GPL-3.0-or-later
// The commit that the library was built from, or "unknown" outside a git checkout.
#ifndef OG_RESULTS_REVISION_H
#define OG_RESULTS_REVISION_H

extern const char og_revision[];

#endif
