# SPDX-License-Identifier: GPL-3.0-or-later
"""ohmgrid.torch against PyTorch and against the library's own networks."""
import copy
import pickle
import tempfile
import unittest
import warnings

import numpy

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

import ohmgrid
import tap
from tools import NOISY, dice

TRAINING_TRIAL = 0x7fffffff

# LeNet-5 in small, for images of 12 x 12, in ohmgrid's words and in PyTorch's; nodes of the
# graph: 0 conv, 3 conv, 6 and 8 dense
LENET = [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}, "relu",
         {"max_pool": {"size": 2}}, {"conv2d": {"filters": 6, "kernel": 3}}, "relu",
         {"max_pool": {"size": 2}}, {"dense": {"units": 16}}, "relu",
         {"dense": {"units": 10}}]


def lenet(seed=1):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 16), nn.ReLU(),
        nn.Linear(16, 10))


def modules_of(model):
    return [m for m in model if isinstance(m, (nn.Conv2d, nn.Linear))]


def batch(n=40):
    x = torch.tensor(dice(5).normal(size=(n, 1, 12, 12)), dtype=torch.float32)
    return x.requires_grad_(), torch.arange(n) % 10


def passes(model, x, answer):
    """Outputs, gradient of x and of all parameters, of one step."""
    model.zero_grad()
    x.grad = None
    y = model(x)
    nn.functional.cross_entropy(y, answer).backward()
    return y.detach().numpy(), x.grad.numpy().copy(), {
        name: p.grad.numpy().copy() for name, p in model.named_parameters()}


