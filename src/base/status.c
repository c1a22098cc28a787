// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/status.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    int exit_code;
    const char *text;
} entries[] = {
#define OG_STATUS_ENTRY(name, code, text) {code, text},
    OG_STATUS_LIST(OG_STATUS_ENTRY)
#undef OG_STATUS_ENTRY
};

og_status og_fail(struct og_error *err, og_status status, const char *format, ...)
{
    if (err == NULL || err->status != OG_OK) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->status = status;
    return status;
}

const char *og_status_text(og_status status) { return entries[status].text; }

int og_status_exit_code(og_status status) { return entries[status].exit_code; }
