// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli.h"
#include "ohmgrid/results.h"

int cli_report(int argc, char **argv)
{
    const char *page = NULL;
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &page, "PAGE.html", "page to write (required)", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "report",
        .usage = "OUT.h5 -o PAGE.html",
        .purpose =
            "Writes one page of HTML with figures, tables, settings and provenance "
            "of a result\nfile; it needs no other file.",
        .examples = "  ohmgrid report sweep.h5 -o sweep.html\n",
        .option = option,
        .positional = {"OUT.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (page == NULL) return cli_usage("report", "-o PAGE.html is missing");
    struct og_error err = {0};
    if (og_result_report(argument[0], page, &err) != OG_OK)
        return cli_fail("report", &err);
    return CLI_DONE;
}
