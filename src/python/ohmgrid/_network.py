# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import threading
from ctypes import byref, c_char_p, c_double, c_float, c_int, c_size_t, c_uint32

import numpy

from . import _yaml
from ._arrays import LONG, WORD, borrowed, pointer, take, whole
from ._hardware import hardware_of, pointer_of
from ._library import Handle, InputError, OhmgridError, call, lib, path_bytes

TRAIN, CLIPPED, REPARAM, INPUTS = 1, 2, 4, 8  # OG_NETWORK_...


class Matrix:
    """A matrix of a network on hardware, as programmed.

    name; rows, cols (inputs, outputs); tiles; devices; conversions (ADC conversions of one
    read); w_max (largest full-scale weight of its tiles); lsb (of the ADC, in units of the
    outputs; 0: ideal).
    """

    def __init__(self, network, number):
        size, value = (c_size_t * 8)(), (c_double * 2)()
        lib.og_network_matrix(network._handle.pointer, number, size, value)
        self.name = lib.og_exec_matrix_name(network._exec(), number).decode()
        self.rows, self.cols = size[0], size[1]
        self._devices_shape = tuple(size[2:5]) + (size[0], size[1])
        self.tiles, self.devices, self.conversions = size[5:8]
        self.w_max, self.lsb = value
        self._network, self._number = network, number

    def weights(self):
        """The weights that a noise-free read multiplies with: float32 [cols][rows]."""
        out = numpy.empty((self.cols, self.rows), numpy.float32)
        self._network._look(self._number, out, None)
        return out

    def conductance(self):
        """Of all devices of weights [S]: float32 [copies][slices][sides][rows][cols], side
        0 the positive one; 0 where there is none."""
        out = numpy.empty(self._devices_shape, numpy.float32)
        self._network._look(self._number, None, out)
        return out


