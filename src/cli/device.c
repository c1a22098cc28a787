// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/config.h"
#include "ohmgrid/switching.h"

static int list_switching(void)
{
    size_t n;
    char **name = og_switching_names(&n);
    int code = CLI_DONE;
    for (size_t i = 0; i < n; i++) {
        struct og_switching device;
        struct og_error err = {0};
        if (og_switching_read(&device, name[i], NULL, 0, &err) != OG_OK)
            code = cli_fail("device", &err);
        else
            printf("%-18s %-19s  %s\n", name[i], og_switching_model_name(device.model),
                   device.title);
        free(name[i]);
    }
    free(name);
    return code;
}

static int list_presets(void)
{
    size_t n;
    char **name = og_preset_names(&n);
    int code = CLI_DONE;
    for (size_t i = 0; i < n; i++) {
        struct og_preset_about about;
        struct og_error err = {0};
        if (og_preset_read(&about, name[i], NULL, &err) != OG_OK)
            code = cli_fail("device", &err);
        else
            printf("%-18s %s\n", name[i], about.title);
        free(name[i]);
    }
    free(name);
    return code;
}

static int list(void)
{
    size_t n;
    char **name = og_device_names(&n);
    int code = CLI_DONE;
    printf("for networks:\n");
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
    printf("\nswitching, for 'ohmgrid device simulate':\n");
    const int other = list_switching();
    printf("\nwhole hardware, for 'hardware: {preset: NAME}':\n");
    const int presets = list_presets();
    return code != CLI_DONE ? code : other != CLI_DONE ? other : presets;
}

static int show_switching(const char *name)
{
    struct og_switching device;
    struct og_error err = {0};
    if (og_switching_read(&device, name, NULL, 0, &err) != OG_OK)
        return cli_fail("device", &err);
    og_switching_print(&device, stdout);
    return CLI_DONE;
}

static int show(const char *name)
{
    if (og_switching_is(name)) return show_switching(name);
    struct og_device device;
    struct og_preset_about about;
    struct og_error err = {0};
    if (og_preset_read(&about, name, stdout, NULL) == OG_OK) return CLI_DONE;
    if (og_device_read(&device, name, NULL, &err) != OG_OK)
        return cli_fail("device", &err);
    og_device_print(&device, stdout);
    return CLI_DONE;
}

int cli_device(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "simulate") == 0)
        return cli_device_simulate(argc - 1, argv + 1);
    if (argc > 0 && strcmp(argv[0], "fit") == 0)
        return cli_device_fit(argc - 1, argv + 1);
    const struct cli_option option[] = {{0}};
    const struct cli_command c = {
        .name = "device",
        .usage = "list | show NAME | simulate NAME ... | fit DATA.csv ...",
        .purpose =
            "Lists the device files that can be found (current folder, $OHMGRID_PATH, "
            "the data folder),\nshows one with its source, drives a switching device "
            "with a voltage\n('ohmgrid device simulate --help') or fits a device to data "
            "('ohmgrid device fit --help').\nNAME may be a path.",
        .examples = "  ohmgrid device list\n  ohmgrid device show pcm_joshi\n"
                    "  ohmgrid device show aihwkit_pcm\n"
                    "  ohmgrid device simulate vteam -o loop.h5\n",
        .option = option,
        .positional = {"list or show", "NAME"},
        .optional = 1,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    bool is_list = strcmp(argument[0], "list") == 0;
    if (!is_list && strcmp(argument[0], "show") != 0)
        return cli_usage("device",
                         "unknown action '%s', expected list, show, simulate or fit",
                         argument[0]);
    if (is_list && argument[1] != NULL)
        return cli_usage("device", "unexpected argument '%s'", argument[1]);
    if (!is_list && argument[1] == NULL) return cli_usage("device", "NAME is missing");
    return is_list ? list() : show(argument[1]);
}
