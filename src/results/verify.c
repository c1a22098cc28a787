// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a file is what ohmgrid has written. HDF5's own checksums would need chunks;
// each dataset has a CRC-32 of its values as an attribute instead, and the root the
// number of datasets and the sum of these, so that none can get lost unseen; and a sum
// over all names, shapes and attributes.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/hdf.h"
#include "results/layout.h"

struct verify {
    struct og_hdf h;
    hid_t file;
    FILE *out;
    size_t faults, datasets, bare;  // bare: without a checksum
    uint64_t sum;
};

static void fault(struct verify *v, const char *path, const char *what)
{
    v->faults++;
    fprintf(v->out, "%s: %s: %s\n", v->h.path, path, what);
}

// --- checksums -----------------------------------------------------------------------

static void check_values(struct verify *v, const char *path, hid_t set, hid_t type)
{
    const bool text = H5Tis_variable_str(type) > 0;
    const size_t n = og_hdf_count(&v->h, set), size = H5Tget_size(type);
    if (v->h.status != OG_OK) return;
    void *values = og_alloc(n, size);
    if (values == NULL) {
        v->h.status = og_fail_memory(v->h.err);
        return;
    }
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
        fault(v, path, "cannot be read");
    } else {
        const uint32_t crc = og_hdf_crc(values, n, size, text);
        v->sum += crc;
        if (H5Aexists(set, "crc32") <= 0)
            v->bare++;
        else if (og_hdf_read_u64(&v->h, set, "crc32") != crc)
            fault(v, path, "its checksum does not match its values");
        if (text) {
            hid_t space = H5Dget_space(set);
            og_hdf_ok(&v->h, H5Dvlen_reclaim(type, space, H5P_DEFAULT, values),
                      "free texts");
            og_hdf_close(&v->h, space);
        }
    }
    og_free(values);
}

static herr_t visit(hid_t object, const char *name, const H5O_info_t *info, void *user)
{
    struct verify *v = user;
    if (info->type != H5O_TYPE_DATASET) return 0;
    hid_t set = H5Dopen2(object, name, H5P_DEFAULT);
    v->datasets++;
    if (set < 0) {
        fault(v, name, "cannot be opened");
        return 0;
    }
    hid_t type = H5Dget_type(set);
    // Values are written in the byte order of the machine that compares them.
    hid_t native = type >= 0 && H5Tis_variable_str(type) <= 0
                       ? H5Tget_native_type(type, H5T_DIR_ASCEND)
                       : H5Tcopy(type);
    if (native >= 0)
        check_values(v, name, set, native);
    else
        fault(v, name, "has an unknown type");
    og_hdf_close(&v->h, native);
    og_hdf_close(&v->h, type);
    og_hdf_close(&v->h, set);
    return v->h.status == OG_OK ? 0 : -1;
}

static void check_datasets(struct verify *v)
{
    char what[160];
    if (H5Ovisit2(v->file, H5_INDEX_NAME, H5_ITER_INC, visit, v, H5O_INFO_BASIC) < 0 &&
        v->h.status == OG_OK)
        fault(v, "/", "its groups cannot be listed");
    if (v->h.status != OG_OK || H5Aexists(v->file, "datasets") <= 0) return;
    const uint64_t written = og_hdf_read_u64(&v->h, v->file, "datasets");
    if (written != v->datasets) {
        snprintf(what, sizeof what, "%llu datasets were written, %zu are there",
                 (unsigned long long)written, v->datasets);
        fault(v, "/", what);
    } else if (v->faults == 0 && og_hdf_read_u64(&v->h, v->file, "crc32_sum") != v->sum) {
        fault(v, "/", "its datasets are not those that were written");
    }
}

static void check_outline(struct verify *v)
{
    if (v->h.status != OG_OK || v->faults > 0) return;
    if (H5Aexists(v->file, "outline_sum") <= 0) return;
    const uint64_t written = og_hdf_read_u64(&v->h, v->file, "outline_sum");
    const uint64_t found = og_hdf_outline(&v->h, v->file);
    if (v->h.status == OG_OK && found != written)
        fault(v, "/", "its names, shapes or attributes are not those that were written");
}

// --- /results ------------------------------------------------------------------------