class Network:
    """A network of ohmgrid's layers, in float or on hardware.

    layers    list as below model.layers of an experiment, or its YAML:
              [{"conv2d": {"filters": 8, "kernel": 3}}, "relu", {"dense": {"units": 10}}]
    shape     of one sample: (features,), (steps, features) or (channels, height, width)
    hardware  Hardware, or what its constructor takes; None: float
    batch     most samples that are computed at once
    train     whether `backward` is possible; forward is then as in training
    inputs    whether `backward` also gives the gradient of the inputs
    gradient  "straight_through", or "clipped": nothing passes where a converter clipped
    reparam   whether the scale of noise is differentiated
    number    of the first layer in the names of random streams

    weights   {"conv2d1/weight": float32 array, ...}, the library's own memory: write into
              the arrays, then `program`.

    Calibrate (on hardware whose converters have ranges to be found), program, call.
    One call at a time; the same bits for any number of threads.
    """

    def __init__(self, layers, shape, hardware=None, *, batch=256, train=False,
                 inputs=True, gradient="straight_through", reparam=False, number=0):
        text = layers if isinstance(layers, str) else _yaml.dump(layers)
        shape = tuple(whole(n, "shape", 2**31) for n in numpy.atleast_1d(shape))
        if gradient not in ("straight_through", "clipped"):
            raise InputError(f"gradient is {gradient!r}; expected straight_through or "
                             "clipped")
        self.shape, self.train = shape, bool(train)
        self.batch = whole(batch, "batch", 2**31, 1)
        self._lock, self._ragged = threading.Lock(), False
        self._handle = Handle("og_network_free")
        call("og_network_alloc", byref(self._handle.pointer), text.encode(),
             (c_size_t * len(shape))(*shape), len(shape))
        self.inputs = bool(inputs) and self.train
        self._how = (TRAIN * self.train + INPUTS * self.inputs + REPARAM * bool(reparam)
                     + CLIPPED * (gradient == "clipped"))
        self._number = whole(number, "number", 2**16)
        self._read_tensors()
        dim = (c_size_t * 3)()
        rank = lib.og_network_output(self._handle.pointer, dim)
        self.output_shape = tuple(dim[:rank])
        self.use(hardware)

    def _read_tensors(self):
        self.weights, self._place = {}, {}
        model = lib.og_network_model(self._handle.pointer)
        count = c_size_t()
        start = ctypes.addressof(lib.og_model_params(model, byref(count)).contents)
        self._params = count.value
        for i in range(lib.og_model_tensors(model)):
            name, dim = (c_char_p * 2)(), (c_size_t * 4)()
            value, trained = ctypes.POINTER(c_float)(), c_int()
            rank = lib.og_network_tensor(self._handle.pointer, i, name, dim, byref(value),
                                         byref(trained))
            key = name[0].decode() + "/" + name[1].decode()
            self.weights[key] = borrowed(value, tuple(dim[:rank]), self._handle)
            if trained.value:
                at = (ctypes.addressof(value.contents) - start) // 4
                self._place[key] = (at, self.weights[key].size)

    # --- hardware -------------------------------------------------------------------

    def use(self, hardware, part=False):
        """Moves the network to another hardware (None: float): calibrate and program anew.
        `part`: of a larger network, which may have what this part lacks."""
        self.hardware = hardware_of(hardware)
        with self._lock:
            if self.hardware is not None and not part:
                check_hardware([self], self.hardware)
            call("og_network_use", self._handle.pointer, pointer_of(self.hardware),
                 self.batch, self._how, self._number)
        self.calibrated = not lib.og_network_wants_calibration(self._handle.pointer)
        self._programmed, self._forward = False, None
        self.reads = 0

    def init(self, seed):
        """Initial weights, as a training with this seed begins with."""
        lib.og_model_init(lib.og_network_model(self._handle.pointer),
                          whole(seed, "seed", LONG))
        self._programmed = False

    def load(self, path, group=""):
        """Weights from HDF5, safetensors, .npz or .npy files, as model.weights reads them."""
        call("og_network_load", self._handle.pointer, path_bytes(path), group.encode())
        self._programmed = False

    def calibrate(self, x, seed=1, lengths=None):
        """Ranges of converters and powers of injected noise from noise-free passes over the
        samples x [n][shape]: samples of the training set, never those of a test. lengths:
        as of a call."""
        x = self._samples(x)
        if len(x) == 0:
            raise InputError("calibration needs at least one sample")
        with self._lock:
            self._lengths(lengths, len(x))
            call("og_network_calibrate", self._handle.pointer, pointer(x, c_float), len(x),
                 whole(seed, "seed", LONG))
        self.calibrated, self._programmed = True, False

    @property
    def calibration(self):
        """What `calibrate` has found, a copy; another network of the same layers on the
        same hardware takes it."""
        return self._calibration().copy()

    @calibration.setter
    def calibration(self, value):
        own = self._calibration()
        if numpy.shape(value) != own.shape:
            raise InputError(f"the calibration has shape {numpy.shape(value)}, this network "
                             f"needs {own.shape}")
        own[:] = value
        lib.og_exec_calibration_changed(self._exec())
        self.calibrated, self._programmed = True, False

    def _calibration(self):
        count = c_size_t()
        value = lib.og_exec_calibration(self._exec(), byref(count))
        if count.value == 0:
            return numpy.empty(0, numpy.float32)
        return borrowed(value, (count.value,), self._handle)

    def program(self, seed=1, trial=0, draw=0):
        """Puts the present weights on chip (seed, trial): all that is frozen in a chip is
        drawn by these, and by `draw`, the count of programmings. Reads draw by seed and
        trial, too, and are counted from 0 again."""
        if not self.calibrated:
            raise InputError("this hardware finds the ranges of its converters, or the power "
                             "of its noise, by a calibration: call calibrate(x) first")
        with self._lock:
            self._programmed = False
            call("og_network_program", self._handle.pointer, whole(seed, "seed", LONG),
                 whole(trial, "trial"), whole(draw, "draw"))
        self._programmed, self._forward, self.reads = True, None, 0

    # --- passes ---------------------------------------------------------------------

    def __call__(self, x, first=0, read=None, lengths=None):
        """Outputs [n][output_shape] of x [n][shape], float32. Each call is a read of its
        own, with fresh noise: number `read`, by default one more than the last since
        `program`. `first` is the number of the first sample, by which its noise is drawn.
        lengths [n]: how many steps each sequence has; the rest of it is not read, and
        outputs of steps that are not there are 0. Only with first=0."""
        x = self._samples(x)
        if not self._programmed:
            raise InputError("call program() first, and after each change of the weights")
        if self.train and len(x) > self.batch:
            raise InputError(f"{len(x)} samples are more than the batch of {self.batch}, "
                             "which bounds those of one step of training")
        read = self.reads if read is None else whole(read, "read")
        first = whole(first, "first")
        if lengths is not None and first != 0:
            raise InputError(f"first is {first}; sequences with lengths are numbered from 0")
        y = numpy.empty((len(x),) + self.output_shape, numpy.float32)
        if len(x) > 0:
            with self._lock:
                self._lengths(lengths, len(x))
                lib.og_network_forward(self._handle.pointer, pointer(x, c_float), len(x),
                                       first, read, pointer(y, c_float))
        self.reads, self._forward = read + 1, x
        return y

    def _lengths(self, lengths, n):
        """Tells the library; within the lock."""
        if lengths is None and not self._ragged:
            return
        self._forward = None
        if lengths is None:
            call("og_network_lengths", self._handle.pointer, None, 0)
            self._ragged = False
            return
        steps = numpy.asarray(lengths)
        if (steps.shape != (n,) or steps.dtype.kind not in "iu"
                or not ((0 <= steps) & (steps <= WORD)).all()):
            raise InputError(f"lengths of {n} sequences must be {n} whole numbers")
        steps = numpy.ascontiguousarray(steps, numpy.uint32)
        call("og_network_lengths", self._handle.pointer, pointer(steps, c_uint32), n)
        self._ragged = True

    def backward(self, dy):
        """Gradients through the last call: dx [n][shape] (None with inputs=False), and
        {name: gradient} of the weights, given dy [n][output_shape]."""
        x = self._forward
        if not self.train or x is None or len(x) == 0:
            raise InputError("backward needs a network with train=True and a call before it")
        dy = take(dy, numpy.float32, "dy")
        if dy.shape != (len(x),) + self.output_shape:
            raise InputError(f"dy has shape {dy.shape}, the last outputs had "
                             f"{(len(x),) + self.output_shape}")
        dx = numpy.empty(x.shape, numpy.float32) if self.inputs else None
        with self._lock:
            found = lib.og_network_backward(self._handle.pointer, pointer(x, c_float),
                                            pointer(dy, c_float), pointer(dx, c_float))
            all_of = (borrowed(found, (self._params,), self._handle).copy()
                      if self._params else numpy.empty(0, numpy.float32))
        if not numpy.isfinite(all_of).all():
            raise OhmgridError("the gradients of the weights are not finite")
        gradients = {key: all_of[at:at + size].reshape(self.weights[key].shape)
                     for key, (at, size) in self._place.items()}
        return dx, gradients

    def move(self):
        """After a step of training: running means (batch norm, powers of noise) move."""
        if not self.train or self._forward is None:
            raise InputError("move needs a network with train=True and a call before it")
        lib.og_network_moves(self._handle.pointer)

    def _samples(self, x):
        x = take(x, numpy.float32, "x")
        if x.shape[1:] != self.shape or x.ndim != len(self.shape) + 1:
            raise InputError(f"x has shape {x.shape}; samples of shape {self.shape} must be "
                             f"{('n',) + self.shape}")
        return x

    # --- looking inside -------------------------------------------------------------

    def _exec(self):
        return lib.og_network_exec(self._handle.pointer)

    def matrices(self):
        """{name: Matrix} of all that are on hardware that is not ideal."""
        if not self._programmed:
            raise InputError("call program() first, and after each change of the weights")
        found = {}
        for i in range(lib.og_exec_matrices(self._exec())):
            size, value = (c_size_t * 8)(), (c_double * 2)()
            if lib.og_network_matrix(self._handle.pointer, i, size, value):
                matrix = Matrix(self, i)
                found[matrix.name] = matrix
        return found

    def _look(self, number, weights, conductance):
        with self._lock:
            call("og_network_programmed", self._handle.pointer, number,
                 pointer(weights, c_float), pointer(conductance, c_float))