@unittest.skipIf(torch is None, "no torch")
class Torch(unittest.TestCase):
    def close(self, one, two, tolerance=1e-5):
        numpy.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)

    def test_float_is_pytorch(self):
        model, (x, answer) = lenet(), batch()
        for one, two in zip(passes(model, x, answer),
                            passes(ohmgrid.torch.convert(model, None), x, answer)):
            for key in one if isinstance(one, dict) else [...]:
                self.close(one[key], two[key])

    def own_network(self, model, hardware):
        network = ohmgrid.Network(LENET, (1, 12, 12), hardware, train=True, batch=64)
        values = [p.detach().numpy() for p in model.parameters()]
        for to, value in zip(network.weights.values(), values):
            to[:] = value
        return network

    def compare_with_own(self, hardware):
        """Values and gradients of a step equal those of the library's own network."""
        model, (x, answer) = lenet(), batch()
        found = ohmgrid.torch.convert(model, hardware, seed=7)
        network = self.own_network(model, hardware)
        for module, node in zip(modules_of(found), (0, 3, 6, 8)):
            module.parts[0].number = node
        ohmgrid.torch.calibrate(found, x)
        network.calibrate(x.detach().numpy(), 7)
        for module in modules_of(found):
            module.settings.calibrate_every = 1000
            module.parts[0].steps = 3  # no calibration is due, as at 1, 2 and 4
        y, dx, gradients = passes(found, x, answer)
        network.program(7, TRAINING_TRIAL, 3)
        own = torch.tensor(network(x.detach().numpy(), read=3), requires_grad=True)
        nn.functional.cross_entropy(own, answer).backward()
        own_dx, own_gradients = network.backward(own.grad.numpy())
        self.close(y, own.detach().numpy(), 1e-6)
        self.close(dx, own_dx, 1e-6)
        for mine, theirs in zip(gradients.values(), own_gradients.values()):
            self.close(mine, theirs, 1e-6)
        return y

    def test_noisy_layers_are_the_librarys_own(self):
        ideal = self.compare_with_own(None)
        noisy = self.compare_with_own(NOISY)
        self.assertGreater(abs(ideal - noisy).max(), 0.01)
        wires = dict(NOISY, wires={"mode": "exact", "r_row": "5 ohm", "r_col": "5 ohm"})
        self.assertGreater(abs(self.compare_with_own(wires) - noisy).max(), 0.001)
        injected = dict(NOISY, injection={"points": ["X", "A", "O"], "snr_db": 20})
        self.assertGreater(abs(self.compare_with_own(injected) - noisy).max(), 0.01)

    def test_a_noisy_loop_learns(self):
        model = ohmgrid.torch.convert(lenet(), NOISY)
        x, answer = batch()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x.detach()), answer)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        self.assertLess(numpy.mean(losses[-3:]), 0.5 * losses[0])
        model.eval()
        with torch.no_grad():
            right = float((model(x).argmax(1) == answer).float().mean())
        self.assertGreater(right, 0.5)

    def test_chips(self):
        x, _ = batch()
        model = ohmgrid.torch.convert(lenet(), NOISY).eval()
        ohmgrid.torch.calibrate(model, x.detach())
        with torch.no_grad():
            ohmgrid.torch.program(model, 2, 5)
            first, second = model(x), model(x)
            ohmgrid.torch.program(model, 2, 6)
            other = model(x)
            ohmgrid.torch.program(model, 2, 5)
            self.assertTrue(torch.equal(model(x), first))
            self.assertTrue(torch.equal(model(x), second))
            again = pickle.loads(pickle.dumps(model))  # with its calibration
            ohmgrid.torch.program(again, 2, 5)
            self.assertTrue(torch.equal(again(x), first))
        self.assertFalse(torch.equal(first, second))
        self.assertGreater((first - other).abs().max(), (first - second).abs().max())

    def test_redraw(self):
        quiet = {"device": {"name": "generic", "program": {"kind": "constant",
                                                           "sigma": "1 uS"}}}
        x, _ = batch()
        same = {}
        for redraw in ("step", "never"):
            model = ohmgrid.torch.convert(lenet(), quiet, redraw=redraw, calibrate_every=1000)
            ohmgrid.torch.calibrate(model, x.detach())
            for module in modules_of(model):
                module.parts[0].steps = 5
            same[redraw] = torch.equal(model(x), model(x))
        self.assertEqual(same, {"step": False, "never": True})

    def test_weights_that_change_are_programmed(self):
        model = ohmgrid.torch.convert(nn.Linear(3, 2), None).eval()
        x = torch.ones(1, 3)
        with torch.no_grad():
            before = model(x)
            model.weight.data += 1
            self.close(model(x).numpy(), before.numpy() + 3)

    def test_names_stay(self):
        model = nn.ModuleDict({"a": nn.LSTM(3, 4, 2), "b": nn.Sequential(nn.Linear(4, 2))})
        found = ohmgrid.torch.convert(model, {})
        self.assertEqual(list(found.state_dict()), list(model.state_dict()))
        self.assertIsInstance(found["b"][0], nn.Linear)
        self.assertNotIsInstance(model["b"][0], ohmgrid.torch.Linear)
        found.load_state_dict(model.state_dict())
        again = copy.deepcopy(found)
        again["b"][0].weight.data += 1
        self.assertFalse(torch.equal(again["b"][0].weight, found["b"][0].weight))
        ohmgrid.torch.convert(model, {}, inplace=True)
        self.assertIsInstance(model["b"][0], ohmgrid.torch.Linear)

    def test_training_calibrates_on_the_latest_samples(self):
        hardware = {"dac": {"bits": 8, "range_mode": "minmax"}}
        model = ohmgrid.torch.convert(nn.Linear(1, 1), hardware, calibrate_every=5,
                                      calibrate_samples=6)
        ranges = []
        for size in (1, 2, 3, 4, 5, 6, 0.5, 0.6, 0.7, 0.8, 0.9):
            model(torch.tensor([[size], [0.1]]))
            ranges.append(float(model.parts[0].calibration[0]))
        # At steps 0, 1, 2, 4 and 5, on three batches of two; at step 10 again.
        numpy.testing.assert_allclose(ranges, [1, 2, 3, 3, 5, 6, 6, 6, 6, 6, 0.9])
        model(torch.full((8, 1), 7.0))
        many = ohmgrid.torch.convert(nn.Linear(1, 1), hardware, calibrate_samples=1)
        many(torch.tensor([[3.0], [1.0]]))  # the batch at hand is never cut
        self.assertEqual(float(many.parts[0].calibration[0]), 3)

    def test_a_state_dict_carries_the_calibration(self):
        x, answer = batch()
        model = ohmgrid.torch.convert(lenet(), NOISY)
        for _ in range(3):
            nn.functional.cross_entropy(model(x.detach()), answer).backward()
        with tempfile.TemporaryDirectory() as folder:
            torch.save(model.state_dict(), f"{folder}/m.pt")
            saved = torch.load(f"{folder}/m.pt")
        self.assertEqual(list(saved), list(lenet().state_dict()))
        lenet().load_state_dict(saved)  # into a model of PyTorch's
        again = ohmgrid.torch.convert(lenet(seed=2), NOISY)
        again.load_state_dict(saved)
        results = []
        for each in (model, again):
            results.append(each(x).detach())  # the fourth step of both
            each.eval()
            with torch.no_grad():
                results.append(each(x))
        self.assertTrue(torch.equal(results[0], results[2]))
        self.assertTrue(torch.equal(results[1], results[3]))
        other = ohmgrid.torch.convert(lenet(), dict(NOISY, adc={"bits": 5})).eval()
        other.load_state_dict(saved)
        with self.assertRaisesRegex(ohmgrid.InputError, "torch.calibrate"):
            other(x)

    def test_convolutions(self):
        kinds = [(nn.Conv2d, (2, 4, (3, 2)), {"padding": (1, 0), "stride": 2}),
                 (nn.Conv2d, (2, 4, 3), {"padding": "same", "groups": 2, "dilation": 2}),
                 (nn.Conv2d, (2, 4, 3), {"padding": 1, "padding_mode": "circular"}),
                 (nn.Conv1d, (2, 3, 3), {"padding": 2, "stride": 2, "bias": False})]
        for kind, sizes, options in kinds:
            model = kind(*sizes, **options)
            found = ohmgrid.torch.convert(model, None)
            shape = (3, 2, 9, 8) if kind is nn.Conv2d else (3, 2, 9)
            x = torch.tensor(dice().normal(size=shape), dtype=torch.float32)
            self.close(found(x).detach().numpy(), model(x).detach().numpy())
            if options.get("padding_mode") != "circular":  # which PyTorch cannot
                self.close(found(x[0]).detach().numpy(), model(x[0]).detach().numpy())

    def test_passes_may_wait_for_their_gradients(self):
        model = nn.Linear(3, 2)
        found = ohmgrid.torch.convert(model, None)
        x = torch.tensor(dice().normal(size=(2, 4, 3)), dtype=torch.float64)
        results = []
        for each in (model.double(), found.double()):
            each.zero_grad()
            one, two = each(x[0]), each(x[1])
            (one * two).sum().backward()
            results.append(each.weight.grad.numpy())
            self.assertEqual(one.dtype, torch.float64)
        self.close(*results)
        y = found(x[0]).sum()
        y.backward(retain_graph=True)
        y.backward()
        z = found(x[0]).sum()
        z.backward(retain_graph=True)
        found(x[1]).sum().backward()
        with self.assertRaisesRegex(RuntimeError, "read again since"):
            z.backward()

    def test_a_model_goes_through_onnx(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
                self.lstm = nn.LSTM(48, 9, batch_first=True, bidirectional=True)
                self.gru, self.out = nn.GRU(18, 5), nn.Linear(5, 3)

            def forward(self, x):
                y = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
                y, _ = self.lstm(y.permute(0, 2, 1, 3).flatten(2))
                y, _ = self.gru(y.transpose(0, 1))
                return torch.softmax(self.out(y[-1]), 1)

        torch.manual_seed(1)
        model, x = Net().eval(), torch.randn(4, 1, 10, 24)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source, target = f"{folder}/m.onnx", f"{folder}/m.h5"
            torch.onnx.export(model, x, source, opset_version=13)
            found = ohmgrid.infer(ohmgrid.import_onnx(source, target), x.numpy())
            weights = numpy.load(ohmgrid.export(target, f"{folder}/w.npz"))
        self.close(found, model(x).detach().numpy(), 1e-6)
        numpy.testing.assert_array_equal(weights["out.weight"],
                                         model.out.weight.detach().numpy())

    def test_what_is_wrong_is_said(self):
        def wrong(sentence, what):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                what()

        convert, x = ohmgrid.torch.convert, torch.ones(2, 3)
        wrong("no layer on hardware", lambda: convert(nn.ReLU(), {}))
        wrong("expected step or never", lambda: convert(nn.Linear(3, 2), {}, redraw="x"))
        wrong("calibrate_every is 0", lambda: convert(nn.Linear(3, 2), {}, calibrate_every=0))
        wrong("is on hardware already",
              lambda: convert(convert(nn.Sequential(nn.Linear(3, 2)), {}), {}))
        wrong("stride is", lambda: convert(nn.Conv2d(1, 1, 3, stride=(1, 2)), {}))
        wrong("has a point C", lambda: convert(
            nn.Linear(3, 2), {"injection": {"points": ["C"], "snr_db": 20}}))
        wrong("no layer of that name", lambda: convert(
            nn.Linear(3, 2), {"layers": [{"layer": "b", "ideal": True}]}))
        wrong("torch.calibrate", lambda: convert(nn.Linear(3, 2), NOISY).eval()(x))
        wrong("calibrate_samples is 0",
              lambda: convert(nn.Linear(3, 2), {}, calibrate_samples=0))
        lstm = convert(nn.LSTM(3, 2), None)
        wrong("begins at zero", lambda: lstm(x, (x, x)))
        wrong("without samples", lambda: convert(nn.Linear(3, 2), None)(x[:0]))


if torch is not None:
    import ohmgrid.torch

if __name__ == "__main__":
    tap.main(__name__)
