"""One more token a row with models of Llama's form, in few operations.

With one new token a row every operation is small, and what transformers' modules do between the matrix
products takes longer than the products. Here queries, keys and values come from one product, gates and inputs
of the feed-forward layer from another, and what is the same in all layers is computed once.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, silu
from transformers import PreTrainedModel

from gdpo.sampling.attention import one_token_attention
from gdpo.sampling.cache import GrowingCache

FORMS = {"llama", "qwen2"}
ROPES = {"default", "linear", "llama3", "yarn"}
"""Those that turn a position always alike."""
MOST_PARAMETERS = 50_000_000
"""Of larger models the products take most of the time, and a second copy of the weights is large."""


class _Layer(NamedTuple):
    """Weights of a layer, with the inputs' dimension first; the names are those of the products' outputs."""

    qkv: Tensor
    qkv_bias: Tensor | None
    attended: Tensor
    gate_and_up: Tensor
    fed: Tensor


class OneToken:
    """The forward pass of one token a row with the weights that a model that :meth:`fits` has now.

    Args:
        model: the model.
        longest: most tokens of a sequence.
    """

    def __init__(self, model: PreTrainedModel, longest: int):
        self.model, config = model.model, model.config
        attention = self.model.layers[0].self_attn
        self.size, self.scaling = attention.head_dim, attention.scaling
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        # A norm, x / sqrt(mean(x^2) + epsilon) * weight, is x / sqrt(sum(x^2) + floor) times the square root
        # of the dimensions and the weight, which the next product's weights take over.
        self.root = config.hidden_size**0.5
        self.floor = config.rms_norm_eps * config.hidden_size
        self.layers = [self._joined(layer) for layer in self.model.layers]
        self.head = self._after(self.model.norm, model.lm_head)
        positions = torch.arange(longest)[None]
        cos, sin = (turn[0, :, None] for turn in self.model.rotary_emb(self.head, positions))
        half = self.size // 2
        self.turns = cos, torch.cat([-sin[..., :half], sin[..., half:]], -1)

    @staticmethod
    def fits(model: PreTrainedModel) -> bool:
        """Whether the model is of a form that this computes as transformers does."""
        config = model.config
        return (
            config.model_type in FORMS
            and config.hidden_act == "silu"
            and config.rope_parameters["rope_type"] in ROPES
            and not getattr(config, "mlp_bias", False)
            and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
            and model.model.layers[0].self_attn.o_proj.bias is None
            and model.num_parameters() <= MOST_PARAMETERS
            and {(weight.dtype, weight.device.type) for weight in model.parameters()}
            == {(torch.float32, "cpu")}
        )

    def _joined(self, layer: nn.Module) -> _Layer:
        attention, feed = layer.self_attn, layer.mlp
        biases = [part.bias for part in (attention.q_proj, attention.k_proj, attention.v_proj)]
        return _Layer(
            self._after(layer.input_layernorm, attention.q_proj, attention.k_proj, attention.v_proj),
            None if biases[0] is None else torch.cat(biases),
            attention.o_proj.weight.t().contiguous(),
            self._after(layer.post_attention_layernorm, feed.gate_proj, feed.up_proj),
            feed.down_proj.weight.t().contiguous(),
        )

    def _after(self, norm: nn.Module, *parts: nn.Linear) -> Tensor:
        """The weights of linear layers that follow a norm as one."""
        joined = torch.cat([part.weight for part in parts])
        return (joined * (norm.weight * self.root)).t().contiguous()

    def __call__(self, tokens: Tensor, cache: GrowingCache) -> Tensor:
        """Put a token a row into the cache.

        Args:
            tokens: shape (rows,).
            cache: what came before.

        Returns:
            Logits of the next tokens, shape (rows, vocabulary).
        """
        x = embedding(tokens, self.model.embed_tokens.weight)
        visible, positions = cache.mask_and_positions(1)
        mask = torch.zeros(visible.shape).masked_fill_(visible == 0, -torch.inf)[:, None, None]
        turn = tuple(table[positions[:, 0]] for table in self.turns)
        for weights, part in zip(self.layers, cache.layers, strict=True):
            x = self._layer(weights, part, x, turn, mask)
        return self._normal(x) @ self.head

    def _layer(self, weights, cache, x, turn, mask):
        cos, sin = turn
        qkv = self._normal(x) @ weights.qkv
        if weights.qkv_bias is not None:
            qkv += weights.qkv_bias
        qkv = qkv.unflatten(1, (-1, self.size))
        turned = qkv[:, : -self.groups]
        turned = (turned * cos).addcmul_(turned.roll(self.size // 2, -1), sin)
        keys, values = cache.update(turned[:, self.heads :, None], qkv[:, -self.groups :, None])
        attended = one_token_attention(turned[:, : self.heads], keys, values, mask, self.scaling)
        x = torch.addmm(x, attended.flatten(1), weights.attended)
        gate, up = (self._normal(x) @ weights.gate_and_up).chunk(2, -1)
        return torch.addmm(x, silu(gate).mul_(up), weights.fed)

    def _normal(self, x: Tensor) -> Tensor:
        return x * torch.linalg.vecdot(x, x)[:, None].add_(self.floor).rsqrt_()