def check_hardware(networks, hardware):
    """InputError when a network in parts lacks what the hardware asks for."""
    handles = (ctypes.c_void_p * len(networks))(*[n._handle.pointer for n in networks])
    call("og_network_check", handles, len(networks), hardware.pointer)


class Array:
    """One weight matrix on crossbar tiles: y = W x as the hardware sees it.

    weights  [outputs][inputs]
    hardware Hardware, or what its constructor takes
    inputs   [n][inputs], samples on which the ranges of DACs and ADCs are found; not needed
             where the hardware fixes them
    seed, trial: the chip

    Each read(x) draws its noise anew. `matrix` is its Matrix (tiles, devices, w_max, lsb
    ...), None where the hardware is ideal.
    """

    def __init__(self, weights, hardware, inputs=None, *, seed=1, trial=0):
        weights = take(weights, numpy.float32, "weights")
        if weights.ndim != 2 or weights.size == 0:
            raise InputError(f"weights have shape {weights.shape}; they must be [outputs]"
                             "[inputs]")
        if hardware is None:
            raise InputError("an Array needs a hardware; {} is an ideal crossbar")
        self._network = Network(
            [{"dense": {"name": "array", "units": weights.shape[0], "bias": False}}],
            weights.shape[1:], hardware)
        self._network.weights["array/weight"][:] = weights
        if inputs is not None:
            self._network.calibrate(inputs, seed)
        self.program(seed, trial)

    def program(self, seed=1, trial=0, draw=0):
        """The same weights on another chip, or once more on this one (draw)."""
        self._network.program(seed, trial, draw)
        self.matrix = self._network.matrices().get("array")

    def read(self, x):
        """y [n][outputs] of x [n][inputs], or [outputs] of [inputs]."""
        x = numpy.asarray(x)
        return self._network(x[None])[0] if x.ndim == 1 else self._network(x)

    def weights(self):
        """As programmed: float32 [outputs][inputs]."""
        return self._devices().weights()

    def conductance(self):
        """[S] of the devices: float32 [copies][slices][sides][inputs][outputs]."""
        return self._devices().conductance()

    def _devices(self):
        if self.matrix is None:
            raise InputError("the hardware is ideal: it has no devices")
        return self.matrix
