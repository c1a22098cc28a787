# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that take the places of PyTorch's. Parameters and their names stay."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from . import _yaml
from ._library import InputError
from ._torch_layer import Part, read


class OnHardware:
    """A module whose matrices are on simulated arrays."""

    @classmethod
    def of(cls, module, name, settings):
        """From a module of PyTorch's, whose parameters and hooks it takes over."""
        new = cls.__new__(cls)
        new.__dict__.update(module.__dict__)
        new.layer_name = name
        new.settings = settings
        new.parts = [Part(settings, 0) for _ in range(new.networks())]
        new.check()
        return new

    def networks(self):
        """How many networks of ohmgrid's it is."""
        return 1

    def check(self):
        """InputError where it asks for what ohmgrid's layers have not."""

    def layers(self, op, **attributes):
        return _yaml.dump([{op: dict(name=self.layer_name, **attributes)}])

    # What a state_dict knows beside tensors travels in its metadata, as PyTorch's own
    # versions do: so its keys stay those of the model before, which can load it as well.
    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        metadata = getattr(destination, "_metadata", None)
        if metadata is not None:
            metadata[prefix[:-1]]["ohmgrid"] = {
                "hardware": repr(self.settings.hardware),
                "parts": [part.state() for part in self.parts]}

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
        found = local_metadata.get("ohmgrid", {"parts": []})
        for part, state in zip(self.parts, found["parts"]):
            part.load(state, found["hardware"] == repr(self.settings.hardware))

    def extra_repr(self):
        return super().extra_repr() + f", on {self.settings.hardware!r}"

    def _refuse(self, what):
        raise InputError(f"layer '{self.layer_name}': {what}")


class Linear(OnHardware, nn.Linear):
    def example(self):
        """(layers, shape of a sample), one for each network."""
        return [(self._layers(), (self.in_features,))]

    def _layers(self):
        return self.layers("dense", units=self.out_features, bias=self.bias is not None)

    def forward(self, x):
        weights = [self.weight] + ([self.bias] if self.bias is not None else [])
        y = read(self.parts[0], self._layers(), self.training,
                 x.reshape(-1, self.in_features), weights)
        return y.reshape(x.shape[:-1] + (self.out_features,))


class _Conv(OnHardware):
    """A convolution; what ohmgrid's cannot pad, PyTorch pads before."""

    def check(self):
        for what in ("stride", "dilation"):
            if len(set(getattr(self, what))) > 1:
                self._refuse(f"{what} is {getattr(self, what)}; it must be the same in "
                             "height and width")

    def _image(self, x):
        return x

    def _plain(self):
        """Padding that ohmgrid's layer adds itself; None: by PyTorch, before."""
        equal = not isinstance(self.padding, str) and len(set(self.padding)) == 1
        return self.padding[0] if equal and self.padding_mode == "zeros" else None

    def _padded(self, x):
        if self._plain() is not None:
            return x
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return F.pad(x, self._reversed_padding_repeated_twice, mode=mode)

    def _layers(self):
        kernel = (1,) * (2 - len(self.kernel_size)) + tuple(self.kernel_size)
        return self.layers("conv2d", filters=self.out_channels, kernel=kernel[0],
                           kernel_width=kernel[1], stride=self.stride[0],
                           padding=self._plain() or 0, dilation=self.dilation[0],
                           groups=self.groups, bias=self.bias is not None)

    def example(self):
        spans = [d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation)]
        return [(self._layers(), (self.in_channels,) + (1,) * (2 - len(spans))
                 + tuple(spans))]

    def forward(self, x):
        batch = x if x.dim() == self.rank + 2 else x.unsqueeze(0)
        weights = [self._image(self.weight)]
        if self.bias is not None:
            weights.append(self.bias)
        y = read(self.parts[0], self._layers(), self.training,
                 self._image(self._padded(batch)), weights)
        y = y.reshape(y.shape[:2] + y.shape[4 - self.rank:])
        return y if batch is x else y.squeeze(0)


class Conv2d(_Conv, nn.Conv2d):
    rank = 2


class Conv1d(_Conv, nn.Conv1d):
    rank = 1

    def _image(self, x):
        return x.unsqueeze(2)

    def _plain(self):
        return 0 if self.padding_mode == "zeros" and self.padding == (0,) else None


