// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ohmgrid/compress.h"
#include "ohmgrid/model.h"
#include "ohmgrid/run.h"
#include "progress.h"

struct options {
    const char *command;  // "run" or "attribute"
    bool attribute;
    const char *experiment, *out, *data;
    struct cli_list set;
    struct cli_seed seed;
    int threads, shard_number, shards;
    const char *shard;
    bool resume, force, quiet;
};

static volatile int stop_signal;
static bool mute;  // one of several ranks, of which the first one speaks

// The first signal asks the run to save and stop; the second one does not wait.
static void on_signal(int number)
{
    static const char text[] = "\nsaving what is finished; once more to stop at once\n";
    if (stop_signal != 0) _exit(128 + number);
    stop_signal = number;
    if (mute) return;
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;  // nowhere to report it
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    // A file limit is reported as a full disk is, not by a signal.
    signal(SIGXFSZ, SIG_IGN);
}

// The experiment, with the axis of variants when costs are asked for.
static og_status read_experiment(const struct options *o, og_experiment **e,
                                 struct og_error *err)
{
    struct og_overrides overrides = {.set = o->set.item,
                                     .sets = o->set.n,
                                     .seed = o->seed.given ? &o->seed.value : NULL,
                                     .data = o->data};
    OG_TRY(og_experiment_read(e, o->experiment, &overrides, err));
    if (!o->attribute) return OG_OK;
    char *axis = NULL;
    og_status s = og_attribution_axis(*e, o->data, &axis, err);
    og_experiment_free(*e);
    overrides.axis = axis;
    if (s == OG_OK) s = og_experiment_read(e, o->experiment, &overrides, err);
    free(axis);
    return s;
}

static og_status execute(const struct options *o, const char *command,
                         struct og_error *err)
{
    og_experiment *e;
    const og_status read = read_experiment(o, &e, err);
    if (read != OG_OK) {
        og_ranks_quit(err);
        return read;
    }
    struct cli_progress progress = cli_progress_start(o->command);
    struct og_run_options run = {
        .out = o->out,
        .command = command,
        .data = o->data,
        .mode = o->force    ? OG_JOURNAL_FORCE
                : o->resume ? OG_JOURNAL_RESUME
                            : OG_JOURNAL_NEW,
        .threads = o->threads,
        .shard = o->shard_number,
        .shards = o->shards,
        .progress = o->quiet ? NULL : cli_progress_show,
        .announce = o->quiet ? NULL : cli_progress_announce,
        .user = &progress,
        .signal = &stop_signal,
    };
    catch_signals();
    og_status s = og_run(e, &run, err);
    cli_progress_end(&progress);
    og_experiment_free(e);
    return s;
}

static int report(const struct options *o, og_status s, struct og_error *err)
{
    if (s == OG_INTERRUPTED || s == OG_TERMINATED) {
        fprintf(stderr,
                "ohmgrid %s: %s; what is finished is kept, continue with --resume\n",
                o->command, og_status_text(s));
        return og_status_exit_code(s);
    }
    if (s != OG_OK) return cli_fail(o->command, err);
    if (o->quiet) return cli_warn(o->command, o->out);
    s = o->attribute ? og_result_show_attribution(o->out, stdout, err)
                     : og_result_show(o->out, stdout, err);
    return s == OG_OK ? cli_warn(o->command, o->out) : cli_fail(o->command, err);
}

// "3/16"
static bool read_shard(struct options *o)
{
    int end = 0;
    if (o->shard == NULL) return true;
    return strspn(o->shard, "0123456789/") == strlen(o->shard) &&
           sscanf(o->shard, "%6d/%6d%n", &o->shard_number, &o->shards, &end) == 2 &&
           o->shard[end] == '\0' && o->shard_number >= 1 && o->shard_number <= o->shards;
}

static void print_keys(void)
{
    og_config_print_keys(stdout);
    og_compress_print_keys(stdout);
    og_model_print_keys(stdout);
}

