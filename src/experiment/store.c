// SPDX-License-Identifier: GPL-3.0-or-later
// Where stages put what they have finished, and look for what others have.
#include <string.h>

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

void og_job_load_spent(struct og_job *job)
{
    struct og_entry entry;
    if (!og_job_get(job, OG_ENTRY_SPENT, "", &entry)) return;
    if (entry.size == sizeof job->before)
        memcpy(&job->before, entry.data, sizeof job->before);
    og_journal_release(&entry);
}

struct og_spent og_job_spent(const struct og_job *job)
{
    struct og_spent spent = og_meter_spent(&job->meter);
    spent.seconds += job->before.seconds;
    spent.cpu += job->before.cpu;
    return spent;
}

// A failure here is one of the disk, which the next entry reports.
void og_job_put_spent(struct og_job *job)
{
    const struct og_spent spent = og_job_spent(job);
    (void)og_journal_put(job->journal, OG_ENTRY_SPENT, "", &spent, sizeof spent, NULL);
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
