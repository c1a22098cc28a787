// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sha256.h>

static og_status digest_file(const char *path, char digest[OG_DIGEST_TEXT],
                             struct og_error *err)
{
    if (SHA256File(path, digest) != NULL) return OG_OK;
    return og_fail(err, OG_IO, "%s cannot be read: %s", path, strerror(errno));
}

static int is_array(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 4, ".npy") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static og_status add_array(SHA2_CTX *sum, const char *folder, const char *name,
                           struct og_error *err)
{
    char path[4096], digest[OG_DIGEST_TEXT];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return og_fail(err, OG_INPUT, "%s/%s: the path is too long", folder, name);
    OG_TRY(digest_file(path, digest, err));
    SHA256Update(sum, (const uint8_t *)digest, strlen(digest));
    SHA256Update(sum, (const uint8_t *)"  ", 2);
    SHA256Update(sum, (const uint8_t *)name, strlen(name));
    SHA256Update(sum, (const uint8_t *)"\n", 1);
    return OG_OK;
}

static og_status digest_folder(const char *path, char digest[OG_DIGEST_TEXT],
                               struct og_error *err)
{
    struct dirent **entry;
    const int n = scandir(path, &entry, is_array, by_bytes);
    if (n < 0) return og_fail(err, OG_IO, "%s cannot be read: %s", path, strerror(errno));
    og_status status = OG_OK;
    SHA2_CTX sum;
    SHA256Init(&sum);
    for (int i = 0; i < n; i++) {
        if (status == OG_OK) status = add_array(&sum, path, entry[i]->d_name, err);
        free(entry[i]);
    }
    free(entry);
    SHA256End(&sum, digest);
    return status;
}

og_status og_digest(const char *path, char digest[OG_DIGEST_TEXT], struct og_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return digest_folder(path, digest, err);
    return digest_file(path, digest, err);
}
