// SPDX-License-Identifier: GPL-3.0-or-later
// Fits as files.
#include <stdlib.h>

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

og_status og_fit_write(const struct og_fit *fit, const char *path, struct og_error *err)
{
    if (!fit->has_device)
        return og_fail(err, OG_USAGE,
                       "%s: model %s has no keys in device files; its parameters are "
                       "printed, its residuals can be written",
                       path, og_fit_model_name(fit->model));
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
