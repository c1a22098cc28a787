# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrent layers of ohmgrid.torch against PyTorch and the library's own networks."""
import unittest

import numpy

try:
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence
except ImportError:
    torch = None

import ohmgrid
import tap
from tools import NOISY, dice

RECURRENT = dict(NOISY, rnn={"h_bits": 6})
# Gates of PyTorch in ohmgrid's order.
ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}


def values(*shape, seed=1):
    return torch.tensor(dice(seed).normal(size=shape), dtype=torch.float32)


def kinds():
    return [(nn.LSTM, {}), (nn.LSTM, {"bidirectional": True, "num_layers": 2}),
            (nn.LSTM, {"proj_size": 3, "bias": False}),
            (nn.LSTM, {"proj_size": 3, "bidirectional": True, "batch_first": True}),
            (nn.GRU, {"batch_first": True}), (nn.GRU, {"bidirectional": True}),
            (nn.RNN, {"nonlinearity": "relu"}),
            (nn.RNN, {"num_layers": 2, "bidirectional": True})]


def states(found):
    return list(found) if isinstance(found, tuple) else [found]


def step(model, x):
    """Output, states, gradients of x and of all parameters, of some loss."""
    source = x.data if isinstance(x, torch.nn.utils.rnn.PackedSequence) else x
    source.requires_grad_()
    source.grad = None
    model.zero_grad()
    y, last = model(x)
    y = y.data if y is not source and hasattr(y, "batch_sizes") else y
    loss = (y * y).sum() + sum((s * s * s).sum() for s in states(last))
    loss.backward()
    return [y, *states(last), source.grad.clone()] + [p.grad for p in model.parameters()]


