// SPDX-License-Identifier: GPL-3.0-or-later
// What a file holds, in one line of text.
#ifndef OG_BASE_DIGEST_H
#define OG_BASE_DIGEST_H

#include "ohmgrid/status.h"

enum { OG_DIGEST_TEXT = 65 };

// SHA-256 of a file's bytes as sha256sum prints it. Of a folder: of what
// "sha256sum *.npy" prints there, in byte order of the names.
og_status og_digest(const char *path, char digest[OG_DIGEST_TEXT], struct og_error *err);

#endif
