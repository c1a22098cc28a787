// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ohmgrid/config.h"

// A host program may have set a locale with decimal commas; a file means the same there.
static double to_double(const char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    return value;
}

// Length of [+-]digits[.digits] at the start, 0 when there is no digit.
static size_t mantissa_length(const char *text)
{
    const char *p = text;
    if (*p == '+' || *p == '-') p++;
    size_t whole = strspn(p, "0123456789");
    p += whole;
    size_t fraction = 0;
    if (*p == '.') {
        fraction = strspn(p + 1, "0123456789");
        p += 1 + fraction;
    }
    return whole + fraction > 0 ? (size_t)(p - text) : 0;
}

// Reads e[+-]digits at *p, if it is there, and moves on.
static int take_exponent(const char **p)
{
    const char *e = *p;
    if (*e != 'e' && *e != 'E') return 0;
    size_t sign = e[1] == '+' || e[1] == '-';
    size_t digits = strspn(e + 1 + sign, "0123456789");
    if (digits == 0) return 0;
    *p = e + 1 + sign + digits;
    long exponent = strtol(e + 1, NULL, 10);
    return exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : (int)exponent;
}

// Seconds in the longer units of time, 0 when it is none of them; a year has 365 days.
static double time_unit(const char *text)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"min", 60},          {"h", 3600},     {"hour", 3600},
                 {"day", 86400},       {"days", 86400}, {"year", 31536000.0},
                 {"years", 31536000.0}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text, units[i].name) == 0) return units[i].seconds;
    return 0;
}

// Power of ten of "uS" for unit "S", and of "mm2" for "m2", where the prefix is squared
// too; false when it is another unit.
static bool take_unit(const char *text, const char *unit, int *power)
{
    static const struct {
        const char *prefix;
        int power;
    } prefixes[] = {{"", 0},   {"f", -15}, {"p", -12}, {"n", -9}, {"u", -6}, {"µ", -6},
                    {"μ", -6}, {"m", -3},  {"k", 3},   {"M", 6},  {"G", 9}};
    bool bare = strcmp(unit, "dB") == 0 || strcmp(unit, "LSB") == 0;
    size_t n = bare ? 1 : sizeof prefixes / sizeof *prefixes;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(prefixes[i].prefix);
        if (strncmp(text, prefixes[i].prefix, length) != 0) continue;
        if (strcmp(text + length, unit) != 0) continue;
        *power = prefixes[i].power * (strcmp(unit, "m2") == 0 ? 2 : 1);
        return true;
    }
    return false;
}

enum og_number og_number_read(const char *text, const char *unit, double *value)
{
    char decimal[96];
    size_t length = mantissa_length(text);
    if (length == 0 || length > 64) return OG_NUMBER_WRONG;
    const char *p = text + length;
    int exponent = take_exponent(&p), power = 0;
    p += strspn(p, " ");
    if (*p != '\0' && unit == NULL) return OG_NUMBER_WRONG;
    const double seconds = unit != NULL && strcmp(unit, "s") == 0 ? time_unit(p) : 0;
    if (*p != '\0' && seconds == 0 && !take_unit(p, unit, &power))
        return OG_NUMBER_WRONG_UNIT;
    // The prefix goes into the exponent, so that 25 uS is 25e-6 to the last bit.
    snprintf(decimal, sizeof decimal, "%.*se%d", (int)length, text, exponent + power);
    *value = to_double(decimal);
    if (seconds > 0) *value *= seconds;
    return isfinite(*value) ? OG_NUMBER_OK : OG_NUMBER_HUGE;
}

og_status og_quantity_read(double *value, const char *text, const char *unit,
                           const char *what, struct og_error *err)
{
    if (og_number_read(text, unit, value) == OG_NUMBER_OK) return OG_OK;
    return og_fail(err, OG_USAGE, "%s is '%s', expected a number in %s", what, text,
                   unit);
}

bool og_number_read_int(const char *text, long long *value)
{
    const char *digits = text + (*text == '+' || *text == '-');
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0') return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

bool og_number_read_u64(const char *text, uint64_t *value)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0') return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

void og_number_print(double value, char text[OG_NUMBER_TEXT])
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(c);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, OG_NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    uselocale(before);
    freelocale(c);
}