def own_weights(module, op, end):
    """weight and bias of one direction as ohmgrid lays them out (gru: reset after)."""
    w, h, bw, bh = (getattr(module, f"{name}_l0{end}").detach().numpy()
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    blocks = numpy.split(numpy.concatenate([w, h], 1), len(ORDER[op]))
    weight = numpy.concatenate([blocks[g] for g in ORDER[op]])
    of_x, of_h = ([numpy.split(b, len(ORDER[op]))[g] for g in ORDER[op]] for b in (bw, bh))
    if op == "gru":
        return weight, numpy.concatenate([of_x[0] + of_h[0], of_x[1] + of_h[1], of_x[2],
                                          of_h[2]])
    return weight, numpy.concatenate(of_x) + numpy.concatenate(of_h)


@unittest.skipIf(torch is None, "no torch")
class Recurrent(unittest.TestCase):
    def close(self, one, two, tolerance=2e-5):
        self.assertEqual(len(one), len(two))
        for a, b in zip(one, two):
            numpy.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(),
                                          rtol=tolerance, atol=tolerance)

    def test_float_is_pytorch(self):
        for kind, options in kinds():
            torch.manual_seed(3)
            model = kind(5, 7, **options)
            self.close(*(step(each, values(4, 6, 5))
                         for each in (model, ohmgrid.torch.convert(model, None))))

    def test_sequences_without_a_batch(self):
        for kind in (nn.LSTM, nn.GRU):
            model = kind(5, 7, bidirectional=True)
            self.close(*(step(each, values(6, 5))
                         for each in (model, ohmgrid.torch.convert(model, None))))

    def test_packed_sequences_are_pytorch(self):
        lengths = [3, 6, 1, 6, 4]
        rows = [values(n, 5, seed=n + 10 * k) for k, n in enumerate(lengths)]
        for kind, options in kinds():
            torch.manual_seed(3)
            model = kind(5, 7, **options)
            results = []
            for each in (model, ohmgrid.torch.convert(model, None)):
                packed = pack_sequence(rows, enforce_sorted=False)
                results.append(step(each, packed))
                found, _ = each(packed)
                self.assertEqual(found.sorted_indices.tolist(),
                                 packed.sorted_indices.tolist())
            self.close(*results)
        in_order = pack_sequence(sorted(rows, key=len, reverse=True))
        self.assertIsNone(ohmgrid.torch.convert(model, None)(in_order)[0].sorted_indices)

    def own(self, op, both, train):
        layer = {"units": 7, "return": "sequence", "bidirectional": both}
        layer.update({"lstm": {"forget_bias": 0}, "gru": {"linear_before_reset": True},
                      "rnn": {}}[op])
        return ohmgrid.Network([{op: layer}], (6, 5), RECURRENT, train=train)

    def test_noisy_layers_are_the_librarys_own(self):
        x = values(33, 6, 5)
        lengths = numpy.arange(33) % 6 + 1
        for op, kind in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)):
            for both in (False, True):
                torch.manual_seed(3)
                model = kind(5, 7, batch_first=True, bidirectional=both)
                network = self.own(op, both, False)
                ends = ("", "_reverse") if both else ("",)
                wanted = [w for end in ends for w in own_weights(model, op, end)]
                for to, value in zip(network.weights.values(), wanted):
                    to[:] = value
                found = ohmgrid.torch.convert(model, RECURRENT, seed=7).eval()
                for steps in (None, lengths):
                    network.calibrate(x.numpy(), 7, steps)
                    network.program(7, 2)
                    self.compare(found, network, x, steps)

    def compare(self, found, network, x, steps):
        given = x if steps is None else pack_padded_sequence(
            x, torch.tensor(steps), batch_first=True, enforce_sorted=False)
        ohmgrid.torch.calibrate(found, given)
        ohmgrid.torch.program(found, 7, 2)
        with torch.no_grad():
            y, _ = found(given)
        y = y if steps is None else pad_packed_sequence(y, batch_first=True)[0]
        numpy.testing.assert_allclose(y.numpy(), network(x.numpy(), lengths=steps), 1e-6, 1e-6)

    def test_what_stands_behind_an_end_is_not_read(self):
        network = self.own("lstm", True, True)
        x, lengths = values(4, 6, 5).numpy(), numpy.array([2, 6, 1, 3])
        other = x.copy()
        for row, n in zip(other, lengths):
            row[n:] = 99
        results = []
        for each in (x, other):
            network.calibrate(each, lengths=lengths)
            network.program()
            y = network(each, lengths=lengths)
            results.append([y, *network.backward(y)[1].values()])
        for one, two in zip(*results):
            numpy.testing.assert_array_equal(one, two)
        self.assertTrue((results[0][0][2, 1:] == 0).all())
        network.calibrate(x)
        network.program()
        self.assertFalse((network(x)[2, 1:] == 0).any())

    def test_cell_states(self):
        network = ohmgrid.Network([{"lstm": {"units": 3, "return": "states"}}], (4, 2))
        network.init(1)
        network.program()
        self.assertEqual(network.output_shape, (4, 6))
        y = network(values(2, 4, 2).numpy())
        self.assertGreater(abs(y[..., 3:] - y[..., :3]).max(), 0.01)

    def test_lengths_that_are_wrong(self):
        network = ohmgrid.Network([{"gru": {"units": 3}}], (4, 2))
        network.program()
        x = values(2, 4, 2).numpy()
        for sentence, lengths, first in (
                ("must be 2 whole", [1], 0), ("must be 2 whole", [1.5, 2], 0),
                ("must be 2 whole", [-1, 2], 0), ("sequence 1 has 5 steps", [1, 5], 0),
                ("sequence 0 has 0 steps", [0, 4], 0), ("numbered from 0", [1, 4], 3)):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                network(x, first=first, lengths=lengths)
        dense = ohmgrid.Network(["flatten", {"dense": {"units": 3}}], (4, 2))
        dense.program()
        with self.assertRaisesRegex(ohmgrid.InputError, "different length"):
            dense(x, lengths=[1, 2])

    def test_many_lengths_do_not_gather(self):
        model = ohmgrid.torch.convert(nn.RNN(2, 3), None)
        for n in range(1, 14):
            model(values(n, 2, 2))
        self.assertLess(len(model.parts[0]._free), 10)


if torch is not None:
    import ohmgrid.torch

if __name__ == "__main__":
    tap.main(__name__)
