# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import os
import shlex
import signal
import tempfile
import threading
from ctypes import byref, c_char_p, c_int, c_void_p
from dataclasses import dataclass

import numpy

from . import _yaml
from ._arrays import LONG, whole
from ._hardware import hardware_of, pointer_of
from ._library import Handle, InputError, Progress, call, lib, path_bytes

NEW, FORCE, RESUME = 0, 1, 2  # OG_BIND_...


@dataclass
class State:
    """How far a run is: stage ("train plain"), detail ("epoch 2/5 ..."), fraction of all
    work, seconds since the start, seconds_left (negative: not known yet)."""

    stage: str
    detail: str
    fraction: float
    seconds: float
    seconds_left: float


def _settings(keys):
    """["a.b=1", ...] of a dict; what its values are in YAML."""
    return [f"{key}={_yaml.dump(value)}" for key, value in dict(keys).items()]


def _file_of(experiment, folder):
    """The experiment as a file."""
    if isinstance(experiment, os.PathLike):
        return os.fspath(experiment)
    if isinstance(experiment, str) and experiment.endswith((".yaml", ".yml")):
        return experiment
    path = os.path.join(folder, "experiment.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(experiment if isinstance(experiment, str) else _block(experiment))
    return path


def _block(experiment):
    return "".join(f"{_yaml.dump(key)}: {_yaml.dump(value)}\n"
                   for key, value in experiment.items())


class _Watch:
    """Runs `work(report, stop)` in a thread, so that the caller's own sees Ctrl-C at once
    and calls `progress`; a stopped run ends by itself, with all that is finished saved."""

    def __init__(self, progress):
        self.progress, self.state, self.told = progress, None, None
        self.stop, self.failure = c_int(0), None

    def report(self, stage, detail, fraction, seconds, seconds_left):
        self.state = State(stage.decode(), detail.decode("utf-8", "replace"), fraction,
                           seconds, seconds_left)

    def run(self, work):
        def body():
            try:
                work(Progress(self.report), self.stop)
            except BaseException as error:
                self.failure = error

        thread = threading.Thread(target=body, name="ohmgrid.run")
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.05)
                self.tell()
        except BaseException:
            self.stop.value = signal.SIGINT
            thread.join()
            raise
        if self.failure is not None:
            raise self.failure
        self.tell()

    def tell(self):
        state = self.state
        if self.progress is not None and state is not self.told:
            self.told = state
            self.progress(state)


def run(experiment, out, set={}, *, data=None, threads=0, resume=False, force=False,
        progress=None):
    """Runs an experiment and writes its result file; returns `out`.

    experiment  path of a YAML file, or its text, or a dict of its keys
    out         result file (HDF5); an existing one is an error without resume or force
    set         {"hardware.adc.bits": 4, ...}: keys that are changed
    data        folder where data sets are looked for first
    threads     0: all processors; results never depend on it
    progress    called with a State, a few times a second; what it raises stops the run

    Ctrl-C raises KeyboardInterrupt once all that is finished is saved: the same call with
    resume=True goes on and ends with the same bits as an uninterrupted run.
    """
    if resume and force:
        raise InputError("resume and force exclude each other")
    out, threads = os.fspath(out), whole(threads, "threads", 4096)
    settings = _settings(set)
    with tempfile.TemporaryDirectory(prefix="ohmgrid") as folder:
        path = _file_of(experiment, folder)
        texts = (c_char_p * len(settings))(*[text.encode() for text in settings])
        handle = Handle("og_experiment_free")
        call("og_bind_experiment", byref(handle.pointer), path_bytes(path), texts,
             len(settings), path_bytes(data))
    command = shlex.join(["ohmgrid.run", os.fspath(path), out, *settings])
    mode = FORCE if force else RESUME if resume else NEW
    _Watch(progress).run(lambda report, stop: call(
        "og_bind_run", handle.pointer, path_bytes(out), command.encode(), path_bytes(data),
        mode, threads, report, byref(stop)))
    return out


# --- ONNX ------------------------------------------------------------------------------

def import_onnx(onnx, model):
    """Reads a network from an ONNX file into a model file (HDF5), which `infer` computes;
    returns its path. Nodes that are not supported are listed in the InputError."""
    refused = c_void_p()
    try:
        call("og_bind_import", path_bytes(onnx), path_bytes(model), byref(refused))
    except InputError as error:
        lines = ctypes.string_at(refused).decode("utf-8", "replace") if refused else ""
        if lines:
            raise InputError(f"{error}\n{lines.rstrip()}") from None
        raise
    finally:
        lib.og_bind_free(refused)
    return os.fspath(model)


def infer(model, inputs, hardware=None, *, chips=None, seed=None, calibrate=None):
    """Outputs of an imported network: {name: array}, or the array of the only output.

    model     model file of import_onnx
    inputs    {name: array}, or the array of the only input
    hardware  Hardware, or what its constructor takes; then Conv, Gemm, MatMul, LSTM, GRU
              and RNN whose weights are constants are on arrays, programmed anew for each of
              `chips` (1), which are the first axis of the outputs; `calibrate` (64) first
              samples of the inputs find the ranges of converters; `seed` (1)
    """
    h5py = _module("h5py", "python3-h5py")
    hardware = hardware_of(hardware)
    given = {"chips": chips, "seed": seed, "calibrate": calibrate}
    unused = [name for name, value in given.items() if value is not None]
    if hardware is None and unused:
        raise InputError(f"{unused[0]} has no effect without a hardware")
    with tempfile.TemporaryDirectory(prefix="ohmgrid") as folder:
        source, target = os.path.join(folder, "in.h5"), os.path.join(folder, "out.h5")
        with h5py.File(source, "w") as file:
            named = inputs if isinstance(inputs, dict) else {"input": inputs}
            for name, value in named.items():
                file[name] = _storable(value)
        call("og_bind_infer", path_bytes(model), path_bytes(source), path_bytes(target),
             pointer_of(hardware), whole(1 if chips is None else chips, "chips", 10**6, 1),
             whole(64 if calibrate is None else calibrate, "calibrate", 10**9, 1),
             whole(1 if seed is None else seed, "seed", LONG))
        with h5py.File(target) as file:
            if "output" in file:
                return file["output"][()]
            found = {}
            file.visititems(lambda name, item: found.update(
                {name: item[()]} if isinstance(item, h5py.Dataset) else {}))
            return found


def _storable(value):
    """bool is uint8 in ohmgrid's files."""
    value = numpy.asarray(value)
    return value.astype(numpy.uint8) if value.dtype == bool else value


def export(source, out, group=""):
    """Weights of a result file or a model file to `out`, .npz or .safetensors by its
    ending; group: which model of a result ("m0"), "": the only one. Returns `out`."""
    call("og_weights_export", path_bytes(source), group.encode(), path_bytes(out))
    return os.fspath(out)


# --- results ---------------------------------------------------------------------------

def open_result(path, group="results"):
    """A group of a result file as xarray.Dataset, with named axes and units: "results",
    "layers/<matrix>" or any other. To be closed, or used with `with`."""
    xarray = _module("xarray", "python3-xarray")
    _module("h5netcdf", "python3-h5netcdf")
    return xarray.open_dataset(os.fspath(path), group=group, engine="h5netcdf")


def _module(name, package):
    try:
        return __import__(name)
    except ImportError:
        raise ImportError(f"ohmgrid: this needs the module {name} "
                          f"(apt-get install {package})") from None
