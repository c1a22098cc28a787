# SPDX-License-Identifier: GPL-3.0-or-later
"""A PyTorch layer whose forward is a read of simulated arrays and whose gradient is the
simulator's."""
import numpy
import torch

from ._library import InputError
from ._network import Network

TRAINING_TRIAL = 0x7fffffff  # OG_TRAINING_TRIAL: chips of training are no others


class Settings:
    """What all layers of a converted model share."""

    def __init__(self, hardware, seed, redraw, gradient, reparam, calibrate_every,
                 calibrate_samples):
        self.hardware, self.seed, self.trial = hardware, seed, 0
        self.redraw, self.calibrate_every = redraw, calibrate_every
        self.calibrate_samples = calibrate_samples
        self.how = {"gradient": gradient, "reparam": reparam}
        self.observing = False  # calibration: noise-free passes

    def chip(self, training, steps):
        """seed, trial and draw of the chip that is read."""
        if training and self.redraw == "step":
            return self.seed, TRAINING_TRIAL, steps
        return self.seed, self.trial, 0


KEPT = 8  # kinds of networks that a part keeps: sequences may come in any length


class Part:
    """One network of ohmgrid's with one layer, in as many copies as passes are waiting for
    their gradients. Belongs to a converted module."""

    def __init__(self, settings, number):
        self.settings, self.number = settings, number
        self.calibration = None
        self.steps = 0  # forward passes in training
        self.reads = 0  # reads of the present chip
        self._free = {}
        self._recent = []  # (inputs, lengths) of the latest batches in training

    def __getstate__(self):
        return dict(self.__dict__, _free={}, _recent=[])

    # --- of a state_dict ------------------------------------------------------------

    def state(self):
        found = self.calibration
        return {"steps": self.steps,
                "calibration": None if found is None else torch.from_numpy(found.copy())}

    def load(self, state, same_hardware):
        self.steps = state["steps"]
        if same_hardware and state["calibration"] is not None:
            self.calibration = state["calibration"].cpu().numpy().copy()

    # --- copies ---------------------------------------------------------------------

    def _take(self, layers, shape, n, kind):
        """A copy that nobody uses, for n samples: "train", "inputs" (which also gives the
        gradient of x), "eval" or "float"."""
        trains = kind in ("train", "inputs")
        key = (layers, shape, kind)
        free = self._free[key] = self._free.pop(key, [])  # now the last one used
        if len(self._free) > KEPT:
            del self._free[next(iter(self._free))]
        network = free.pop() if free else None
        if network is not None and (not trains or n <= network.batch):
            network.taken += 1
            return network
        network = Network(layers, shape, None, train=trains, inputs=kind == "inputs",
                          number=self.number, batch=n if trains else min(n, 256),
                          **self.settings.how)
        if kind != "float":
            network.use(self.settings.hardware, part=True)
        network.key, network.taken, network.chip = key, 0, None
        network.wants = not network.calibrated
        return network

    def give_back(self, network):
        if network.key in self._free:
            self._free[network.key].append(network)

    # --- one pass -------------------------------------------------------------------

    def _load(self, network, weights):
        """The weights into the network; whether they were others."""
        changed = False
        for to, value in zip(network.weights.values(), weights):
            if not numpy.array_equal(to, value):
                to[...] = value
                changed = True
        return changed

    def _wants_calibration(self):
        every, n = self.settings.calibrate_every, self.steps
        return n == 0 or n % every == 0 or (n < every and n & (n - 1) == 0)

    def _remember(self, x, lengths):
        """The latest samples, as many as a calibration wants."""
        self._recent.append((x.copy(), lengths))
        while sum(len(old) for old, _ in self._recent[1:]) >= self.settings.calibrate_samples:
            del self._recent[0]

    def _recall(self, x, lengths):
        """Samples for a calibration, not fewer than the batch at hand: the latest, as far
        as their shape is that of x."""
        n = max(len(x), self.settings.calibrate_samples)
        like = [old for old in self._recent
                if old[0].shape[1:] == x.shape[1:] and (old[1] is None) == (lengths is None)]
        samples = numpy.concatenate([old for old, _ in like])[-n:]
        if lengths is not None:
            lengths = numpy.concatenate([old for _, old in like])[-n:]
        return samples, lengths

    def _calibrate(self, network, x, lengths, training):
        if not network.wants:
            return False
        if training:
            self._remember(x, lengths)
        if training and self._wants_calibration():
            samples, steps = self._recall(x, lengths)
            network.calibrate(samples, self.settings.seed, steps)
            self.calibration = network.calibration
            return True
        if self.calibration is None:
            raise InputError("the hardware finds the ranges of its converters by a "
                             "calibration: call ohmgrid.torch.calibrate(model, inputs), or "
                             "train, first")
        if network.calibrated and numpy.array_equal(network.calibration, self.calibration):
            return False
        network.calibration = self.calibration
        return True

    def observe(self, layers, x, lengths, weights):
        """Calibrates on x; the float outputs."""
        kinds = (("eval", "float") if self.settings.hardware is not None else ("float",))
        for kind in kinds:
            network = self._take(layers, x.shape[1:], len(x), kind)
            self._load(network, weights)
            if kind == "eval":
                network.calibrate(x, self.settings.seed, lengths)
                self.calibration = network.calibration
            else:
                network.program()
                y = network(x, lengths=lengths)
            network.chip = None
            self.give_back(network)
        return y

    def read(self, layers, x, lengths, weights, training, kind):
        """Outputs of x, and the network that made them, which is the caller's until
        give_back."""
        network = self._take(layers, x.shape[1:], len(x), kind)
        chip = self.settings.chip(training, self.steps)
        stale = self._load(network, weights)
        stale = self._calibrate(network, x, lengths, training) or stale
        if stale or network.chip != chip:
            network.program(*chip)
            network.chip = chip
        count = self.steps if training else self.reads
        y = network(x, read=count, lengths=lengths)
        self.steps += training
        self.reads += not training
        return y, network

    def moved(self, network):
        """After the gradients of a training step: running powers of injected noise."""
        network.move()
        if self.calibration is not None:
            self.calibration = network.calibration


