// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/search.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "config/tables.h"
#include "og_build.h"

enum { PATH_SIZE = 4096 };

// Folders in the order of search; `next` is NULL-terminated by an empty string.
struct places {
    const char *folder;  // of the kind
    const char *beside;
    const char *rest;  // of $OHMGRID_PATH
    int stage;
};

// The next folder, false at the end.
static bool next_place(struct places *p, char folder[PATH_SIZE])
{
    folder[0] = '\0';
    if (p->stage == 0) {
        p->stage = 1;
        if (p->beside != NULL) return snprintf(folder, PATH_SIZE, "%s", p->beside) > 0;
    }
    if (p->stage == 1) {
        p->stage = 2;
        p->rest = getenv("OHMGRID_PATH");
        return snprintf(folder, PATH_SIZE, ".") > 0;
    }
    while (p->stage == 2 && p->rest != NULL && *p->rest != '\0') {
        size_t n = strcspn(p->rest, ":");
        snprintf(folder, PATH_SIZE, "%.*s", (int)n, p->rest);
        p->rest += n + (p->rest[n] == ':');
        if (n > 0) return true;
    }
    if (p->stage < 3) {
        p->stage = 3;
        return snprintf(folder, PATH_SIZE, OG_SOURCE_ROOT "/%s", p->folder) > 0;
    }
    return p->stage++ == 3 &&
           snprintf(folder, PATH_SIZE, OG_DATADIR "/%s", p->folder) > 0;
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool is_path(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') != NULL || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

// Where `name` is; false: nowhere, and `tried` lists the places.
static bool locate(const struct og_file_kind *kind, const char *name, const char *beside,
                   char path[PATH_SIZE], char tried[OG_ERROR_TEXT / 2])
{
    struct places places = {.folder = kind->folder, .beside = beside};
    char folder[PATH_SIZE];
    bool direct = is_path(name);
    snprintf(path, PATH_SIZE, "%s", name);
    tried[0] = '\0';
    if (name[0] == '/') return is_file(path);
    while (next_place(&places, folder)) {
        size_t used = strlen(tried), room = OG_ERROR_TEXT / 2 - used;
        int n = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, direct ? "" : ".yaml");
        if (n < PATH_SIZE && is_file(path)) return true;
        snprintf(tried + used, room, "%s%.200s", used ? ", " : "", folder);
    }
    return false;
}

static og_status not_found(const char *what, const char *name, const char *tried,
                           const og_item *about, struct og_error *err)
{
    const char *where = tried[0] != '\0' ? "; looked in " : "";
    if (about != NULL)
        return og_item_fail(about, err, "no %s '%s'%s%s", what, name, where, tried);
    return og_fail(err, OG_INPUT, "no %s '%s'%s%s", what, name, where, tried);
}

static og_status check_name(og_item *item, const char *name, const char *what,
                            struct og_error *err)
{
    if (name[0] != '\0') return OG_OK;
    return og_item_fail(item, err, "key 'name' is missing: a %s has a name", what);
}

static og_status check_device(og_item *item, struct og_error *err)
{
    struct og_device device = {0};
    OG_TRY(og_device_infer(item, err));
    OG_TRY(og_fields_bind(og_device_fields, item, &device, err));
    OG_TRY(og_device_check(&device, item, err));
    return check_name(item, device.name, "device", err);
}

static og_status check_technology(og_item *item, struct og_error *err)
{
    struct og_technology technology = {0};
    OG_TRY(og_fields_bind(og_technology_fields, item, &technology, err));
    return check_name(item, technology.name, "technology", err);
}

const struct og_file_kind og_file_kinds[OG_FILE_KINDS] = {
    {"device", "device_models", "device file", og_device_fields, check_device},
    {"technology", "device_models/technologies", "technology file", og_technology_fields,
     check_technology},
};

const char *const og_hardware_blocks[OG_HARDWARE_BLOCKS] = {"hardware", "train.hardware",
                                                            "compress.hardware"};

og_status og_file_find(og_item **tree, const struct og_file_kind *kind, const char *name,
                       const char *beside, const og_item *about, struct og_error *err)
{
    char path[PATH_SIZE], tried[OG_ERROR_TEXT / 2];
    *tree = NULL;
    if (!locate(kind, name, beside, path, tried))
        return not_found(kind->what, name, tried, about, err);
    og_item *item;
    OG_TRY(og_item_read(&item, path, err));
    og_status status = kind->check(item, err);
    if (status == OG_OK)
        *tree = item;
    else
        og_item_free(item);
    return status;
}

og_status og_device_read(struct og_device *device, const char *name, const char *beside,
                         struct og_error *err)
{
    og_item *tree;
    memset(device, 0, sizeof *device);
    OG_TRY(og_file_find(&tree, &og_file_kinds[OG_FILE_DEVICE], name, beside, NULL, err));
    og_status status = og_fields_bind(og_device_fields, tree, device, err);
    og_item_free(tree);
    return status;
}

og_status og_technology_read(struct og_technology *technology, const char *name,
                             const char *beside, struct og_error *err)
{
    og_item *tree;
    memset(technology, 0, sizeof *technology);
    OG_TRY(
        og_file_find(&tree, &og_file_kinds[OG_FILE_TECHNOLOGY], name, beside, NULL, err));
    og_status status = og_fields_bind(og_technology_fields, tree, technology, err);
    og_item_free(tree);
    return status;
}

void og_device_print(const struct og_device *device, FILE *out)
{
    og_fields_print(og_device_fields, device, out, 0);
}

struct names {
    char **name;
    size_t n, room;
};

// Adds a copy of the first `length` bytes unless it is there already; a name that finds
// no memory is left out.
static void add_name(struct names *names, const char *text, size_t length)
{
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->name[i]) == length && memcmp(names->name[i], text, length) == 0)
            return;
    if (names->n == names->room) {
        size_t room = 2 * names->room + 16;
        char **more = realloc(names->name, room * sizeof *more);
        if (more == NULL) return;
        names->name = more;
        names->room = room;
    }
    char *copy = strndup(text, length);
    if (copy != NULL) names->name[names->n++] = copy;
}

// A file of a kind is a YAML file that binds to it; experiments beside it are not.
static void add_folder(struct names *names, const struct og_file_kind *kind,
                       const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[PATH_SIZE];
        size_t n = strlen(entry->d_name);
        og_item *tree;
        if (n <= 5 || strcmp(entry->d_name + n - 5, ".yaml") != 0) continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= PATH_SIZE)
            continue;
        if (og_file_find(&tree, kind, path, NULL, NULL, NULL) != OG_OK) continue;
        og_item_free(tree);
        add_name(names, entry->d_name, n - 5);
    }
    closedir(dir);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **og_file_names(const struct og_file_kind *kind, size_t *n)
{
    struct names names = {0};
    struct places places = {.folder = kind->folder};
    char folder[PATH_SIZE];
    while (next_place(&places, folder)) add_folder(&names, kind, folder);
    if (names.n > 0) qsort(names.name, names.n, sizeof *names.name, by_text);
    *n = names.n;
    return names.name;
}

char **og_device_names(size_t *n)
{
    return og_file_names(&og_file_kinds[OG_FILE_DEVICE], n);
}

char **og_technology_names(size_t *n)
{
    return og_file_names(&og_file_kinds[OG_FILE_TECHNOLOGY], n);
}
