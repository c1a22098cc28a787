// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/config.h"
#include "ohmgrid/pulsed.h"
#include "ohmgrid/switching.h"

// An option that stands for a key of the device file.
struct shorthand {
    const char *option, *key, *value;
};
enum { SHORTHANDS = 6, SET_TEXT = 128, MOST = 100000 };

static bool is_file(const char *waveform)
{
    return waveform != NULL && (strchr(waveform, '/') != NULL ||
                                (strlen(waveform) > 4 &&
                                 strcmp(waveform + strlen(waveform) - 4, ".csv") == 0));
}

// Reads the device, with --set and then the shorthands on top.
static og_status read_device(struct og_switching *device, const char *name,
                             const struct cli_list *set, const struct shorthand *s,
                             struct og_error *err)
{
    static char text[SHORTHANDS][SET_TEXT];
    const char *all[CLI_LIST_MAX + SHORTHANDS];
    size_t n = set->n;
    memcpy(all, set->item, n * sizeof *all);
    for (int i = 0; i < SHORTHANDS; i++) {
        if (s[i].value == NULL) continue;
        if (snprintf(text[i], SET_TEXT, "drive.%s=%s", s[i].key, s[i].value) >= SET_TEXT)
            return og_fail(err, OG_USAGE, "%s is too long", s[i].option);
        all[n++] = text[i];
    }
    return og_switching_read(device, name, all, n, err);
}

static og_status simulate(const struct og_switching *device, const char *file,
                          const char *out, const char *command, struct og_error *err)
{
    struct og_voltage_table table = {0};
    struct og_hysteresis trace = {0};
    og_status s = file != NULL ? og_voltage_table_read(&table, file, err) : OG_OK;
    if (s == OG_OK)
        s = og_switching_simulate(device, file != NULL ? &table : NULL, &trace, err);
    if (s == OG_OK) s = og_hysteresis_write(out, device, &trace, file, command, err);
    og_hysteresis_free(&trace);
    og_voltage_table_free(&table);
    return s;
}

// "UP,DOWN": two counts.
static bool read_pulses(const char *text, struct og_pulse_train *train)
{
    char rest;
    return sscanf(text, "%d,%d%c", &train->up, &train->down, &rest) == 2 &&
           train->up >= 0 && train->down >= 0 && train->up <= MOST && train->down <= MOST;
}

static og_status run_pulses(const char *name, const struct og_pulse_train *train,
                            const char *out, const char *command, struct og_error *err)
{
    struct og_device device;
    struct og_pulse_curves curves = {0};
    OG_TRY(og_device_read(&device, name, NULL, err));
    og_status s = og_pulses_simulate(&device, train, &curves, err);
    if (s == OG_OK) s = og_pulse_curves_write(out, &device, train, &curves, command, err);
    og_pulse_curves_free(&curves);
    return s;
}

// An option of voltages; NULL: none is given.
static const char *not_of_pulses(const struct cli_list *set, const struct shorthand *s)
{
    for (int i = 0; i < SHORTHANDS; i++)
        if (s[i].value != NULL) return s[i].option;
    return set->n > 0 ? "--set" : NULL;
}

static int simulate_pulses(int argc, char **argv, const char *name, const char *text,
                           struct og_pulse_train train, const struct cli_list *set,
                           const struct shorthand *s, const char *out)
{
    const char *other = not_of_pulses(set, s);
    struct og_error err = {0};
    if (!read_pulses(text, &train))
        return cli_usage("device simulate",
                         "--pulses: '%s' is not UP,DOWN, two numbers of pulses in 0 .. "
                         "%d",
                         text, MOST);
    if (og_switching_is(name))
        return cli_usage("device simulate",
                         "--pulses: '%s' is a switching device, which a voltage drives",
                         name);
    if (other != NULL)
        return cli_usage("device simulate", "%s has no effect with --pulses", other);
    char *command = cli_command_text("device simulate", argc, argv);
    const og_status status = command != NULL
                                 ? run_pulses(name, &train, out, command, &err)
                                 : og_fail(&err, OG_NO_MEMORY, "out of memory");
    free(command);
    return status == OG_OK ? CLI_DONE : cli_fail("device simulate", &err);
}

static bool is_for_networks(const char *name)
{
    struct og_device device;
    return !og_switching_is(name) && og_device_read(&device, name, NULL, NULL) == OG_OK;
}

static void print_keys(void) { og_switching_print_keys(stdout); }

