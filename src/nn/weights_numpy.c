// SPDX-License-Identifier: GPL-3.0-or-later
// NumPy arrays: one .npy, a folder of them, or a .npz (a ZIP archive of them). A .npy is
// "\x93NUMPY", a version, the length of a header, the header (a Python dictionary of
// descr, fortran_order and shape), then the values (numpy.lib.format). Names are those of
// the files without .npy.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "nn/weights_zip.h"

// NumPy itself refuses longer headers than 10000 bytes unless told otherwise.
enum { HEADER_MOST = 10000 };

struct archive {
    struct og_zip_member *member;
    size_t members;
};

// --- the header ---------------------------------------------------------------------

// What follows "'key':", without blanks; NULL: not there.
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at != ':') return NULL;
    return at + 1 + strspn(at + 1, " ");
}

static bool read_shape(const char *text, struct og_weight_entry *e)
{
    if (!text || *text != '(') return false;
    text += 1 + strspn(text + 1, " ");
    for (e->rank = 0; *text != ')'; text += strspn(text, ", ")) {
        char *end;
        if (*text < '0' || *text > '9' || e->rank == OG_WEIGHT_RANK) return false;
        errno = 0;
        e->dim[e->rank++] = strtoull(text, &end, 10);
        if (errno != 0 || (*end != ',' && *end != ')' && *end != ' ')) return false;
        text = end;
    }
    return true;
}

// Sets the type; anything but floating point stays OTHER.
static void read_descr(const char *text, struct og_weight_entry *e)
{
    static const struct {
        const char *code;
        enum og_weight_type type;
    } types[] = {{"f2'", OG_WEIGHT_F16}, {"f4'", OG_WEIGHT_F32}, {"f8'", OG_WEIGHT_F64}};
    if (!text || text[0] != '\'' || strchr("<>=", text[1]) == NULL || !text[1]) return;
    e->big_endian = text[1] == '>';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(text + 2, types[i].code, 3) == 0) e->type = types[i].type;
}

