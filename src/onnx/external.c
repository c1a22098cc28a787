// SPDX-License-Identifier: GPL-3.0-or-later
// Elements in a file beside the model (ONNX, docs/ExternalData.md): location, a path from
// the model's folder, and optionally offset and length in bytes. A path out of that
// folder, be it by "..", by a link or from the root, is refused: models come from
// anywhere.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "onnx/import.h"

static og_status refuse(const struct og_import *im, const char *what, const char *why,
                        const char *location)
{
    return og_fail(im->err, OG_INPUT, "%s: %.200s %s '%.200s'", im->path, what, why,
                   location);
}

static const char *entry_of(const Onnx__TensorProto *t, const char *key)
{
    for (size_t k = 0; k < t->n_external_data; k++) {
        const Onnx__StringStringEntryProto *e = t->external_data[k];
        if (e->key && strcmp(e->key, key) == 0) return e->value ? e->value : "";
    }
    return NULL;
}

// A number of bytes; false where it is none.
static bool bytes_of(const Onnx__TensorProto *t, const char *key, size_t def, size_t *n)
{
    const char *text = entry_of(t, key);
    char *end;
    *n = def;
    if (!text) return true;
    if (text[0] < '0' || text[0] > '9') return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *n = (size_t)value;
    return errno == 0 && *end == '\0' && value <= LONG_MAX;
}

// The path without links, of a file in the folder of the model or below. To be freed.
static char *path_within(const struct og_import *im, const char *location)
{
    const char *slash = strrchr(im->path, '/');
    size_t head = slash ? (size_t)(slash - im->path) + 1 : 0;
    char *path = og_alloc(head + strlen(location) + 3, 1), *found = NULL;
    char *folder = NULL;
    if (path) {
        sprintf(path, "%.*s.", (int)head, im->path);
        folder = realpath(path, NULL);
        sprintf(path, "%.*s%s", (int)head, im->path, location);
        found = realpath(path, NULL);
    }
    size_t n = folder ? strlen(folder) : 0;
    bool inside =
        folder && found && strncmp(folder, found, n) == 0 && (found[n] == '/' || n == 1);
    free(folder);
    og_free(path);
    if (inside) return found;
    free(found);
    return NULL;
}

static og_status open_at(const struct og_import *im, const char *what,
                         const Onnx__TensorProto *t, size_t bytes, FILE **file)
{
    const char *location = entry_of(t, "location");
    size_t offset, length;
    struct stat about;
    if (!location || !location[0] || location[0] == '/')
        return refuse(im, what, "is in a file that is not named from the model's folder:",
                      location ? location : "");
    if (!bytes_of(t, "offset", 0, &offset) || !bytes_of(t, "length", bytes, &length) ||
        length != bytes)
        return refuse(im, what, "has other than its shape's number of bytes in",
                      location);
    char *path = path_within(im, location);
    if (!path)
        return refuse(im, what,
                      "is in a file that is not in the model's folder:", location);
    bool is_file = stat(path, &about) == 0 && S_ISREG(about.st_mode);
    *file = is_file ? fopen(path, "rb") : NULL;
    free(path);
    if (!*file) return refuse(im, what, "cannot be read from", location);
    if ((size_t)about.st_size >= offset && (size_t)about.st_size - offset >= bytes &&
        fseek(*file, (long)offset, SEEK_SET) == 0)
        return OG_OK;
    fclose(*file);
    return refuse(im, what, "is longer than", location);
}

og_status og_import_external(const struct og_import *im, const char *what,
                             const Onnx__TensorProto *t, enum og_nd_type type,
                             size_t count, struct og_nd *a)
{
    size_t bytes = count * og_nd_size(type);
    FILE *file = NULL;
    OG_TRY(open_at(im, what, t, bytes, &file));
    og_status status = og_nd_alloc(a, type, (int)t->n_dims, t->dims, im->err);
    if (status == OG_OK && fread(a->data, 1, bytes, file) != bytes)
        status = refuse(im, what, "cannot be read from", entry_of(t, "location"));
    fclose(file);
    return status;
}
