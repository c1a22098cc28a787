// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this is built with AddressSanitizer, which needs terabytes of address space.
#ifndef OG_BASE_SANITIZED_H
#define OG_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
enum { OG_SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { OG_SANITIZED = 1 };
#else
enum { OG_SANITIZED = 0 };
#endif
#else
enum { OG_SANITIZED = 0 };
#endif

#endif
