// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers with units as text, the same in every locale.
#ifndef OG_CONFIG_NUMBER_H
#define OG_CONFIG_NUMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum og_number { OG_NUMBER_OK, OG_NUMBER_WRONG, OG_NUMBER_WRONG_UNIT, OG_NUMBER_HUGE };

// "25 uS" with unit "S" -> 25e-6, correctly rounded. The unit may be left out (SI), and
// is refused when `unit` is NULL. dB and LSB take no prefix.
enum og_number og_number_read(const char *text, const char *unit, double *value);
bool og_number_read_int(const char *text, long long *value);  // 3.5, 1e3 are none
bool og_number_read_u64(const char *text, uint64_t *value);
enum { OG_NUMBER_TEXT = 40 };
// A short decimal that reads back to the same double.
void og_number_print(double value, char text[OG_NUMBER_TEXT]);

#endif