static int rank_of(struct verify *v, hid_t set, hsize_t dim[H5S_MAX_RANK])
{
    hid_t space = H5Dget_space(set);
    const int rank = og_hdf_ok(&v->h, space, "read a shape")
                         ? H5Sget_simple_extent_dims(space, dim, NULL)
                         : -1;
    og_hdf_close(&v->h, space);
    return rank;
}

static bool is_real(struct verify *v, hid_t set)
{
    hid_t type = H5Dget_type(set);
    const bool real =
        og_hdf_ok(&v->h, type, "read a type") && H5Tget_class(type) == H5T_FLOAT;
    og_hdf_close(&v->h, type);
    return real;
}

struct done {
    struct verify *v;
    double *is;
    size_t n;
    int rank;
    hsize_t dim[H5S_MAX_RANK];
    size_t count;
};

// A metric has values where a chip was evaluated, and nowhere else. (NaN there, too,
// where the metric does not apply.)
static void check_metric(struct done *d, const char *name, hid_t set)
{
    size_t n, ghosts = 0;
    double *value = og_hdf_read_reals(&d->v->h, set, &n);
    for (size_t i = 0; value != NULL && i < n; i++)
        ghosts += d->is[i] == 0 && !isnan(value[i]);
    og_free(value);
    if (ghosts > 0) fault(d->v, name, "has values of chips that are not done");
}

static herr_t check_result(hid_t group, const char *name, const H5L_info_t *info,
                           void *user)
{
    struct done *d = user;
    struct verify *v = d->v;
    hsize_t dim[H5S_MAX_RANK];
    (void)info;
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
    if (set < 0) {
        fault(v, name, "in /results is no dataset");
        return 0;
    }
    const int rank = rank_of(v, set, dim);
    const bool scale = H5DSis_scale(set) > 0;
    for (int i = 0; !scale && i < rank; i++)
        if (!og_hdf_scales_sound(set) || H5DSget_num_scales(set, (unsigned)i) < 1)
            fault(v, name, "has an axis without a scale");
    const bool all =
        !scale && rank == d->rank && memcmp(dim, d->dim, (size_t)rank * sizeof *dim) == 0;
    if (all && is_real(v, set)) check_metric(d, name, set);
    og_hdf_close(&v->h, set);
    return v->h.status == OG_OK ? 0 : -1;
}

static void read_done(struct done *d)
{
    struct verify *v = d->v;
    hid_t set = H5Dopen2(v->file, "results/done", H5P_DEFAULT);
    if (!og_hdf_ok(&v->h, set, "open results/done")) return;
    d->rank = rank_of(v, set, d->dim);
    d->is = og_hdf_read_reals(&v->h, set, &d->n);
    bool binary = true;
    for (size_t i = 0; d->is != NULL && i < d->n; i++) {
        binary = binary && (d->is[i] == 0 || d->is[i] == 1);
        d->count += d->is[i] == 1;
    }
    if (!binary) fault(v, "results/done", "has values other than 0 and 1");
    og_hdf_close(&v->h, set);
}

static void check_results(struct verify *v, struct done *d)
{
    const uint64_t schema = og_hdf_read_u64(&v->h, v->file, "schema_version");
    char what[120];
    d->v = v;
    if (schema != OG_RESULT_SCHEMA) {
        snprintf(what, sizeof what, "is of schema %llu, this program knows %d",
                 (unsigned long long)schema, OG_RESULT_SCHEMA);
        fault(v, "/", what);
    }
    read_done(d);
    hid_t group = v->h.status == OG_OK ? H5Gopen2(v->file, "results", H5P_DEFAULT)
                                       : H5I_INVALID_HID;
    if (v->h.status == OG_OK && og_hdf_ok(&v->h, group, "open /results"))
        H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, check_result, d);
    og_hdf_close(&v->h, group);
    const bool complete = og_hdf_read_u64(&v->h, v->file, "complete") != 0;
    // Of more shards than records some have none.
    const bool shard = H5Aexists(v->file, "shard") > 0;
    if (complete && d->count == 0 && !shard)
        fault(v, "results/done", "is empty, yet complete");
}

// --- /train and /shard ---------------------------------------------------------------

