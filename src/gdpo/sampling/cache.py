"""A key-value cache in preallocated memory for a batch that sequences leave and join."""

import torch
from transformers import Cache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer


class _Layer(DynamicLayer):
    """One decoder layer's keys and values, (rows, heads, columns, dimensions), in buffers with room.

    `keys` and `values` are views of the used part of the buffers, as the base class expects.
    """

    def __init__(self, capacity: int):
        super().__init__()
        self.capacity = capacity

    def update(self, key_states, value_states, *args, **kwargs):
        if not self.is_initialized:
            rows, heads, _, size = key_states.shape
            self.key_buffer = key_states.new_empty(rows, heads, self.capacity, size)
            self.value_buffer = value_states.new_empty(rows, heads, self.capacity, value_states.shape[-1])
            self.keys, self.values = self.key_buffer[:, :, :0], self.value_buffer[:, :, :0]
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        seen = self.keys.shape[2]
        stop = seen + key_states.shape[2]
        self.key_buffer[:, :, seen:stop] = key_states
        self.value_buffer[:, :, seen:stop] = value_states
        self.keys, self.values = self.key_buffer[:, :, :stop], self.value_buffer[:, :, :stop]
        return self.keys, self.values

    def replace(self, key_buffer, value_buffer, seen):
        """Take over buffers, of which the first `seen` columns are used."""
        self.key_buffer, self.value_buffer, self.capacity = key_buffer, value_buffer, key_buffer.shape[2]
        self.keys, self.values = key_buffer[:, :, :seen], value_buffer[:, :, :seen]
        self.dtype, self.device, self.is_initialized = key_buffer.dtype, key_buffer.device, True


class GrowingCache(Cache):
    """Keys and values of rows that end at the same column; shorter rows start later (left padding).

    Works with every model whose layers attend through `Cache.update`; recurrent layers are not covered.

    Args:
        config: the model's config.
        starts: first used column of each row, int64 of shape (rows,).
        capacity: most columns that the rows can reach.
    """

    def __init__(self, config: PreTrainedConfig, starts: torch.Tensor, capacity: int):
        self.config = config
        self.starts = starts
        count = config.get_text_config(decoder=True).num_hidden_layers
        super().__init__(layers=[_Layer(capacity) for _ in range(count)])

    def mask_and_positions(self, new: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the attention mask (rows, seen + new) and position ids (rows, new) of `new` more columns."""
        seen = self.get_seq_length()
        columns = torch.arange(seen + new, device=self.starts.device)
        return (columns >= self.starts[:, None]).long(), (columns[seen:] - self.starts[:, None]).clamp(min=0)

    def select(self, rows: torch.Tensor) -> None:
        """Keep the given rows, in the given order; a row may come several times."""
        for layer in self.layers:
            seen = layer.keys.shape[2]
            layer.replace(*(_grown(part[rows], layer.capacity) for part in (layer.keys, layer.values)), seen)
        self.starts = self.starts[rows]

    def drop(self, holes: torch.Tensor, movers: torch.Tensor, left: int) -> None:
        """Move rows `movers` into rows `holes`, in place, and keep the first `left` rows."""
        for layer in self.layers:
            seen = layer.keys.shape[2]
            for part in (layer.keys, layer.values):
                part[holes] = part[movers]
            layer.replace(layer.key_buffer[:left], layer.value_buffer[:left], seen)
        self.starts[holes] = self.starts[movers]
        self.starts = self.starts[:left]

    def joined(self, other: "GrowingCache", room: int) -> "GrowingCache":
        """Return a cache of this one's rows and then the other's, with `room` free columns.

        Both are shifted to end at the same column, as far left as the longest row allows.
        """
        caches = (self, other)
        used = [cache.get_seq_length() - int(cache.starts.min()) for cache in caches]
        end = max(used)
        starts = torch.cat([cache.starts + end - cache.get_seq_length() for cache in caches])
        result = GrowingCache(self.config, starts, end + room)
        for target, *layers in zip(result.layers, self.layers, other.layers, strict=True):
            buffers = []
            for name in ("keys", "values"):
                parts = [getattr(layer, name) for layer in layers]
                rows, (_, heads, _, size) = sum(map(len, parts)), parts[0].shape
                # Zeros, not garbage: a masked column still meets a weight of 0, and 0 times NaN is NaN.
                buffer = parts[0].new_zeros(rows, heads, end + room, size)
                buffer[: len(parts[0]), :, end - used[0] : end] = parts[0][:, :, -used[0] :]
                buffer[len(parts[0]) :, :, end - used[1] : end] = parts[1][:, :, -used[1] :]
                buffers.append(buffer)
            target.replace(*buffers, end)
        return result


def _grown(part: torch.Tensor, capacity: int) -> torch.Tensor:
    rows, heads, seen, size = part.shape
    buffer = part.new_empty(rows, heads, capacity, size)
    buffer[:, :, :seen] = part
    return buffer
