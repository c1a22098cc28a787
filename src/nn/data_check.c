// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/data_check.h"

#include <string.h>

#include "config/tables.h"
#include "nn/data_series.h"
#include "nn/data_text.h"

static og_status check_no_text(const struct og_data_spec *spec, struct og_error *err)
{
    const struct og_text none = {0};
    if (memcmp(&spec->text, &none, sizeof none) == 0) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "data set %s is no text: as cannot be words or characters, and file, "
                   "parts, vocabulary, test and evaluate.streams have no effect",
                   spec->name);
}

static og_status check_no_series(const struct og_data_spec *spec, struct og_error *err)
{
    const struct og_series standard = og_series_default();
    if (memcmp(&spec->series, &standard, sizeof standard) == 0) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "data set %s is no series: lengths, scale, average, folds, fold, "
                   "test_groups, classes and pen have no effect",
                   spec->name);
}

og_status og_data_check_strokes(struct og_dataset *set, struct og_error *err)
{
    const struct og_data_spec *spec = &set->spec;
    OG_TRY(check_no_text(spec, err));
    if (strcmp(spec->name, "mnist") != 0)
        return og_fail(err, OG_INPUT,
                       "data.as strokes is for handwriting, the set mnist, not for %s",
                       spec->name);
    return og_series_check(spec, err);
}

// All std zero stands for plain pixels in [0, 1]; mean and std are set so in the copy.
og_status og_data_check_images(struct og_dataset *set, struct og_error *err)
{
    struct og_data_spec *spec = &set->spec;
    const struct og_speech standard = og_speech_default();
    OG_TRY(check_no_text(spec, err));
    OG_TRY(check_no_series(spec, err));
    if (memcmp(&spec->speech, &standard, sizeof standard) != 0)
        return og_fail(err, OG_INPUT,
                       "data set %s: features and steps have no effect on images",
                       spec->name);
    if (spec->crop < 0 || (size_t)spec->crop >= set->width)
        return og_fail(err, OG_INPUT, "data set %s: crop is %d, not in 0 to %zu pixels",
                       spec->name, spec->crop, set->width - 1);
    bool plain = spec->std[0] == 0 && spec->std[1] == 0 && spec->std[2] == 0;
    for (size_t c = 0; c < set->channels; c++) {
        if (plain) {
            spec->mean[c] = 0;
            spec->std[c] = 1;
        }
        if (!(spec->std[c] > 0))
            return og_fail(err, OG_INPUT,
                           "data set %s: std of channel %zu is %g, not above "
                           "0",
                           spec->name, c, (double)spec->std[c]);
    }
    return OG_OK;
}

og_status og_data_check_speech(struct og_dataset *set, struct og_error *err)
{
    const struct og_data_spec *spec = &set->spec;
    OG_TRY(check_no_text(spec, err));
    OG_TRY(og_series_check(spec, err));
    return og_speech_check(&spec->speech, NULL, err);
}

og_status og_data_check_series(struct og_dataset *set, struct og_error *err)
{
    OG_TRY(check_no_text(&set->spec, err));
    return og_series_check(&set->spec, err);
}

og_status og_data_check_ptb(struct og_dataset *set, struct og_error *err)
{
    OG_TRY(check_no_series(&set->spec, err));
    return og_text_check(&set->spec, false, err);
}

og_status og_data_check_text(struct og_dataset *set, struct og_error *err)
{
    OG_TRY(check_no_series(&set->spec, err));
    return og_text_check(&set->spec, true, err);
}
