# SPDX-License-Identifier: GPL-3.0-or-later
"""Test folders as ONNX has them (model.onnx, test_data_set_N/input_K.pb, output_K.pb):

    onnx_folders.py FOLDER...

Tries every folder below that holds a model.onnx. Exit code 77 (skipped): no onnx module.
"""
import glob
import os
import sys

try:
    import onnx
    import numpy
    from onnx import numpy_helper
except ImportError:
    sys.exit(77)

import onnx_tools


def read(path):
    tensor = onnx.TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    return numpy_helper.to_array(tensor)


def sets_of(folder):
    for path in sorted(glob.glob(os.path.join(folder, "test_data_set_*"))):
        yield tuple(
            [read(name) for name in sorted(glob.glob(os.path.join(path, kind + "_*.pb")),
                                           key=lambda n: int(n.rsplit("_", 1)[1][:-3]))]
            for kind in ("input", "output"))
    for path in sorted(glob.glob(os.path.join(folder, "test_data_*.npz"))):
        with numpy.load(path, allow_pickle=True, encoding="bytes") as data:
            # The first axes, which are 1, were left out of these files.
            yield [data["inputs"][None]], [data["outputs"]]


def check(folder):
    """None, or what is wrong."""
    model = onnx.load(os.path.join(folder, "model.onnx"))
    given = {i.name for i in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in given]
    for inputs, outputs in sets_of(folder):
        try:
            got = onnx_tools.infer(os.path.join(folder, "model.onnx"),
                                   dict(zip(names, inputs)))
        except RuntimeError as why:
            return str(why)
        for port, want in zip(model.graph.output, outputs):
            if not onnx_tools.same(got[port.name], want):
                return f"output {port.name} differs"
    return None


def main():
    wrong = count = 0
    for root in sys.argv[1:]:
        for path in sorted(glob.glob(os.path.join(root, "**", "model.onnx"), recursive=True)):
            fault = check(os.path.dirname(path))
            count += 1
            if fault:
                wrong += 1
                print(f"{os.path.dirname(path)}: {fault}")
    print(f"{count - wrong} of {count} passed")
    return wrong > 0 or count == 0


sys.exit(main())
