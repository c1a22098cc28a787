// SPDX-License-Identifier: GPL-3.0-or-later
// Facts about a result file that a resumed run needs.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/hdf.h"

// Opens a file that has the root attributes of a result; the caller closes it.
static hid_t open_result(struct og_hdf *h, char **experiment)
{
    *experiment = NULL;
    hid_t file = og_hdf_open(h);
    if (file < 0) return file;
    *experiment = og_hdf_read_text(h, file, "experiment");
    if (*experiment == NULL && h->status == OG_OK)
        h->status =
            og_fail(h->err, OG_INPUT, "%s: not a result file of ohmgrid", h->path);
    return file;
}

og_status og_result_experiment(const char *path, char **text, struct og_error *err)
{
    *text = NULL;
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    char *experiment;
    og_hdf_close(&h, open_result(&h, &experiment));
    og_hdf_restore(guard);
    // The caller frees with free(), which og_alloc's blocks do not promise.
    if (h.status == OG_OK && (*text = strdup(experiment)) == NULL)
        h.status = og_fail_memory(err);
    og_free(experiment);
    return h.status;
}

static bool all_done(struct og_hdf *h, hid_t file)
{
    hid_t set = H5Dopen2(file, "results/done", H5P_DEFAULT);
    if (!og_hdf_ok(h, set, "open results/done")) return false;
    size_t n;
    double *done = og_hdf_read_reals(h, set, &n);
    bool all = done != NULL;
    for (size_t i = 0; all && i < n; i++) all = done[i] != 0;
    og_free(done);
    og_hdf_close(h, set);
    return all;
}

og_status og_result_complete(const char *path, bool *complete, struct og_error *err)
{
    *complete = false;
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    char *experiment;
    hid_t file = open_result(&h, &experiment);
    // Older files do not say.
    if (h.status == OG_OK)
        *complete = H5Aexists(file, "complete") > 0
                        ? og_hdf_read_u64(&h, file, "complete") != 0
                        : all_done(&h, file);
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    og_free(experiment);
    return h.status;
}

og_status og_result_shard(const char *path, char **shard, struct og_error *err)
{
    *shard = NULL;
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    char *experiment, *text = NULL;
    hid_t file = open_result(&h, &experiment);
    if (h.status == OG_OK) text = og_hdf_read_text(&h, file, "shard");
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    if (text != NULL && h.status == OG_OK && (*shard = strdup(text)) == NULL)
        h.status = og_fail_memory(err);
    og_free(text);
    og_free(experiment);
    return h.status;
}