class _Recurrent(OnHardware):
    """A stack of recurrent layers, each one (with both directions) a network of its own."""

    returns = "sequence"

    def networks(self):
        return self.num_layers

    def _attributes(self):
        return {}

    def example(self):
        shapes = []
        for k in range(self.num_layers):
            inputs = self.weight_ih(k, "").shape[1]
            shapes.append((self._layers(), (1, inputs)))
        return shapes

    def weight_ih(self, k, end):
        return getattr(self, f"weight_ih_l{k}{end}")

    def _layers(self):
        extra = dict(self._attributes(), projection=self.proj_size) if self.proj_size \
            else self._attributes()
        return self.layers(self.op, units=self.hidden_size, bidirectional=self.bidirectional,
                           **{"return": self.returns}, **extra)

    def _ends(self):
        return ("", "_reverse") if self.bidirectional else ("",)

    def _in_order(self, weight):
        """Rows of all gates in ohmgrid's order."""
        blocks = weight.chunk(len(self.gates), 0)
        return torch.cat([blocks[g] for g in self.gates], 0)

    def _bias(self, of_x, of_h):
        return self._in_order(of_x + of_h)

    def _weights(self, k):
        found, projections = [], []
        for end in self._ends():
            w = self.weight_ih(k, end)
            both = torch.cat([w, getattr(self, f"weight_hh_l{k}{end}")], 1)
            zero = w.new_zeros(w.shape[0])
            bias = [getattr(self, f"bias_{of}_l{k}{end}") if self.bias else zero
                    for of in ("ih", "hh")]
            found += [self._in_order(both), self._bias(*bias)]
            if self.proj_size:
                projections.append(getattr(self, f"weight_hr_l{k}{end}"))
        return found + projections

    def forward(self, x, hx=None):
        if hx is not None:
            self._refuse("it begins at zero; an initial state cannot be given")
        if isinstance(x, PackedSequence):
            return self._packed(x)
        batch = x if x.dim() == 3 else x.unsqueeze(0 if self.batch_first else 1)
        y, states = self._run(batch if self.batch_first else batch.transpose(0, 1), None)
        y = y if self.batch_first else y.transpose(0, 1)
        if batch is not x:
            y = y.squeeze(0 if self.batch_first else 1)
            states = [state.squeeze(1) for state in states]
        return y, self._result(states)

    def _packed(self, packed):
        """Each sequence is read to its own end."""
        x, lengths = pad_packed_sequence(packed, batch_first=True)
        y, states = self._run(x, lengths)
        if packed.sorted_indices is not None:
            y = y.index_select(0, packed.sorted_indices)
            lengths = lengths[packed.sorted_indices.cpu()]
        data = pack_padded_sequence(y, lengths, batch_first=True).data
        y = PackedSequence(data, packed.batch_sizes, packed.sorted_indices,
                           packed.unsorted_indices)
        return y, self._result(states)

    def _run(self, y, lengths):
        """Outputs [n][steps][...] of y [n][steps][inputs], and the last states, h and
        where there are any c, each [layers x directions][n][...]."""
        steps = None if lengths is None else lengths.numpy()
        last = -1 if lengths is None else lengths.to(y.device) - 1
        rows = torch.arange(len(y), device=y.device)
        found = [[] for _ in self.states()]
        for k in range(self.num_layers):
            if k > 0 and self.dropout > 0:
                y = F.dropout(y, self.dropout, self.training)
            y = read(self.parts[k], self._layers(), self.training, y, self._weights(k), steps)
            at = 0
            for of, width in zip(found, self.states()):
                for reverse in range(len(self._ends())):
                    of.append(y[rows, 0 if reverse else last, at:at + width])
                    at += width
            y = y[..., :len(self._ends()) * self.states()[0]]
        return y, [torch.stack(of) for of in found]

    def states(self):
        """Widths of the states that a layer gives, h first."""
        return [self.proj_size or self.hidden_size]

    def _result(self, states):
        return states[0]


class LSTM(_Recurrent, nn.LSTM):
    op, gates = "lstm", (0, 3, 1, 2)  # i, f, g, o of PyTorch in the order i, o, f, g
    returns = "states"

    def _attributes(self):
        return {"forget_bias": 0}

    def states(self):
        return super().states() + [self.hidden_size]

    def _result(self, states):
        return tuple(states)


class GRU(_Recurrent, nn.GRU):
    op, gates = "gru", (1, 0, 2)  # r, z, n of PyTorch in the order z, r, n

    def _attributes(self):
        return {"linear_before_reset": True}

    def _bias(self, of_x, of_h):
        x, h = self._in_order(of_x), self._in_order(of_h)
        n = 2 * self.hidden_size
        return torch.cat([x[:n] + h[:n], x[n:], h[n:]])


class RNN(_Recurrent, nn.RNN):
    op, gates = "rnn", (0,)

    def _attributes(self):
        return {"activation": self.nonlinearity}


CLASSES = {nn.Linear: Linear, nn.Conv1d: Conv1d, nn.Conv2d: Conv2d, nn.LSTM: LSTM,
           nn.GRU: GRU, nn.RNN: RNN}
