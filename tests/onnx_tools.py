# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ONNX models through the program and compares what it gives."""
import os
import subprocess
import tempfile

import h5py
import numpy

PROGRAM = os.environ.get("OHMGRID_PROGRAM", "build/src/cli/ohmgrid")


def call(*words):
    """(exit code, stderr) of the program."""
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    return done.returncode, done.stderr


def write_inputs(path, inputs):
    with h5py.File(path, "w") as file:
        for name, value in inputs.items():
            value = numpy.asarray(value)
            file.create_dataset(name, data=value.astype("u1") if value.dtype == bool else value)


def infer(model, inputs, *options):
    """Outputs by name of the ONNX file `model`; RuntimeError when the program refuses."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("model.h5", "in.h5", "out.h5")]
        code, said = call("import", model, "-o", names[0])
        if code != 0:
            raise RuntimeError(f"import: {code}: {said}")
        write_inputs(names[1], inputs)
        code, said = call("infer", names[0], names[1], "-o", names[2], *options)
        if code != 0:
            raise RuntimeError(f"infer: {code}: {said}")
        with h5py.File(names[2], "r") as file:
            outputs = {}
            file.visititems(lambda name, item: outputs.update({name: item[()]})
                            if isinstance(item, h5py.Dataset) else None)
            return outputs


def same(got, want, rtol=1e-3, atol=1e-7):
    """Whether type, shape and values agree (bool is uint8 in HDF5)."""
    want = numpy.asarray(want)
    kind = numpy.dtype("u1") if want.dtype == bool else want.dtype
    if got.dtype != kind or got.shape != want.shape:
        return False
    if want.dtype.kind == "f":
        return numpy.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    return numpy.array_equal(got, want)