static og_status take_header(struct og_zip_stream *s, const og_weight_file *file,
                             struct og_weight_entry *e, struct og_error *err)
{
    uint8_t head[12];
    char text[HEADER_MOST + 1];
    OG_TRY(og_zip_take(s, head, 10, err));
    size_t n = head[8] | (size_t)head[9] << 8;
    if (memcmp(head, "\223NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3)
        return og_weight_damaged(file, err, "array '%.100s' is no .npy of version 1 to 3",
                                 e->name);
    if (head[6] > 1) {
        OG_TRY(og_zip_take(s, head + 10, 2, err));
        n |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (n > HEADER_MOST)
        return og_weight_damaged(file, err,
                                 "the header of array '%.100s' has %zu bytes, more than "
                                 "%d",
                                 e->name, n, HEADER_MOST);
    OG_TRY(og_zip_take(s, text, n, err));
    text[n] = '\0';
    const char *order = value_of(text, "fortran_order");
    read_descr(value_of(text, "descr"), e);
    e->fortran = order && strncmp(order, "True", 4) == 0;
    if (order && (e->fortran || strncmp(order, "False", 5) == 0) &&
        read_shape(value_of(text, "shape"), e))
        return OG_OK;
    return og_weight_damaged(file, err, "the header of array '%.100s' cannot be read",
                             e->name);
}

// --- values -------------------------------------------------------------------------

static og_status take_values(struct og_zip_stream *s, const struct og_weight_entry *e,
                             float *to, struct og_error *err)
{
    uint8_t chunk[8192];
    const size_t width = og_weight_type_bytes(e->type), most = sizeof chunk / width;
    for (size_t i = 0; i < e->count; i += most) {
        const size_t n = e->count - i < most ? e->count - i : most;
        OG_TRY(og_zip_take(s, chunk, n * width, err));
        og_weight_convert(e, chunk, n, to + i);
    }
    return og_zip_end(s, err);
}

// to NULL: adds the array as an entry; else reads the values of `e`.
static og_status use_stream(struct og_zip_stream *s, og_weight_file *file,
                            const struct og_weight_entry *e, float *to,
                            struct og_error *err)
{
    struct og_weight_entry seen = {.name = e->name, .at = e->at};
    OG_TRY(take_header(s, file, &seen, err));
    if (to) return take_values(s, e, to, err);
    return og_weight_file_add(file, &seen, err);
}

// --- archives -----------------------------------------------------------------------

static og_status use_member(og_weight_file *file, const struct og_weight_entry *e,
                            float *to, struct og_error *err)
{
    const struct archive *a = file->own;
    struct og_zip_stream *s = og_alloc(1, sizeof *s);
    if (!s) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    og_status status = og_zip_stream_open(s, file, &a->member[e->at], err);
    if (status == OG_OK) status = use_stream(s, file, e, to, err);
    og_zip_stream_close(s);
    og_free(s);
    return status;
}

// The length of a name without ".npy"; 0: it has another ending.
static size_t stem(const char *name)
{
    const size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".npy") == 0 ? n - 4 : 0;
}

static og_status open_archive(og_weight_file *file, struct og_error *err)
{
    struct archive *a = file->own = og_alloc(1, sizeof *a);
    if (!a) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    OG_TRY(og_zip_list(file, &a->member, &a->members, err));
    for (size_t i = 0; i < a->members; i++) {
        char name[OG_WEIGHT_NAME];
        const size_t n = stem(a->member[i].name);
        if (n == 0)
            return og_fail(err, OG_INPUT,
                           "%s: member '%.100s' is no .npy; an archive written by "
                           "torch.save is saved anew with safetensors or numpy.savez",
                           file->path, a->member[i].name);
        snprintf(name, sizeof name, "%.*s", (int)n, a->member[i].name);
        OG_TRY(use_member(file, &(struct og_weight_entry){.name = name, .at = i}, NULL,
                          err));
    }
    return OG_OK;
}

static void close_archive(og_weight_file *file)
{
    struct archive *a = file->own;
    if (a) og_free(a->member);
    og_free(a);
}

const struct og_weight_format og_weight_npz = {open_archive, use_member, close_archive};

// --- plain files --------------------------------------------------------------------

static bool is_folder(const og_weight_file *file)
{
    struct stat info;
    return stat(file->path, &info) == 0 && S_ISDIR(info.st_mode);
}

static og_status use_plain(og_weight_file *file, const struct og_weight_entry *e,
                           float *to, struct og_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", file->path);
    if (is_folder(file)) snprintf(path, sizeof path, "%s/%s.npy", file->path, e->name);
    struct og_zip_stream *s = og_alloc(1, sizeof *s);
    if (!s) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
    og_status status = og_zip_stream_plain(s, file, path, err);
    if (status == OG_OK) status = use_stream(s, file, e, to, err);
    og_zip_stream_close(s);
    og_free(s);
    return status;
}

static int is_array(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && stem(entry->d_name) > 0;
}

static og_status open_folder(og_weight_file *file, struct og_error *err)
{
    struct dirent **entry;
    const int n = scandir(file->path, &entry, is_array, alphasort);
    if (n < 0)
        return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    og_status status = OG_OK;
    for (int i = 0; i < n; i++) {
        entry[i]->d_name[stem(entry[i]->d_name)] = '\0';
        if (status == OG_OK)
            status = use_plain(file, &(struct og_weight_entry){.name = entry[i]->d_name},
                               NULL, err);
        free(entry[i]);
    }
    free(entry);
    return status;
}

static og_status open_plain(og_weight_file *file, struct og_error *err)
{
    char name[OG_WEIGHT_NAME];
    if (is_folder(file)) return open_folder(file, err);
    const char *slash = strrchr(file->path, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : file->path);
    if (stem(name) > 0) name[stem(name)] = '\0';
    return use_plain(file, &(struct og_weight_entry){.name = name}, NULL, err);
}

static void close_plain(og_weight_file *file) { (void)file; }

const struct og_weight_format og_weight_npy = {open_plain, use_plain, close_plain};
