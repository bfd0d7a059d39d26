"""Sampling with any Hugging Face causal language model, for CPU: evaluation and veRL rollouts alike.

Identical prompts are prefilled once; keys and values live in preallocated memory; finished sequences leave
the batch and waiting ones join it. Imports torch and transformers only, so that a rollout process stays
light.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from gdpo.sampling.attention import use_decoding_attention
from gdpo.sampling.backend import Decoding, Rollout
from gdpo.sampling.cache import GrowingCache
from gdpo.sampling.draw import draw, uniforms
from gdpo.sampling.one_token import OneToken


class TransformersBackend:
    """Decodes with a KV cache, without `generate`.

    Args:
        model: a causal language model, put in evaluation mode.
        eos_token_ids: tokens that end a completion.
        max_batch: most sequences decoded at once.
    """

    name = "transformers"

    def __init__(self, model: PreTrainedModel, eos_token_ids: Sequence[int], max_batch: int = 256):
        if not eos_token_ids:
            raise ValueError("eos_token_ids is empty; without an end token every completion is cut off")
        self.model = model.eval()
        use_decoding_attention(model)
        self.eos = torch.tensor(list(eos_token_ids), device=model.device)
        self.max_batch = max_batch

    @classmethod
    def from_folder(cls, folder: Path | str, max_batch: int = 256, **options) -> "TransformersBackend":
        """Load a Hugging Face model folder; the end tokens are those of its generation config.

        Raises:
            ValueError: neither generation config nor config names an end token.
        """
        model = AutoModelForCausalLM.from_pretrained(
            folder, trust_remote_code=False, use_safetensors=True, **options
        )
        return cls(model, eos_token_ids(model, folder), max_batch)

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Replace the weights in place.

        Raises:
            ValueError: a tensor is unknown, or one is missing that is not tied to another that was given.
        """
        result = self.model.load_state_dict(state, strict=False)
        own = self.model.state_dict()
        given = {own[name].data_ptr() for name in state if name in own}
        missing = [name for name in result.missing_keys if own[name].data_ptr() not in given]
        if missing or result.unexpected_keys:
            raise ValueError(
                f"weights do not fit the model: missing {missing}, unknown {result.unexpected_keys}"
            )

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        keys: Sequence[int],
        decoding: Decoding,
        progress: Callable[[int], None] | None = None,
    ) -> list[Rollout]:
        """Return one completion for each prompt and key, in their order.

        Args:
            prompts: token ids; none may be empty.
            keys: integers; position t of a sequence depends on its key and t only.
            decoding: length limit, temperature and top-p.
            progress: called with the number of sequences that ended since the last call.

        Raises:
            ValueError: prompts and keys differ in number, or a prompt is empty.
        """
        if len(prompts) != len(keys):
            raise ValueError(f"{len(prompts)} prompts but {len(keys)} keys; each sequence needs one key")
        if empty := [i for i, prompt in enumerate(prompts) if len(prompt) == 0]:
            raise ValueError(f"prompt {empty[0]} has no tokens")
        return _Decoder(self.model, self.eos, self.max_batch, prompts, keys, decoding).run(progress)


def eos_token_ids(model: PreTrainedModel, folder: Path | str = "the model") -> list[int]:
    """Return the tokens that end a completion, from the generation config or else the model's config.

    Raises:
        ValueError: neither names one.
    """
    ids = model.generation_config.eos_token_id
    ids = model.config.eos_token_id if ids is None else ids
    if ids is None:
        raise ValueError(f"{folder} names no eos_token_id; set it in generation_config.json")
    return [ids] if isinstance(ids, int) else list(ids)


