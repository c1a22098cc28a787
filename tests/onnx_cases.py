# SPDX-License-Identifier: GPL-3.0-or-later
"""The node tests of the installed onnx module: every case of operators that ohmgrid has, in
its own opset and, written as that opset wants it, in others.

    onnx_cases.py [STEP]

STEP 1: in all opsets, minutes; 8 (default): in every eighth, begun elsewhere for each case.
Cases of types that ohmgrid has not, and training, must be refused. Exit code 77 (skipped): no
onnx module, or one without the cases.
"""
import copy
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import numpy as np
    for old in ("float", "int", "bool", "object"):  # the cases are older than numpy 1.24
        if not hasattr(np, old):
            setattr(np, old, {"float": float, "int": int, "bool": bool, "object": object}[old])
    import onnx
    from onnx import TensorProto, helper
    from onnx.backend.test.case.node import collect_testcases
except ImportError:
    sys.exit(77)

import onnx_tools

KINDS = {TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32,
         TensorProto.INT64, TensorProto.BOOL}
OPSETS = [1, *range(6, 22)]


class NoForm(Exception):
    """The case cannot be said in that opset."""


def operators():
    """Names from `ohmgrid import --help=keys`."""
    said = subprocess.run([onnx_tools.PROGRAM, "import", "--help=keys"], capture_output=True,
                          text=True, check=True).stdout
    return {word for line in said.splitlines() if line.startswith("  ") for word in line.split()}


def integers(value):
    return [int(v) for v in np.asarray(value).ravel()]


