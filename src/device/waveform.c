// SPDX-License-Identifier: GPL-3.0-or-later
// Voltages over time, piece by piece, so that corners and jumps lie between pieces and
// every cycle has the same bits.
#include <math.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "config/csv.h"
#include "device/switching_law.h"

size_t og_waveform_pieces(const struct og_drive *d, const struct og_voltage_table *t)
{
    return t != NULL ? t->n - 1 : 4 * (size_t)d->cycles;
}

double og_waveform_start(const struct og_drive *d, const struct og_voltage_table *t,
                         size_t piece)
{
    return t != NULL ? t->time[piece] : (double)piece / (4 * d->frequency);
}

double og_waveform_length(const struct og_drive *d, const struct og_voltage_table *t,
                          size_t piece)
{
    return t != NULL ? t->time[piece + 1] - t->time[piece] : 1 / (4 * d->frequency);
}

double og_waveform_at(const struct og_drive *d, const struct og_voltage_table *t,
                      size_t piece, double since)
{
    const double part = since / og_waveform_length(d, t, piece);
    if (t != NULL)
        return t->voltage[piece] + part * (t->voltage[piece + 1] - t->voltage[piece]);
    const size_t quarter = piece % 4;
    const bool back = quarter % 2 == 1;
    const double other = d->amplitude_negative > 0 ? d->amplitude_negative : d->amplitude;
    const double peak = quarter < 2 ? d->amplitude : -other;
    if (d->waveform == OG_PULSE) return back ? 0 : peak;
    // Of what is left on the way back: exactly 0 at its end.
    const double way = back ? 1 - part : part;
    return peak * (d->waveform == OG_SINE ? og_sin(M_PI_2 * way) : way);
}

og_status og_voltage_table_read(struct og_voltage_table *table, const char *path,
                                struct og_error *err)
{
    struct og_csv_column column[] = {{"time", "s", false, NULL},
                                     {"voltage", "V", false, NULL}};
    og_status status = og_csv_read(path, column, 2, &table->n, err);
    table->time = column[0].value;
    table->voltage = column[1].value;
    if (status == OG_OK && table->n < 2)
        status = og_fail(err, OG_INPUT, "%s: one row is no waveform", path);
    for (size_t i = 1; status == OG_OK && i < table->n; i++)
        if (!(table->time[i] > table->time[i - 1]))
            status = og_fail(err, OG_INPUT,
                             "%s: row %zu: time %g s is not after %g s of the row before",
                             path, i + 1, table->time[i], table->time[i - 1]);
    return status;
}

void og_voltage_table_free(struct og_voltage_table *table)
{
    og_free(table->time);
    og_free(table->voltage);
    *table = (struct og_voltage_table){0};
}