class _Decoder:
    """The state of one `generate` call: the rows being decoded, the cache, what is waiting, what came out."""

    def __init__(self, model, eos, max_batch, prompts, keys, decoding):
        self.model, self.eos, self.max_batch, self.decoding = model, eos, max_batch, decoding
        self.prompts = [tuple(prompt) for prompt in prompts]
        longest = max(map(len, prompts), default=0) + decoding.max_tokens
        self.one_token = OneToken(model, longest) if OneToken.fits(model) else self._one_token
        # Neighbours with equal prompts join together and share one prefill.
        order = sorted(range(len(prompts)), key=lambda i: (len(self.prompts[i]), self.prompts[i]))
        self.waiting = deque(order)
        self.uniforms = uniforms(keys, decoding.max_tokens).to(model.device)
        shape = len(prompts), decoding.max_tokens
        self.tokens = torch.zeros(shape, dtype=torch.long, device=model.device)
        self.log_probs = torch.zeros(shape, dtype=torch.float32, device=model.device)
        self.lengths = torch.zeros(len(prompts), dtype=torch.long, device=model.device)
        self.ended = torch.zeros(len(prompts), dtype=torch.bool, device=model.device)
        self.rows = torch.empty(0, dtype=torch.long, device=model.device)  # sequence in each batch row
        self.cache: GrowingCache | None = None

    def run(self, progress):
        while self.waiting or len(self.rows):
            # Joining costs a prefill and a copy of the cache, so it waits until half the batch is free.
            if self.waiting and len(self.rows) <= self.max_batch // 2:
                self._join()
            else:
                self._step()
            left = self._leave()
            if progress and left:
                progress(left)
        return [self._completion(i) for i in range(len(self.prompts))]

    def _join(self):
        """Prefill waiting sequences, draw their first token and put them into the batch."""
        count = min(self.max_batch - len(self.rows), len(self.waiting))
        joining = [self.waiting.popleft() for _ in range(count)]
        unique = list(dict.fromkeys(self.prompts[i] for i in joining))
        where = {prompt: row for row, prompt in enumerate(unique)}
        expand = torch.tensor([where[self.prompts[i]] for i in joining], device=self.model.device)
        width = max(map(len, unique))
        ids = torch.tensor([(0,) * (width - len(p)) + p for p in unique], device=self.model.device)
        starts = torch.tensor([width - len(p) for p in unique], device=self.model.device)
        cache = GrowingCache(self.model.config, starts, width + self.decoding.max_tokens)
        logits = self._forward(ids, cache)
        cache.select(expand)
        joined = torch.tensor(joining, device=self.model.device)
        self._append(joined, logits[expand])
        self.cache = (
            cache
            if self.cache is None or not len(self.rows)
            else self.cache.joined(cache, self.decoding.max_tokens)
        )
        self.rows = torch.cat([self.rows, joined])

    def _step(self):
        """Feed each row's newest token and draw the next."""
        newest = self.tokens[self.rows, self.lengths[self.rows] - 1]
        self._append(self.rows, self.one_token(newest, self.cache))

    def _one_token(self, tokens, cache):
        return self._forward(tokens[:, None], cache)

    def _forward(self, ids, cache):
        mask, positions = cache.mask_and_positions(ids.shape[1])
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]

    def _append(self, rows, logits):
        at = self.lengths[rows]
        tokens, log_probs = draw(logits, self.uniforms[rows, at], self.decoding)
        self.tokens[rows, at] = tokens
        self.log_probs[rows, at] = log_probs
        self.lengths[rows] = at + 1
        self.ended[rows] = torch.isin(tokens, self.eos)

    def _leave(self) -> int:
        """Drop finished rows from the batch; return how many."""
        done = self.ended[self.rows] | (self.lengths[self.rows] >= self.decoding.max_tokens)
        if not (count := int(done.sum())):
            return 0
        left = len(done) - count
        holes = done[:left].nonzero()[:, 0]
        movers = (~done[left:]).nonzero()[:, 0] + left
        self.rows[holes] = self.rows[movers]
        self.rows = self.rows[:left]
        self.cache.drop(holes, movers, left)
        return count

    def _completion(self, i) -> Rollout:
        n = int(self.lengths[i])
        reason = "eos" if bool(self.ended[i]) else "length"
        return Rollout(self.tokens[i, :n].tolist(), reason, self.log_probs[i, :n].tolist())