class Case:
    def __init__(self, test, data):
        self.model = copy.deepcopy(test.model)
        self.node = self.model.graph.node[0] if len(self.model.graph.node) == 1 else None
        self.given = dict(zip([i.name for i in self.model.graph.input], data[0]))

    def attribute(self, name):
        found = [a for a in self.node.attribute if a.name == name]
        return helper.get_attribute_value(found[0]) if found else None

    def put(self, name, value):
        for a in [a for a in self.node.attribute if a.name == name]:
            self.node.attribute.remove(a)
        if value is not None:
            self.node.attribute.append(helper.make_attribute(name, value))

    def need(self, allowed):
        if not allowed:
            raise NoForm

    def value(self, k):
        name = self.node.input[k] if k < len(self.node.input) else ""
        return self.given[name] if name else None

    def to_attributes(self, names, opset, until, what=integers):
        """Inputs from the second on become attributes before opset `until`."""
        if opset >= until:
            return
        for k, name in enumerate(names, 1):
            value = self.value(k)
            if value is not None and name:
                self.put(name, what(value) if np.ndim(value) else float(value))
        for name in filter(None, self.node.input[1:]):
            del self.given[name]
            ports = self.model.graph.input
            ports.remove(next(i for i in ports if i.name == name))
        del self.node.input[1:]

    # How the operators were said before (onnx/docs/Changelog.md).
    def say(self, opset):
        op, node = self.node.op_type, self.node
        if op in ("Squeeze", "Unsqueeze"):
            self.to_attributes(["axes"], opset, 13)
        elif op == "Split":
            equal = opset >= 18 and self.value(1) is None
            self.put("num_outputs", len(node.output) if equal else None)
            self.to_attributes(["split"], opset, 13)
        elif op == "Slice":
            steps = self.value(4)
            self.need(opset >= 10 or steps is None or (np.asarray(steps) == 1).all())
            self.to_attributes(["starts", "ends", "axes"], opset, 10)
        elif op == "Pad":
            self.need(opset >= 11 or self.value(0).dtype == np.float32)
            self.to_attributes(["pads" if opset > 1 else "paddings", "value"], opset, 11)
        elif op == "Clip":
            self.need(opset >= 11 or self.value(0).dtype == np.float32)
            self.to_attributes(["min", "max"], opset, 11)
        elif op == "Reshape":
            self.need(opset >= 14 or not self.attribute("allowzero"))
            self.to_attributes(["shape"], opset, 5)
        elif op == "Dropout":
            self.need(self.attribute("ratio") is None or opset < 12)
            self.need(opset >= 12 or not self.value(2))
            self.need(opset >= 10 or len(node.output) == 1)
            self.to_attributes(["ratio"], opset, 12, float)
            self.put("seed", self.attribute("seed") if opset >= 12 else None)
            self.put("is_test", 1 if opset < 7 else None)
        elif op == "BatchNormalization":
            self.need(opset >= 14 or not self.attribute("training_mode"))
            self.put("is_test", 1 if opset < 7 else None)
        elif op in ("Add", "Sub", "Mul", "Div"):
            shapes = [v.shape for v in self.given.values()]
            self.need(opset >= 7 or np.broadcast_shapes(*shapes) == shapes[0])
            self.put("broadcast", 1 if opset < 7 else None)
        elif op == "PRelu":
            self.need(opset >= 7 or self.value(0).shape == self.value(1).shape)
        elif op == "Gemm":
            self.need(opset >= 11 or len(node.input) == 3)
            self.put("broadcast", 1 if opset < 7 else None)
        elif op == "ReduceMean" and opset >= 18 and self.attribute("axes"):
            axes = np.array(self.attribute("axes"), np.int64)
            self.put("axes", None)
            node.input.append("axes")
            self.given["axes"] = axes
            self.model.graph.input.append(
                helper.make_tensor_value_info("axes", TensorProto.INT64, axes.shape))
        elif op in ("Softmax", "LogSoftmax"):
            last = self.value(0).ndim - 1
            axis = self.attribute("axis")
            self.need(opset >= 13 or axis is None or axis % (last + 1) == last)
            self.put("axis", last if opset < 13 else axis)
        elif op in ("QuantizeLinear", "DequantizeLinear"):
            self.need(opset >= 13 or np.ndim(self.value(1)) == 0)
        elif op == "AveragePool":
            self.need(opset >= 10 or not self.attribute("ceil_mode"))
            self.need(opset >= 7 or not self.attribute("count_include_pad"))
        elif op == "MaxPool":
            newer = self.attribute("ceil_mode") or self.attribute("dilations")
            self.need(opset >= 12 or self.value(0).dtype == np.float32)
            self.need(opset >= 10 or not newer)
            self.need(opset >= 8 or len(node.output) == 1)
        elif op in ("LSTM", "GRU", "RNN"):
            self.need(opset >= 14 or not self.attribute("layout"))
            self.put("layout", self.attribute("layout") if opset >= 14 else None)
        elif op == "Shape":
            self.need(opset >= 15 or not node.attribute)

    def convert(self, opset):
        """Raises NoForm where this opset has no such case."""
        own = self.model.opset_import[0].version
        if opset == own:
            return
        self.need(self.node)
        self.need(self.node.op_type not in ("Cast", "Constant") and self.is_ours())
        self.model.opset_import[0].version = opset
        self.say(opset)
        if opset > onnx.defs.onnx_opset_version():
            return
        try:
            onnx.checker.check_model(self.model)
        except onnx.checker.ValidationError:
            raise NoForm from None

    def is_ours(self):
        """Whether types are those that ohmgrid has, and nothing is a matter of chance."""
        ports = [*self.model.graph.input, *self.model.graph.output]
        mode = self.value(2) if self.node and self.node.op_type == "Dropout" else None
        return all(p.type.HasField("tensor_type") and p.type.tensor_type.elem_type in KINDS
                   for p in ports) and not (mode is not None and mode and self.value(1) != 0)


def outcome(test, data, opset):
    """None, or what is wrong."""
    case = Case(test, data)
    case.convert(opset)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(case.model, file.name)
        try:
            got = onnx_tools.infer(file.name, case.given)
        except RuntimeError as why:
            return None if not case.is_ours() and ": 2: " in str(why) else str(why)
    if not case.is_ours():
        return "must be refused"
    for port, want in zip(case.model.graph.output, data[1]):
        if not onnx_tools.same(got[port.name], want, test.rtol, test.atol):
            return f"output {port.name} differs"
    return None


def main():
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    ours, wrong, count, index = operators(), 0, 0, 0
    for test in collect_testcases(None):
        if test.model is None or not {n.op_type for n in test.model.graph.node} <= ours:
            continue
        index += 1
        own = test.model.opset_import[0].version
        others = [v for k, v in enumerate(OPSETS) if v != own and (k + index) % step == 0]
        for opset in ([own] if own in OPSETS else []) + others:
            for data in test.data_sets:
                try:
                    fault = outcome(test, data, opset)
                except NoForm:
                    continue
                count += 1
                if fault:
                    wrong += 1
                    print(f"{test.name}, opset {opset}: {fault.strip()}")
    print(f"{count - wrong} of {count} passed")
    return wrong > 0 or count < 200


sys.exit(main())