static herr_t check_training(hid_t group, const char *name, const H5L_info_t *info,
                             void *user)
{
    static const char *const curve[] = {"epoch", "loss", "accuracy", "learning_rate"};
    struct verify *v = user;
    hssize_t n[4];
    (void)info;
    for (int i = 0; i < 4; i++) {
        char path[300];
        snprintf(path, sizeof path, "%.200s/%s", name, curve[i]);
        hid_t set = H5Dopen2(group, path, H5P_DEFAULT);
        n[i] = set < 0 ? -1 : (hssize_t)og_hdf_count(&v->h, set);
        og_hdf_close(&v->h, set);
    }
    if (n[0] < 0 || n[1] != n[0] || n[2] != n[0] || n[3] != n[0])
        fault(v, name, "in /train has no whole curves");
    return v->h.status == OG_OK ? 0 : -1;
}

static void check_trainings(struct verify *v)
{
    if (H5Lexists(v->file, "train", H5P_DEFAULT) <= 0) return;
    hid_t group = H5Gopen2(v->file, "train", H5P_DEFAULT);
    if (og_hdf_ok(&v->h, group, "open /train"))
        H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, check_training, v);
    og_hdf_close(&v->h, group);
}

static void check_shard(struct verify *v)
{
    og_journal *journal;
    struct og_error own = {0};
    if (H5Lexists(v->file, "shard", H5P_DEFAULT) <= 0) return;
    if (og_journal_read(&journal, v->h.path, &own) != OG_OK) {
        fault(v, "shard/journal", own.text);
        return;
    }
    for (size_t i = 0; i < og_journal_entries(journal); i++) {
        struct og_entry entry;
        if (og_journal_entry(journal, i, &entry))
            og_journal_release(&entry);
        else
            fault(v, "shard/journal", "has an entry that cannot be read");
    }
    og_journal_close(journal, false);
}

// --- the file ------------------------------------------------------------------------

static void summary(struct verify *v, bool result, const struct done *d)
{
    char *shard = og_hdf_read_text(&v->h, v->file, "shard");
    fprintf(v->out, "%s: ", v->h.path);
    if (result)
        fprintf(v->out, "result%s%s of schema %d, %zu of %zu records, ",
                shard != NULL ? " of shard " : "", shard != NULL ? shard : "",
                OG_RESULT_SCHEMA, d->count, d->n);
    fprintf(v->out, "%zu datasets", v->datasets);
    if (v->bare == v->datasets)
        fprintf(v->out, ", written before there were checksums");
    else if (v->bare > 0)
        fprintf(v->out, ", %zu of them without a checksum", v->bare);
    if (v->faults > 0)
        fprintf(v->out, ", %zu faults\n", v->faults);
    else
        fprintf(v->out, v->bare == v->datasets ? "\n" : ", all checksums match\n");
    og_free(shard);
}

static void check_file(struct verify *v)
{
    struct done done = {.v = v};
    const bool result = H5Lexists(v->file, "results", H5P_DEFAULT) > 0 &&
                        H5Lexists(v->file, "results/done", H5P_DEFAULT) > 0;
    if (H5Aexists(v->file, "ohmgrid_version") <= 0) {
        v->h.status = og_fail(v->h.err, OG_INPUT, "%s: not a file of ohmgrid", v->h.path);
        return;
    }
    check_datasets(v);
    check_outline(v);
    if (v->h.status == OG_OK && result) check_results(v, &done);
    if (v->h.status == OG_OK) check_trainings(v);
    if (v->h.status == OG_OK) check_shard(v);
    if (v->h.status == OG_OK) summary(v, result, &done);
    og_free(done.is);
}

og_status og_result_verify(const char *path, FILE *out, bool *good, struct og_error *err)
{
    struct verify v = {.h = {.path = path, .err = err}, .out = out};
    struct og_hdf_guard guard = og_hdf_silence();
    *good = false;
    v.file = og_hdf_open(&v.h);
    if (v.h.status == OG_OK) check_file(&v);
    og_hdf_close(&v.h, v.file);
    og_hdf_restore(guard);
    *good = v.h.status == OG_OK && v.faults == 0;
    return v.h.status;
}
