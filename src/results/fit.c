// SPDX-License-Identifier: GPL-3.0-or-later
// Fits as files.
#include <stdlib.h>

#include "config/iv.h"
#include "ohmgrid/config.h"
#include "ohmgrid/fit.h"
#include "results/file.h"

typedef void write_fn(const struct og_fit *fit, FILE *out);

static og_status write_text(const struct og_fit *fit, const char *path, write_fn *write,
                            struct og_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return og_fail_memory(err);
    write(fit, out);
    const bool failed = ferror(out) != 0;
    const og_status s = fclose(out) != 0 || failed
                            ? og_fail_memory(err)
                            : og_file_replace(path, text, size, err);
    free(text);
    return s;
}

static void write_device(const struct og_fit *fit, FILE *out)
{
    fprintf(out, "# Fitted to data: model %s.\n#\n", og_fit_model_name(fit->model));
    og_fit_print(fit, "# ", out);
    og_device_print(&fit->device, out);
}

static og_status check_device(const struct og_fit *fit, struct og_error *err)
{
    const struct og_device *d = &fit->device;
    if (!(d->g_min >= 0 && d->g_max > d->g_min))
        return og_fail(err, OG_INPUT, "%g to %g S is no range of conductances", d->g_min,
                       d->g_max);
    return d->iv.kind == OG_IV_OHMIC ? OG_OK : og_iv_check(&d->iv, d->v_read, NULL, err);
}

og_status og_fit_write(const struct og_fit *fit, const char *path, struct og_error *err)
{
    struct og_error inner = {0};
    const og_status s = check_device(fit, &inner);
    if (s != OG_OK)
        return og_fail(err, s, "%s: what was fitted is no device: %s", path, inner.text);
    return write_text(fit, path, write_device, err);
}

static void write_rows(const struct og_fit *fit, FILE *out)
{
    fprintf(out, "%s [%s],%s [%s],model [%s],sigma [%s]\n", fit->x_name, fit->x_units,
            fit->name, fit->units, fit->units, fit->units);
    for (size_t i = 0; i < fit->rows; i++)
        fprintf(out, "%.17g,%.17g,%.17g,%.17g\n", fit->x[i], fit->measured[i],
                fit->model_value[i], fit->sigma[i]);
}

og_status og_fit_write_residuals(const struct og_fit *fit, const char *path,
                                 struct og_error *err)
{
    return write_text(fit, path, write_rows, err);
}