class _Lease:
    """A network between forward and backward; it goes back in any case."""

    def __init__(self, part, network):
        self.part, self.network, self.taken = part, network, network.taken
        self.open = True

    def release(self):
        if self.open:
            self.open = False
            self.part.give_back(self.network)

    def __del__(self):
        self.release()


def _numpy(tensor):
    """float32 in C order on the processor; the tensor's own memory where it is that."""
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy()


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx, part, layers, training, kind, lengths, x, *weights):
        values = [_numpy(w) for w in weights]
        source = x.detach().to("cpu", torch.float32).contiguous()
        if part.settings.observing:
            return torch.from_numpy(part.observe(layers, source.numpy(), lengths, values)).to(x)
        y, network = part.read(layers, source.numpy(), lengths, values, training, kind)
        lease = _Lease(part, network)
        if kind != "eval":
            ctx.save_for_backward(source)
            ctx.lease, ctx.training = lease, training
            ctx.like = [(w.device, w.dtype) for w in weights]
            ctx.x_like = x.device, x.dtype
        else:
            lease.release()
        return torch.from_numpy(y).to(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        lease = ctx.lease
        if not lease.open and lease.network.taken != lease.taken:
            raise RuntimeError("the arrays have been read again since: backward through one "
                               "forward pass a second time is possible only at once")
        lease.network._forward = ctx.saved_tensors[0].numpy()
        dx, gradients = lease.network.backward(_numpy(dy))
        if lease.open and ctx.training:
            lease.part.moved(lease.network)
        lease.release()
        found = [torch.from_numpy(g).to(device, dtype)
                 for g, (device, dtype) in zip(gradients.values(), ctx.like)]
        device, dtype = ctx.x_like
        dx = None if dx is None else torch.from_numpy(dx).to(device, dtype)
        return (None, None, None, None, None, dx, *found)


def read(part, layers, training, x, weights, lengths=None):
    """part(x) with weights as ohmgrid lays them out, differentiable by x and weights.
    lengths: of the sequences in x, NumPy's; None: all have all steps."""
    if x.shape[0] == 0:
        raise InputError("a batch without samples cannot be read")
    kind = "eval"
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, *weights)):
        kind = "inputs" if x.requires_grad else "train"
    return _Read.apply(part, layers, training, kind, lengths, x, *weights)
