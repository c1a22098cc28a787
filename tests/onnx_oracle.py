# SPDX-License-Identifier: GPL-3.0-or-later
"""Random models of one node, computed by the program and by torch or numpy.

    onnx_oracle.py [N [SEED]]

Exit code 77 (skipped): no onnx or no torch module.
"""
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import TensorProto, helper
except ImportError:
    sys.exit(77)

import onnx_tools

TYPES = {"f": TensorProto.FLOAT, "b": TensorProto.INT8, "B": TensorProto.UINT8,
         "i": TensorProto.INT32, "l": TensorProto.INT64, "?": TensorProto.BOOL}


def f4(dice, *shape):
    return dice.normal(size=shape).astype("f4")


def run(op, inputs, outputs, opset, **attributes):
    """What the program gives; inputs: a list, None where one is left out."""
    names = [f"in{k}" if v is not None else "" for k, v in enumerate(inputs)]
    given = {n: np.asarray(v) for n, v in zip(names, inputs) if v is not None}
    node = helper.make_node(op, names, [f"out{k}" for k in range(len(outputs))], **attributes)
    graph = helper.make_graph(
        [node], "case",
        [helper.make_tensor_value_info(n, TYPES[v.dtype.char], v.shape)
         for n, v in given.items()],
        [helper.make_tensor_value_info(f"out{k}", TYPES[np.asarray(v).dtype.char],
                                       np.asarray(v).shape)
         for k, v in enumerate(outputs)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        return onnx_tools.infer(file.name, given)


def compare(op, inputs, outputs, opset, rtol=1e-4, atol=1e-5, **attributes):
    got = run(op, inputs, outputs, opset, **attributes)
    for k, want in enumerate(outputs):
        if not onnx_tools.same(got[f"out{k}"], want, rtol, atol):
            raise AssertionError(f"{op} opset {opset} {attributes} "
                                 f"{[getattr(i, 'shape', None) for i in inputs]} output {k}")


def conv(dice):
    axes = int(dice.integers(1, 4))
    group = int(dice.integers(1, 4))
    x = f4(dice, int(dice.integers(1, 3)), 2 * group, *dice.integers(7, 10, axes))
    w = f4(dice, group * int(dice.integers(1, 4)), 2, *dice.integers(1, 4, axes))
    stride, pad, dilation = (dice.integers(1, 3, axes), dice.integers(0, 3, axes),
                             dice.integers(1, 3, axes))
    bias = f4(dice, w.shape[0]) if dice.random() < 0.5 else None
    want = getattr(F, f"conv{axes}d")(
        torch.tensor(x), torch.tensor(w), None if bias is None else torch.tensor(bias),
        tuple(map(int, stride)), tuple(map(int, pad)), tuple(map(int, dilation)), group)
    compare("Conv", [x, w] + ([] if bias is None else [bias]), [want.numpy()],
            int(dice.choice([1, 7, 11, 21])), strides=stride.tolist(),
            pads=pad.tolist() * 2, dilations=dilation.tolist(), group=group)


def pool(dice):
    axes = int(dice.integers(1, 4))
    x = f4(dice, 2, 3, *dice.integers(6, 12, axes))
    kernel = dice.integers(1, 5, axes)
    pad = [int(dice.integers(0, k // 2 + 1)) for k in kernel]
    stride = dice.integers(1, 4, axes)
    ceil = bool(dice.integers(0, 2))
    sizes = [tuple(map(int, v)) for v in (kernel, stride, pad)]
    common = {"kernel_shape": kernel.tolist(), "strides": stride.tolist(),
              "pads": pad * 2, "ceil_mode": int(ceil)}
    if dice.random() < 0.5:
        dilation = dice.integers(1, 3, axes)
        if any((k - 1) * d + 1 > n + 2 * p
               for k, d, n, p in zip(kernel, dilation, x.shape[2:], pad)):
            return
        want, index = getattr(F, f"max_pool{axes}d")(
            torch.tensor(x), *sizes, tuple(map(int, dilation)), ceil, return_indices=True)
        plane = np.arange(6).reshape(2, 3, *[1] * axes) * int(np.prod(x.shape[2:]))
        compare("MaxPool", [x], [want.numpy(), index.numpy() + plane], 12,
                dilations=dilation.tolist(), **common)
    elif axes < 4:
        include = bool(dice.integers(0, 2))
        want = getattr(F, f"avg_pool{axes}d")(torch.tensor(x), *sizes, ceil, include)
        compare("AveragePool", [x], [want.numpy()], int(dice.choice([10, 19, 21])),
                count_include_pad=int(include), **common)


def broadcast_shapes(dice):
    shape = dice.integers(1, 5, int(dice.integers(0, 5)))
    parts = []
    for _ in range(2):
        part = [int(n) if dice.random() < 0.7 else 1 for n in shape]
        parts.append(part[int(dice.integers(0, len(part) + 1)):])
    return parts


def arithmetic(dice):
    kind = str(dice.choice(["f4", "i4", "i8", "i1", "u1"]))
    a, b = (np.asarray(dice.integers(1, 50, part)).astype(kind)
            if kind != "f4" else f4(dice, *part) for part in broadcast_shapes(dice))
    with np.errstate(all="ignore"):
        for op, want in (("Add", a + b), ("Sub", a - b), ("Mul", a * b),
                         ("Div", a / b if kind == "f4" else np.trunc(a / b))):
            compare(op, [a, b], [np.asarray(want).astype(kind)], 14)


def matmul(dice):
    a, b = broadcast_shapes(dice)
    m, k, n = dice.integers(1, 6, 3)
    x = f4(dice, *a, m, k) if dice.random() < 0.8 else f4(dice, k)
    y = f4(dice, *b, k, n) if dice.random() < 0.8 else f4(dice, k)
    compare("MatMul", [x, y], [np.matmul(x, y)], 13)
    left, right = (int(v) for v in dice.integers(0, 2, 2))
    x, y = f4(dice, *((k, m) if left else (m, k))), f4(dice, *((n, k) if right else (k, n)))
    alpha, beta = (float(np.float32(v)) for v in dice.normal(size=2))
    c = f4(dice, *[(1,), (n,), (m, 1), (1, n), (m, n), ()][int(dice.integers(0, 6))])
    want = alpha * (x.T if left else x) @ (y.T if right else y) + beta * c
    compare("Gemm", [x, y, c], [want.astype("f4")], int(dice.choice([7, 9, 11, 13])),
            transA=left, transB=right, alpha=alpha, beta=beta)


def slices(dice):
    x = dice.integers(0, 255, dice.integers(1, 6, int(dice.integers(1, 5)))).astype("u1")
    axes = dice.permutation(x.ndim)[:int(dice.integers(1, x.ndim + 1))]
    index = [slice(None)] * x.ndim
    starts, ends, steps = [], [], []
    for axis in axes:
        n = x.shape[axis]
        step = int(dice.choice([-2, -1, 1, 2, 3]))
        start = int(dice.integers(-n, n))
        end = int(dice.integers(-n - 2, n + 3))
        index[axis] = slice(start, end, step)
        starts, ends, steps = starts + [start], ends + [end], steps + [step]
    kind = str(dice.choice(["i4", "i8"]))
    lists = [np.array(v, kind) for v in (starts, ends, axes - x.ndim * dice.integers(0, 2), steps)]
    compare("Slice", [x, *lists], [x[tuple(index)]], int(dice.choice([11, 13, 21])))


def pads(dice):
    x = f4(dice, *dice.integers(2, 5, int(dice.integers(1, 4))))
    mode = str(dice.choice(["constant", "reflect", "edge", "wrap"]))
    pad = dice.integers(0, 2, (x.ndim, 2))
    value = np.float32(dice.normal())
    want = np.pad(x, pad, mode, **({"constant_values": value} if mode == "constant" else {}))
    compare("Pad", [x, pad.T.flatten().astype("i8"), np.asarray(value)], [want],
            19 if mode == "wrap" else 13, mode=mode)


def reductions(dice):
    x = f4(dice, *dice.integers(1, 5, int(dice.integers(1, 5))))
    axis = int(dice.integers(-x.ndim, x.ndim))
    soft = torch.softmax(torch.tensor(x), axis).numpy()
    compare("Softmax", [x], [soft], 13, axis=axis)
    compare("LogSoftmax", [x], [np.log(soft)], 13, axis=axis)
    flat = torch.softmax(torch.tensor(x).reshape(
        int(np.prod(x.shape[:axis % x.ndim])), -1), 1).numpy().reshape(x.shape)
    compare("Softmax", [x], [flat], 11, axis=axis)
    axes = tuple(int(a) for a in dice.permutation(x.ndim)[:int(dice.integers(1, x.ndim + 1))])
    keep = int(dice.integers(0, 2))
    want = np.mean(x, axes, keepdims=bool(keep))
    compare("ReduceMean", [x], [np.asarray(want)], 13, axes=list(axes), keepdims=keep)
    compare("ReduceMean", [x, np.array(axes, "i8")], [np.asarray(want)], 18, keepdims=keep)


def recurrent(dice):
    op = str(dice.choice(["LSTM", "GRU", "RNN"]))
    steps, batch, inputs, units = (int(n) for n in dice.integers(1, 6, 4))
    both = bool(dice.integers(0, 2))
    gates, order = {"LSTM": (4, [0, 3, 1, 2]), "GRU": (3, [1, 0, 2]), "RNN": (1, [0])}[op]
    net = getattr(torch.nn, op)(inputs, units, bidirectional=both)
    lengths = np.sort(dice.integers(1, steps + 1, batch))[::-1].astype("i4").copy()
    lengths[0] = steps
    x, d = f4(dice, steps, batch, inputs), 1 + both
    h, c = f4(dice, d, batch, units), f4(dice, d, batch, units)

    def part(name):
        blocks = []
        for suffix in ["", "_reverse"][:d]:
            v = getattr(net, f"{name}_l0{suffix}").detach().numpy()
            blocks.append(np.concatenate([v.reshape(gates, units, -1)[g] for g in order]))
        return np.stack(blocks)

    bias = np.concatenate([part("bias_ih")[..., 0], part("bias_hh")[..., 0]], 1)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths).long())
    state = torch.tensor(h) if op != "LSTM" else (torch.tensor(h), torch.tensor(c))
    y, last = net(packed, state)
    y = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=steps)[0].detach().numpy()
    want = [y.reshape(steps, batch, d, units).transpose(0, 2, 1, 3)]
    want += [v.detach().numpy() for v in (last if op == "LSTM" else [last])]
    given = [x, part("weight_ih"), part("weight_hh"), bias, lengths, h]
    more = {"linear_before_reset": 1} if op == "GRU" else {}
    first = bool(dice.integers(0, 2))
    if first:
        given[0], given[5], c = x.transpose(1, 0, 2), h.transpose(1, 0, 2), c.transpose(1, 0, 2)
        want = [want[0].transpose(2, 0, 1, 3)] + [v.transpose(1, 0, 2) for v in want[1:]]
        more["layout"] = 1
    compare(op, given + ([c] if op == "LSTM" else []), want, 14 if first else 7,
            hidden_size=units, direction="bidirectional" if both else "forward", **more)


def quantised(dice):
    kind = np.dtype(str(dice.choice(["i1", "u1"])))
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    a, b = (dice.integers(low, high + 1, s).astype(kind) for s in ((2, 3, 4), (4, 5)))
    za, zb = (np.array(dice.integers(low, high + 1), kind) for _ in range(2))
    exact = np.matmul(a.astype("i4") - za, b.astype("i4") - zb)
    compare("MatMulInteger", [a, b, za, zb], [exact.astype("i4")], 10)
    sa, sb, sy = (np.array(v, "f4") for v in dice.random(3) + 0.1)
    zy = np.array(dice.integers(low, high + 1), kind)
    want = np.clip(np.rint(exact * np.float64(sa * sb / sy)) + zy, low, high).astype(kind)
    compare("QLinearMatMul", [a, sa, za, b, sb, zb, sy, zy], [want], 10)
    x, scale = 5 * f4(dice, 2, 3, 4), (dice.random(3) + 0.01).astype("f4")
    zero = dice.integers(low, high + 1, 3).astype(kind)
    code = np.rint(x / scale[:, None]) + zero[:, None]
    code = np.clip(code, low, high).astype(kind)
    compare("QuantizeLinear", [x, scale, zero], [code], 13, axis=1)
    back = (code.astype("i4") - zero[:, None].astype("i4")).astype("f4") * scale[:, None]
    compare("DequantizeLinear", [code, scale, zero], [back], 13, axis=-2)


CASES = [conv, pool, arithmetic, matmul, slices, pads, reductions, recurrent, quantised]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wrong = 0
    for seed in range(first, first + count):
        for case in CASES:
            torch.manual_seed(seed)
            try:
                case(np.random.default_rng(seed))
            except (AssertionError, RuntimeError) as fault:
                wrong += 1
                print(f"{case.__name__} {seed}: {fault}")
    print(f"{count * len(CASES) - wrong} of {count * len(CASES)} passed")
    return wrong > 0


sys.exit(main())
