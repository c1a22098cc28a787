# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware, data and models that the tests share."""
import gzip
import os

import numpy

NOISY = {"device": {"name": "generic", "program": {"kind": "constant", "sigma": "1 uS"},
                    "read": {"kind": "constant", "sigma": "0.3 uS"}},
         "tile": {"rows": 64, "cols": 32}, "dac": {"bits": 7}, "adc": {"bits": 8}}


def dice(seed=1):
    return numpy.random.default_rng(seed)


def write_digits(folder):
    """A tiny MNIST: each class lights two rows of its images, under noise."""
    os.makedirs(os.path.join(folder, "mnist"))
    for name, n in (("train", 150), ("t10k", 60)):
        label = (numpy.arange(n) % 10).astype(numpy.uint8)
        image = dice(n).integers(0, 128, (n, 28, 28)).astype(numpy.uint8)
        for k, c in enumerate(label):
            image[k, 2 * c + 4:2 * c + 6] += 120
        for kind, rank, value in (("images", 3, image), ("labels", 1, label)):
            path = os.path.join(folder, "mnist", f"{name}-{kind}-idx{rank}-ubyte.gz")
            head = bytes([0, 0, 8, rank]) + b"".join(
                size.to_bytes(4, "big") for size in value.shape)
            with gzip.open(path, "wb") as file:
                file.write(head + value.tobytes())


EXPERIMENT = {
    "seed": 3, "trials": 2, "data": {"name": "mnist"},
    "model": {"layers": [{"dense": {"units": 12}}, "relu", {"dense": {"units": 10}}]},
    "hardware": dict(NOISY, tile={"rows": 128, "cols": 128}),
    "train": {"epochs": 2, "batch": 32, "optimizer": "adam", "lr": 0.01,
              "calibrate_samples": 40},
    "evaluate": {"batch": 32, "calibrate_samples": 50},
    "sweep": [{"key": "hardware.device.read.sigma", "name": "read_noise",
               "values": ["0 uS", "4 uS"]}],
}


# --- a model of one node in ONNX's encoding (Protocol Buffers) -----------------------------

def _number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number, value):
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    value = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(value)) + value


def _port(name, shape):
    dims = b"".join(_field(1, _field(1, n)) for n in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def matmul_onnx(path, w, op="MatMul"):
    """y = x w, with w [in][out] a constant."""
    tensor = (b"".join(_field(1, n) for n in w.shape) + _field(2, 1) + _field(8, "w")
              + _field(9, w.astype("<f4").tobytes()))
    node = _field(1, "x") + _field(1, "w") + _field(2, "y") + _field(3, "n") + _field(4, op)
    graph = (_field(1, node) + _field(2, "g") + _field(5, tensor)
             + _field(11, _port("x", (4, w.shape[0])))
             + _field(12, _port("y", (4, w.shape[1]))))
    with open(path, "wb") as file:
        file.write(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
