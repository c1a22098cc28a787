// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/config.h"

static int list(void)
{
    size_t n;
    char **name = og_device_names(&n);
    int code = CLI_DONE;
    for (size_t i = 0; i < n; i++) {
        struct og_device device;
        struct og_error err = {0};
        // One broken file must not hide the others.
        if (og_device_read(&device, name[i], NULL, &err) != OG_OK)
            code = cli_fail("device", &err);
        else
            printf("%-18s %6.4g to %-6.4g uS  %s\n", name[i], 1e6 * device.g_min,
                   1e6 * device.g_max, device.title);
        free(name[i]);
    }
    free(name);
    return code;
}

static int show(const char *name)
{
    struct og_device device;
    struct og_error err = {0};
    if (og_device_read(&device, name, NULL, &err) != OG_OK)
        return cli_fail("device", &err);
    og_device_print(&device, stdout);
    return CLI_DONE;
}

int cli_device(int argc, char **argv)
{
    const struct cli_option option[] = {{0}};
    const struct cli_command c = {
        .name = "device",
        .usage = "list | show NAME",
        .purpose =
            "Lists the device files that can be found (current folder, $OHMGRID_PATH, "
            "the data folder),\nor shows one with its source. NAME may be a path.",
        .examples = "  ohmgrid device list\n  ohmgrid device show pcm_joshi\n",
        .option = option,
        .positional = {"list or show", "NAME"},
        .optional = 1,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    bool is_list = strcmp(argument[0], "list") == 0;
    if (!is_list && strcmp(argument[0], "show") != 0)
        return cli_usage("device", "unknown action '%s', expected list or show",
                         argument[0]);
    if (is_list && argument[1] != NULL)
        return cli_usage("device", "unexpected argument '%s'", argument[1]);
    if (!is_list && argument[1] == NULL) return cli_usage("device", "NAME is missing");
    return is_list ? list() : show(argument[1]);
}
