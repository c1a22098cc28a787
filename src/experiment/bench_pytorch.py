# SPDX-License-Identifier: GPL-3.0-or-later
# The peer of "ohmgrid bench --against pytorch": training steps on the CPU, one thread.
# stdin: one line "NET batch params lr", the parameters as float32 in ohmgrid's order
# (layers in turn, weights before biases; an LSTM has [W R] and one bias, gates i o f c),
# then pixels and labels as bytes, or of lstm_ptb the symbols as int32. Answered by the
# losses of two SGD steps as doubles. Then "run" is answered by the CPU seconds of one
# more step.
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, before, filters):
        super().__init__()
        self.half = before != filters
        self.conv1 = nn.Conv2d(before, filters, 3, 2 if self.half else 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.half:
            new = (y.shape[1] - x.shape[1]) // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, new, new))
        return F.relu(y + x)


class Recurrent(nn.Module):
    """An LSTM; of text with an embedding before it and an answer at each step."""

    def __init__(self, inputs, units, classes, text=False):
        super().__init__()
        self.embedding = nn.Embedding(classes, inputs) if text else None
        self.lstm = nn.LSTM(inputs, units, batch_first=True)
        self.out = nn.Linear(units, classes)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        if self.embedding is not None:
            return self.out(self.lstm(self.embedding(x))[0])
        return self.out(self.lstm(x)[0][:, -1])


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))  # fmt: skip


def resnet20():
    width = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        *(Block(a, b) for a, b in zip(width, width[1:])),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))  # fmt: skip


NETS = {
    "lenet5": (lenet5, (1, 28, 28)),
    "resnet20": (resnet20, (3, 32, 32)),
    "lstm256": (lambda: Recurrent(28, 256, 10), (28, 28)),
    "lstm_ptb": (lambda: Recurrent(300, 300, 10000, text=True), None),
}


def gates(t):
    """From ohmgrid's gates i o f c to PyTorch's i f c o."""
    i, o, f, c = t.chunk(4)
    return torch.cat((i, f, c, o))


@torch.no_grad()
def load(net, params):
    """Copies the block of parameters; all of it must be used."""
    at = 0

    def take(*shape):
        nonlocal at
        n = int(np.prod(shape))
        at += n
        return torch.from_numpy(params[at - n : at].reshape(shape))

    for module in net.modules():
        if isinstance(module, nn.LSTM):
            inputs, units = module.input_size, module.hidden_size
            weights = take(4 * units, inputs + units)
            module.weight_ih_l0.copy_(gates(weights[:, :inputs]))
            module.weight_hh_l0.copy_(gates(weights[:, inputs:]))
            module.bias_ih_l0.copy_(gates(take(4 * units)))
            module.bias_hh_l0.zero_()
        else:
            for p in module.parameters(recurse=False):
                p.copy_(take(*p.shape))
    if at != params.size:
        raise SystemExit("%d of %d parameters used" % (at, params.size))


def read(stream, dtype, count):
    dtype = np.dtype(dtype)
    return np.frombuffer(stream.read(dtype.itemsize * count), dtype=dtype)


def read_batch(stream, name, n):
    shape = NETS[name][1]
    if shape is None:
        symbols = read(stream, np.int32, n * 20 + 1).astype(np.int64)
        return torch.from_numpy(symbols[:-1].reshape(n, 20)), torch.from_numpy(symbols[1:])
    pixels = read(stream, np.uint8, n * int(np.prod(shape))).reshape(n, *shape)
    labels = read(stream, np.uint8, n).astype(np.int64)
    return torch.from_numpy(pixels.astype(np.float32) / 255), torch.from_numpy(labels)


def main():
    torch.set_num_threads(1)
    stream, out = sys.stdin.buffer, sys.stdout.buffer
    name, n, params, lr = stream.readline().split()
    name, n = name.decode(), int(n)
    net = NETS[name][0]()
    load(net, read(stream, np.float32, int(params)).copy())
    x, target = read_batch(stream, name, n)
    descent = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], float(lr))

    def step():
        descent.zero_grad()
        y = net(x)
        loss = F.cross_entropy(y.reshape(-1, y.shape[-1]), target)
        loss.backward()
        descent.step()
        return float(loss)

    out.write(np.array([step(), step()], np.float64).tobytes())
    out.flush()
    while stream.readline() == b"run\n":
        start = time.process_time()
        step()
        out.write(np.float64(time.process_time() - start).tobytes())
        out.flush()


main()
