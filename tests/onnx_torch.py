# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks exported by torch.onnx.export, computed by the program and by PyTorch.

    onnx_torch.py [NAME]

Exit code 77 (skipped): no torch or no onnx module (torch.onnx.export needs it).
"""
import contextlib
import io
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import onnx  # noqa: F401
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    sys.exit(77)

import onnx_tools

OPSETS = (10, 11, 16)


class Net(nn.Module):
    """f(self, inputs...), its layers given by name."""

    def __init__(self, f, **layers):
        super().__init__()
        self.f = f
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *x):
        return self.f(self, *x)


def residual(s, x):
    y = F.relu(s.norm(s.first(x)))
    y = F.relu6(s.second(y) + s.short(x))
    return F.log_softmax(s.out(torch.flatten(F.adaptive_avg_pool2d(y, 1), 1)), 1)


def pools(s, x):
    return (F.max_pool2d(x, 3, 2, 1, ceil_mode=True), F.avg_pool2d(x, (2, 3), ceil_mode=True),
            F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), F.adaptive_avg_pool2d(x, (2, 3)))


def shapes(s, x):
    rows = x.transpose(1, 2).reshape(x.shape[0], -1)
    return torch.cat([rows, x.view(-1, x.size(0)).t()], 1).unsqueeze(1).squeeze()


def slices(s, x):
    return x[:, 1:3], x[..., -2:], x[0], x[:, 2], x[:, None, -1]


def padded(s, x):
    return (F.pad(x, (1, 2, 0, 1)), F.pad(x, (1, 2, 0, 1), value=3.0),
            F.pad(x, (1, 1, 1, 1), "reflect"), F.pad(x, (1, 1, 1, 1), "replicate"))


def means(s, x):
    return x.mean(), x.mean(1), x.mean((0, 2), keepdim=True), x.mean(-1)


def packed(s, x, lengths):
    sequence = nn.utils.rnn.pack_padded_sequence(x, lengths)
    return nn.utils.rnn.pad_packed_sequence(s.rnn(sequence)[0])[0]


def quantised(s, x):
    x = torch.fake_quantize_per_tensor_affine(x, 0.05, 3, -128, 127)
    w = torch.fake_quantize_per_tensor_affine(s.dense.weight, 0.01, 0, -128, 127)
    return F.linear(x, w, s.dense.bias)


def networks():
    """{name: (network, inputs, names of free axes of the first input)}"""
    r, n = torch.randn, {0: "n"}
    conv, dense = nn.Conv2d, nn.Linear
    both = nn.LSTM(5, 7, 2, bidirectional=True, batch_first=True)
    return {
        "lstm_both_stacked": (Net(lambda s, x, h, c: s.rnn(x, (h, c)), rnn=both),
                              (r(3, 6, 5), r(4, 3, 7), r(4, 3, 7)), None),
        "lstm_last": (Net(lambda s, x: s.out(s.rnn(x)[0][:, -1]), out=dense(7, 4),
                          rnn=nn.LSTM(5, 7, batch_first=True)), (r(3, 6, 5),), {1: "t", **n}),
        "lstm_packed": (Net(packed, rnn=nn.LSTM(5, 7)), (r(6, 3, 5), torch.tensor([6, 4, 2])),
                        None),
        "lstm_cell": (Net(lambda s, *x: s.rnn(x[0], x[1:]), rnn=nn.LSTMCell(5, 7)),
                      (r(3, 5), r(3, 7), r(3, 7)), None),
        "gru_both": (Net(lambda s, x: s.rnn(x), rnn=nn.GRU(5, 7, 2, bidirectional=True)),
                     (r(6, 3, 5),), {0: "t", 1: "n"}),
        "gru_cell": (Net(lambda s, x, h: s.rnn(x, h), rnn=nn.GRUCell(5, 7)),
                     (r(3, 5), r(3, 7)), None),
        "rnn_relu": (Net(lambda s, x: s.rnn(x), rnn=nn.RNN(5, 7, 2, nonlinearity="relu")),
                     (r(6, 3, 5),), None),
        "embedding": (Net(lambda s, x: s.out(s.rnn(s.word(x))[0]), word=nn.Embedding(20, 5),
                          rnn=nn.GRU(5, 6, batch_first=True), out=dense(6, 20)),
                      (torch.randint(0, 20, (3, 7)),), {1: "t", **n}),
        "grouped": (nn.Sequential(conv(8, 12, 3, 2, 1, groups=4), nn.BatchNorm2d(12), nn.ReLU(),
                                  conv(12, 12, 3, 1, 2, dilation=2, groups=12),
                                  nn.LeakyReLU(0.1), conv(12, 5, 1)), (r(2, 8, 11, 9),), n),
        "conv1d": (nn.Sequential(nn.Conv1d(4, 8, 5, padding=2), nn.ELU(), nn.MaxPool1d(2),
                                 nn.Conv1d(8, 3, 3)), (r(2, 4, 20),), {2: "t", **n}),
        "conv3d": (nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.Sigmoid(), nn.AvgPool3d(2),
                                 nn.Conv3d(4, 3, (1, 2, 1))), (r(2, 2, 6, 6, 6),), None),
        "residual": (Net(residual, first=conv(3, 8, 3, padding=1), norm=nn.BatchNorm2d(8),
                         second=conv(8, 8, 3, padding=1), short=conv(3, 8, 1),
                         out=dense(8, 10)), (r(2, 3, 8, 8),), n),
        "activations": (nn.Sequential(dense(6, 8), nn.SELU(), nn.PReLU(8), dense(8, 8),
                                      nn.Hardtanh(-0.5, 0.7), nn.Hardsigmoid(), nn.Dropout(),
                                      nn.LogSoftmax(-1)), (r(4, 6),), n),
        "dense3d": (nn.Sequential(dense(6, 8), nn.Tanh(), dense(8, 3, bias=False)),
                    (r(2, 5, 6),), n),
        "attention": (Net(lambda s, x: torch.softmax(x @ s.key.weight.t() / 2, -1)
                          @ s.key.weight, key=dense(6, 9)), (r(2, 3, 6),), None),
        "pools": (Net(pools), (r(2, 3, 8, 9),), None),
        "shapes": (Net(shapes), (r(2, 3, 4),), n),
        "slices": (Net(slices), (r(2, 5, 6),), None),
        "padded": (Net(padded), (r(2, 3, 5, 6),), None),
        "means": (Net(means), (r(2, 3, 5),), None),
        "chunk": (Net(lambda s, x: torch.cat(x.chunk(2, 1)[::-1], 1)), (r(2, 6),), None),
        "quantised": (Net(quantised, dense=dense(6, 4)), (r(3, 6),), None),
    }


# What must be refused, and how.
REFUSED = {
    "layer_norm": (nn.LayerNorm(4), torch.randn(2, 4), ("Pow", "Sqrt")),
    "gelu": (nn.GELU(), torch.randn(2, 4), ("Erf",)),
    "transposed": (nn.ConvTranspose2d(3, 4, 3), torch.randn(1, 3, 4, 4), ("ConvTranspose",)),
}


def flat(value):
    parts = value if isinstance(value, (tuple, list)) else [value]
    return sum((flat(v) if isinstance(v, (tuple, list)) else [v.detach().numpy()]
                for v in parts), [])


def export(net, inputs, path, opset, free=None):
    names = [f"in{k}" for k in range(len(inputs))]
    wanted = flat(net.eval()(*inputs))
    outputs = [f"out{k}" for k in range(len(wanted))]
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(net, inputs, path, opset_version=opset, input_names=names,
                          output_names=outputs, dynamic_axes={"in0": free} if free else None)
    return dict(zip(names, [x.numpy() for x in inputs])), dict(zip(outputs, wanted))


def compare(net, inputs, free, opset):
    """None, or what is wrong."""
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        given, wanted = export(net, inputs, file.name, opset, free)
        try:
            got = onnx_tools.infer(file.name, given)
        except RuntimeError as why:
            return str(why).strip()
    wrong = [k for k, v in wanted.items() if not onnx_tools.same(got[k], v, 1e-5, 1e-5)]
    return f"{', '.join(wrong)} differ" if wrong else None


def refuse(net, x, operators, opset):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        export(net, (x,), file.name, opset)
        code, said = onnx_tools.call("import", file.name, "-o", file.name + ".h5")
    lines = [line.split()[1] for line in said.splitlines() if line.startswith("#")]
    return None if code == 2 and lines == list(operators) else f"exit {code}: {said.strip()}"


def main():
    torch.manual_seed(1)
    chosen = sys.argv[1] if len(sys.argv) > 1 else None
    wrong = count = 0
    tests = [(name, compare, net) for name, net in networks().items()]
    tests += [(name, refuse, net) for name, net in REFUSED.items()]
    for name, what, net in tests:
        for opset in OPSETS if chosen in (None, name) else ():
            fault = what(*net, opset)
            count += 1
            if fault:
                wrong += 1
                print(f"{name}, opset {opset}: {fault}")
    print(f"{count - wrong} of {count} passed")
    return wrong > 0 or count == 0


sys.exit(main())
