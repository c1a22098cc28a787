# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch models whose layers are on simulated hardware.

    model = ohmgrid.torch.convert(model, {"device": "rram_wan2022", "adc": {"bits": 8}})
    ...                                  # the training loop as it was
    model.eval()
    ohmgrid.torch.calibrate(model, some_training_inputs)
    ohmgrid.torch.program(model, seed=1, trial=3)
    logits = model(x)

Linear, Conv1d, Conv2d, LSTM, GRU and RNN become modules of the same names, parameters and
state_dict, whose forward reads arrays and whose gradient is the simulator's own (straight
through quantisers and noise). Everything else stays PyTorch's. Values are computed in
float32 on the processor, whatever the device of the tensors.

In training each forward pass sees a chip of its own, unless redraw is "never"; converters
are calibrated on the latest samples, at the first steps and then every so many. In
evaluation all passes read the chip (seed, trial), each with fresh noise. A state_dict
carries the calibration in its metadata; a model on the same hardware takes it.
"""
import copy
import re

import torch as _torch

from ._arrays import LONG, whole
from ._hardware import hardware_of
from ._library import InputError
from ._network import Network, check_hardware
from ._torch_layer import Settings
from ._torch_modules import CLASSES, GRU, LSTM, RNN, Conv1d, Conv2d, Linear, OnHardware

__all__ = ["Conv1d", "Conv2d", "GRU", "LSTM", "Linear", "RNN", "calibrate", "convert",
           "program"]


def convert(model, hardware, seed=1, *, redraw="step", gradient="straight_through",
            reparam=False, calibrate_every=20, calibrate_samples=256, inplace=False):
    """The model with its matrices on a hardware: a copy, unless `inplace`.

    hardware  Hardware, or what its constructor takes; None: float, in ohmgrid's arithmetic.
              Its `layers` may name modules, with '_' for '.': "features_0"
    seed      of all that is random; chips of evaluation are (seed, trial), `program`
    redraw    "step": each forward pass in training programs a new chip; "never": training
              sees the chip of evaluation
    gradient  "straight_through", or "clipped": nothing passes where a converter clipped
    reparam   whether the scale of noise is differentiated
    calibrate_every  forward passes in training between two calibrations of the converters
              (the first are at 1, 2, 4, ...)
    calibrate_samples  that each of these sees: the latest that a layer has read, and at
              least the batch at hand
    """
    if redraw not in ("step", "never"):
        raise InputError(f"redraw is {redraw!r}; expected step or never")
    settings = Settings(hardware_of(hardware), whole(seed, "seed", LONG), redraw, gradient,
                        reparam, whole(calibrate_every, "calibrate_every", least=1),
                        whole(calibrate_samples, "calibrate_samples", least=1))
    model = model if inplace else copy.deepcopy(model)
    model = _replace(model, "", settings)
    _number(model, settings)
    return model


def _replace(module, path, settings):
    kind = CLASSES.get(type(module))
    if kind is not None:
        return kind.of(module, _name(path, module), settings)
    if isinstance(module, OnHardware):
        raise InputError(f"layer '{module.layer_name}' is on hardware already")
    for name, child in module.named_children():
        setattr(module, name, _replace(child, f"{path}.{name}" if path else name, settings))
    return module


def _name(path, module):
    name = re.sub(r"[./\s]", "_", path) or type(module).__name__.lower()
    if len(name) > 47:
        raise InputError(f"the name '{name}' is longer than the 47 characters of a layer")
    return name


def _on_hardware(model):
    """The converted modules, each once."""
    found = [m for m in model.modules() if isinstance(m, OnHardware)]
    if not found:
        raise InputError("the model has no layer on hardware: Linear, Conv1d, Conv2d, LSTM, "
                         "GRU and RNN can be converted")
    return found


def _number(model, settings):
    """Numbers the parts, each with random streams of its own, and asks whether the network
    has all that the hardware wants."""
    networks = []
    for module in _on_hardware(model):
        for part, (layers, shape) in zip(module.parts, module.example()):
            part.number = len(networks)
            networks.append(Network(layers, shape, None, batch=1, **settings.how))
    if settings.hardware is not None:
        check_hardware(networks, settings.hardware)


def program(model, seed=None, trial=0):
    """Puts the model on chip (seed, trial), whose frozen randomness (programming errors,
    mismatch, faults) all later passes of evaluation see, and of training with redraw
    "never"; reads are counted from 0 again. seed None: that of convert."""
    trial = whole(trial, "trial")
    for module in _on_hardware(model):
        if seed is not None:
            module.settings.seed = whole(seed, "seed", LONG)
        module.settings.trial = trial
        for part in module.parts:
            part.reads = 0


def calibrate(model, *inputs):
    """Finds the ranges of converters and the powers of injected noise by a noise-free pass
    of the float network over `inputs`, samples of the training set (never of the test),
    which are given to model(*inputs). The outputs of that pass."""
    settings = {module.settings for module in _on_hardware(model)}
    training = [m for m in model.modules() if m.training]
    model.eval()
    for each in settings:
        each.observing = True
    try:
        with _torch.no_grad():
            return model(*inputs)
    finally:
        for each in settings:
            each.observing = False
        for module in training:
            module.training = True

