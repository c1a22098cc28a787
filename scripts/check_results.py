#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a result file of experiments/quickstart.yaml (one trial) as a Python user would."""
import sys

import h5py
import numpy
import xarray

path = sys.argv[1]
AXES = {"training": 2, "read_noise": 6, "adc_bits": 3, "trial": 1}

with xarray.open_dataset(path, group="results", engine="h5netcdf") as results:
    for metric in ("accuracy", "loss"):
        values = results[metric]
        assert dict(values.sizes) == AXES, (metric, values.sizes)
        assert values.dims == tuple(AXES), (metric, values.dims)
        assert values.dtype == numpy.float64, values.dtype
        assert numpy.isfinite(values).all(), metric
        assert values.attrs["units"] and values.attrs["long_name"], values.attrs
        assert results[metric + "_mean"].dims == tuple(AXES)[:-1]
    for axis, units in {"read_noise": "S", "adc_bits": "1", "trial": "1"}.items():
        assert results[axis].attrs["units"] == units, axis
    for axis in AXES:
        assert results[axis].attrs["long_name"], axis
    assert list(results["training"].values) == ["plain", "hardware_aware"]
    assert list(results["adc_bits"].values) == [4, 6, 8]
    assert (results["done"] == 1).all()
    # Better than a guess between ten classes.
    assert float(results["accuracy"].sel(training="plain").mean()) > 0.2

for layer in ("lstm1", "dense1"):
    with xarray.open_dataset(path, group="layers/" + layer, engine="h5netcdf") as values:
        for metric in ("snr_local", "snr_total", "adc_use", "tiles"):
            assert dict(values[metric].sizes) == AXES, (metric, values[metric].sizes)
            assert numpy.isfinite(values[metric]).all(), (layer, metric)
        assert values["snr_local"].attrs["units"] == "dB"
        assert values["read_noise"].attrs["units"] == "S"
        # Noise costs signal, at every resolution.
        snr = values["snr_local"].mean(("training", "adc_bits", "trial"))
        assert (snr.diff("read_noise") < 0).all(), snr

with h5py.File(path) as f:
    for name in ("ohmgrid_version", "schema_version", "revision", "created", "seed",
                 "experiment", "command"):
        assert name in f.attrs, name
    assert f["results/accuracy"].dims[0][0].name == "/results/training"