static const char run_purpose[] =
    "Runs every point of an experiment on its Monte-Carlo chips and writes an "
    "HDF5 file.\nFinished work is kept in OUT.h5.journal until the file is "
    "whole: after an\ninterruption (Ctrl-C, exit code 130) --resume goes on.";
static const char run_examples[] =
    "  ohmgrid run sweep.yaml -o sweep.h5\n"
    "  ohmgrid run sweep.yaml -o quick.h5 --set train.epochs=1 --set trials=2\n"
    "  ohmgrid run sweep.yaml -o sweep.h5 --resume\n"
    "  ohmgrid run sweep.yaml -o part3.h5 --shard 3/16\n"
    "  ohmgrid run --help=keys\n";
static const char attribute_purpose[] =
    "Tells how much accuracy each effect of the hardware and each layer costs: runs an\n"
    "experiment on all of its hardware, on ideal hardware, with one effect at a time, "
    "with\nall but one, and the same for each layer, on the same chips, with the same "
    "trained\nweights. What a sweep over hardware.variant says by hand.";
static const char attribute_examples[] = "  ohmgrid attribute lstm.yaml -o costs.h5\n"
                                         "  ohmgrid plot --costs costs.h5 -o costs.png\n"
                                         "  ohmgrid show --costs costs.h5\n";

static int run_command(struct options o, int argc, char **argv)
{
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &o.out, "OUT.h5", "result file to write (required)", 0,
         0},
        {"--set", 0, CLI_LIST, &o.set, "KEY=VALUE",
         "set a key of the experiment; may be repeated", 0, 0},
        {"--threads", 0, CLI_INT, &o.threads, "N",
         "threads; 0, the default: all processors", 0, 4096},
        {"--seed", 0, CLI_SEED, &o.seed, "S", "master seed, instead of the file's", 0, 0},
        {"--resume", 0, CLI_FLAG, &o.resume, NULL,
         "compute only what OUT.h5 or its journal lacks", 0, 0},
        {"--force", 0, CLI_FLAG, &o.force, NULL, "replace OUT.h5 and its journal", 0, 0},
        {"--data", 0, CLI_TEXT, &o.data, "DIR", "folder to look for data sets first", 0,
         0},
        {"--shard", 0, CLI_TEXT, &o.shard, "I/N",
         "compute part I of N only; 'ohmgrid merge' joins the parts", 0, 0},
        {"--quiet", 'q', CLI_FLAG, &o.quiet, NULL, "no progress, no table", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = o.command,
        .usage = "EXPERIMENT.yaml -o OUT.h5 [options]",
        .purpose = o.attribute ? attribute_purpose : run_purpose,
        .examples = o.attribute ? attribute_examples : run_examples,
        .option = option,
        .positional = {"EXPERIMENT.yaml"},
        .keys = print_keys,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (o.out == NULL) return cli_usage(o.command, "-o OUT.h5 is missing");
    if (o.resume && o.force)
        return cli_usage(o.command, "--resume and --force exclude each other");
    if (!read_shard(&o))
        return cli_usage(o.command,
                         "--shard is '%s', expected I/N with I from 1 to N, for instance "
                         "3/16",
                         o.shard);
    o.experiment = argument[0];
    char *command = cli_command_text(o.command, argc, argv);
    struct og_error err = {0};
    int rank = 0;
    og_status s = command != NULL ? og_ranks_start(&rank, &err)
                                  : og_fail(&err, OG_NO_MEMORY, "out of memory");
    mute = rank > 0;
    o.quiet = o.quiet || mute;
    if (s == OG_OK) s = execute(&o, command, &err);
    free(command);
    // Rank 0 speaks for all.
    const int code = rank > 0 ? CLI_DONE : report(&o, s, &err);
    og_ranks_end();
    return code;
}

int cli_run(int argc, char **argv)
{
    return run_command((struct options){.command = "run"}, argc, argv);
}

int cli_attribute(int argc, char **argv)
{
    return run_command((struct options){.command = "attribute", .attribute = true}, argc,
                       argv);
}