int cli_device_simulate(int argc, char **argv)
{
    const char *out = NULL, *train_text = NULL;
    struct cli_list set = {0};
    int devices = 0, train_cycles = 0;
    struct cli_seed seed = {0};
    struct shorthand s[SHORTHANDS] = {
        {"--waveform", "waveform", NULL},   {"--amplitude", "amplitude", NULL},
        {"--frequency", "frequency", NULL}, {"--cycles", "cycles", NULL},
        {"--points", "points", NULL},       {"--tolerance", "tolerance", NULL}};
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &out, "OUT.h5", "file to write (required)", 0, 0},
        {"--waveform", 0, CLI_TEXT, &s[0].value, "W",
         "sine, triangle, pulse, or a .csv file with time and voltage", 0, 0},
        {"--amplitude", 0, CLI_TEXT, &s[1].value, "V", "for instance '1.5 V'", 0, 0},
        {"--frequency", 0, CLI_TEXT, &s[2].value, "F", "for instance '10 kHz'", 0, 0},
        {"--cycles", 0, CLI_TEXT, &s[3].value, "N", "how many", 0, 0},
        {"--points", 0, CLI_TEXT, &s[4].value, "N",
         "rows in each quarter of a cycle, or segment of the file", 0, 0},
        {"--tolerance", 0, CLI_TEXT, &s[5].value, "E", "error of one integration step", 0,
         0},
        {"--pulses", 0, CLI_TEXT, &train_text, "UP,DOWN",
         "of a device for networks: so many pulses up, then so many down", 0, 0},
        {"--trains", 0, CLI_INT, &train_cycles, "N", "with --pulses: so many times (1)",
         1, 1000},
        {"--devices", 0, CLI_INT, &devices, "N", "with --pulses: so many devices (100)",
         1, 100000},
        {"--seed", 0, CLI_SEED, &seed, "N", "with --pulses: of all spreads (1)", 0, 0},
        {"--set", 0, CLI_LIST, &set, "KEY=VALUE",
         "any key of the device file: r_on=200, drive.amplitude_negative=2", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "device simulate",
        .usage = "NAME -o OUT.h5 [options]",
        .purpose =
            "Drives a switching device with a voltage and writes time, voltage, current "
            "and state\n(group /simulation of OUT.h5). What is not given, the device "
            "file says\n('ohmgrid device show NAME'). With --pulses a device for "
            "networks gets pulses that\nraise and lower its conductance (device.pulse).",
        .examples =
            "  ohmgrid device simulate vteam -o loop.h5\n"
            "  ohmgrid device simulate yakopcic -o loop.h5 --waveform triangle "
            "--amplitude 0.4\n"
            "  ohmgrid plot loop.h5 -o loop.png\n"
            "  ohmgrid plot loop.h5 -o state.png --x time --metric state\n"
            "  ohmgrid device simulate reram_es -o pulses.h5 --pulses 1000,1000\n",
        .option = option,
        .positional = {"NAME"},
        .keys = print_keys,
        .keys_help = "print every key of a switching device's file",
    };
    struct og_switching device;
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (out == NULL) return cli_usage("device simulate", "-o OUT.h5 is missing");
    if (train_text != NULL) {
        const struct og_pulse_train train = {
            .cycles = train_cycles > 0 ? train_cycles : 1,
            .devices = devices > 0 ? (size_t)devices : 100,
            .seed = seed.given ? seed.value : 1};
        return simulate_pulses(argc, argv, argument[0], train_text, train, &set, s, out);
    }
    if (train_cycles > 0 || devices > 0 || seed.given)
        return cli_usage("device simulate", "%s has no effect without --pulses",
                         train_cycles > 0 ? "--trains"
                         : devices > 0    ? "--devices"
                                          : "--seed");
    if (is_for_networks(argument[0]))
        return cli_usage("device simulate",
                         "'%s' is a device for networks: it needs --pulses UP,DOWN",
                         argument[0]);
    const char *file = is_file(s[0].value) ? s[0].value : NULL;
    if (file != NULL) s[0].value = NULL;
    for (int i = 1; file != NULL && i < 4; i++)
        if (s[i].value != NULL)
            return cli_usage("device simulate",
                             "%s has no effect with a waveform from a file", s[i].option);
    struct og_error err = {0};
    char *command = cli_command_text("device simulate", argc, argv);
    og_status status = command != NULL ? read_device(&device, argument[0], &set, s, &err)
                                       : og_fail(&err, OG_NO_MEMORY, "out of memory");
    if (status == OG_OK) status = simulate(&device, file, out, command, &err);
    free(command);
    return status == OG_OK ? CLI_DONE : cli_fail("device simulate", &err);
}
