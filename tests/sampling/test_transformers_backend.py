"""The decode loop against a plain loop that uses no cache, no batch and no code of ours but the uniforms."""

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from gdpo.sampling.backend import Decoding
from gdpo.sampling.draw import uniforms
from gdpo.sampling.transformers_backend import TransformersBackend

VOCABULARY, END = 30, 1
PROMPTS = [[5, 6, 7], [5, 6, 7], [9, 4, 8, 2, 3, 3, 8], [11], [5, 6, 7, 8, 9]] * 14
KEYS = [1000 * i + 7 for i in range(len(PROMPTS))]


def tiny_model(seed: int = 0, kind: str = "llama"):
    torch.manual_seed(seed)
    config_class, model_class, options = {
        "llama": (LlamaConfig, LlamaForCausalLM, {}),
        "qwen": (Qwen2Config, Qwen2ForCausalLM, {}),
        "sliding window": (MistralConfig, MistralForCausalLM, {"sliding_window": 5}),
        "learned positions": (GPT2Config, GPT2LMHeadModel, {}),
    }[kind]
    config = config_class(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        initializer_range=0.5,  # sharp, varied distributions
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
        **options,
    )
    return model_class(config).eval()


def plain_decode(model, prompt, key, decoding):
    """One sequence, whole prefix at every step, one token at a time."""
    u = uniforms([key], decoding.max_tokens)[0].tolist()
    ids, drawn, log_probs = list(prompt), [], []
    for t in range(decoding.max_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        scaled = torch.log_softmax(logits / (decoding.temperature or 1.0), -1)
        token = (
            int(logits.argmax()) if decoding.temperature == 0 else inverse_cdf(scaled, u[t], decoding.top_p)
        )
        drawn.append(token)
        log_probs.append(float(scaled[token]))
        ids.append(token)
        if token == END:
            return drawn, log_probs, "eos"
    return drawn, log_probs, "length"


def inverse_cdf(log_probs, u, top_p):
    probs = log_probs.double().exp().tolist()
    kept, mass = set(), 0.0
    for token in sorted(range(len(probs)), key=lambda i: -probs[i]):
        if mass >= top_p:
            break
        kept.add(token)
        mass += probs[token]
    target, running = u * sum(probs[i] for i in sorted(kept)), 0.0
    for token in sorted(kept):
        running += probs[token]
        if running > target:
            return token
    return max(kept)


@pytest.mark.parametrize(
    ("kind", "decoding"),
    [
        ("llama", Decoding(12, 1.0)),
        ("llama", Decoding(12, 0.6, 0.8)),
        ("llama", Decoding(12, 0.0)),
        ("qwen", Decoding(12, 1.0)),
        ("sliding window", Decoding(12, 1.0)),
        ("learned positions", Decoding(12, 1.0)),
    ],
    ids=str,
)
def test_same_tokens_as_a_plain_loop_at_any_batch_size(kind, decoding):
    model = tiny_model(kind=kind)
    expected = [plain_decode(model, p, k, decoding) for p, k in zip(PROMPTS, KEYS, strict=True)]
    for max_batch in (1, 7, 64):
        got = TransformersBackend(model, [END], max_batch).generate(PROMPTS, KEYS, decoding)
        assert [c.token_ids for c in got] == [tokens for tokens, _, _ in expected], max_batch
        assert [c.stop_reason for c in got] == [reason for _, _, reason in expected]
        for completion, (_, log_probs, _) in zip(got, expected, strict=True):
            assert completion.log_probs == pytest.approx(log_probs, abs=1e-4)
    reasons = {reason for _, _, reason in expected}
    assert decoding.temperature == 0 or reasons == {"eos", "length"}  # else the test covers less than it says


def test_a_sequence_does_not_depend_on_its_company():
    backend = TransformersBackend(tiny_model(), [END])
    decoding = Decoding(20)
    whole = backend.generate(PROMPTS, KEYS, decoding)
    alone = backend.generate([PROMPTS[12]], [KEYS[12]], decoding)
    assert alone[0].token_ids == whole[12].token_ids


def test_frequencies_follow_the_temperature_scaled_distribution():
    model = tiny_model()
    n, temperature = 20_000, 0.7
    out = TransformersBackend(model, [END], n).generate([[5, 6, 7]] * n, range(n), Decoding(1, temperature))
    counts = torch.bincount(torch.tensor([c.token_ids[0] for c in out]), minlength=VOCABULARY)
    with torch.no_grad():
        expected = n * torch.softmax(model(torch.tensor([[5, 6, 7]])).logits[0, -1] / temperature, -1)
    likely = expected > 5
    chi_square = float((((counts - expected) ** 2) / expected)[likely].sum())
    assert chi_square < 2.5 * int(likely.sum()) + 20
    assert int(counts[~likely].sum()) < 40


def test_swapped_weights_are_used_and_misfits_named():
    model, other = tiny_model(0), tiny_model(1)
    backend = TransformersBackend(model, [END])
    state = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    del state["lm_head.weight"]  # tied: given as the embedding
    backend.load_state_dict(state)
    expected = TransformersBackend(other, [END]).generate(PROMPTS, KEYS, Decoding(8))
    assert backend.generate(PROMPTS, KEYS, Decoding(8)) == expected
    del state["model.norm.weight"]
    with pytest.raises(ValueError, match="missing.*model.norm.weight"):
        backend.load_state_dict(state)
    with pytest.raises(ValueError, match="unknown.*surprise"):
        backend.load_state_dict(other.state_dict() | {"surprise": torch.zeros(1)})


def test_bad_input_is_named():
    backend = TransformersBackend(tiny_model(), [END])
    with pytest.raises(ValueError, match="2 prompts but 1 keys"):
        backend.generate([[3], [4]], [1], Decoding(4))
    with pytest.raises(ValueError, match="prompt 1 has no tokens"):
        backend.generate([[3], []], [1, 2], Decoding(4))
    with pytest.raises(ValueError, match="key -1"):
        backend.generate([[3]], [-1], Decoding(4))
    with pytest.raises(ValueError, match="temperature is -1"):
        Decoding(4, -1)
    assert backend.generate([], [], Decoding(4)) == []
