// SPDX-License-Identifier: GPL-3.0-or-later
// Where stages put what they have finished, and look for what others have.
#include "experiment/ranks.h"

og_status og_job_put(struct og_job *job, uint32_t kind, const char *key, const void *data,
                     size_t size, struct og_error *err)
{
    if (job->link) return og_worker_put(job, kind, key, data, size, err);
    const double start = og_meter_now();
    const og_status status = og_journal_put(job->journal, kind, key, data, size, err);
    job->storing += og_meter_now() - start;
    return status;
}

bool og_job_get(const struct og_job *job, uint32_t kind, const char *key,
                struct og_entry *entry)
{
    if (job->link) return og_worker_get(job, kind, key, entry);
    return og_journal_get(job->journal, kind, key, entry);
}

bool og_job_has(const struct og_job *job, uint32_t kind, const char *key)
{
    struct og_entry entry;
    if (job->link) return og_worker_has(job, kind, key);
    if (!og_job_get(job, kind, key, &entry)) return false;
    og_journal_release(&entry);
    return true;
}

void og_job_drop(struct og_job *job, uint32_t kind, const char *key)
{
    if (job->link)
        og_worker_drop(job, kind, key);
    else
        og_journal_drop(job->journal, kind, key);
}
