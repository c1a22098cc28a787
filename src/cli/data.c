// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/data.h"

static void list(const struct og_data_search *where)
{
    size_t n;
    const struct og_data_entry *entry = og_data_entries(&n);
    for (size_t i = 0; i < n; i++) {
        char path[1024];
        bool found = og_data_found(entry[i].name, where, path, sizeof path);
        printf("%-14s %s\n", entry[i].name, entry[i].title);
        if (found)
            printf("%-14s found in %s\n", "", path);
        else
            printf("%-14s not found; files: %s\n%-14s %s\n", "", entry[i].files, "",
                   entry[i].how_to_get);
    }
}

int cli_data(int argc, char **argv)
{
    struct og_data_search where = {0};
    const struct cli_option option[] = {
        {"--data", 0, CLI_TEXT, &where.given, "DIR", "folder to look in first", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "data",
        .usage = "list [--data DIR]",
        .purpose =
            "Lists the data sets, where they were found, and how to get the others. "
            "Looked in: --data,\n$OHMGRID_DATA, data/ and /usr/share/datasets.",
        .examples = "  ohmgrid data list\n  ohmgrid data list --data ~/datasets\n",
        .option = option,
        .positional = {"list"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (strcmp(argument[0], "list") != 0)
        return cli_usage("data", "unknown action '%s', expected list", argument[0]);
    list(&where);
    return CLI_DONE;
}
