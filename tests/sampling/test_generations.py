"""Generations at the edge: empty, cut off, broken bytes; through sampling, the store and scoring."""

import shutil

import pandas as pd
import pytest

from gdpo.config.sampling import Sampling
from gdpo.sampling import generate
from gdpo.sampling.backend import Completion
from gdpo.sampling.score import score_samples

LIMIT = 10


@pytest.fixture
def model(toy, tmp_path):
    """The toy model with a tokenizer in which every byte is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path / "model"
    shutil.copytree(toy / "model", folder)
    for file in [folder / "manifest.json", *folder.glob("*token*")]:
        file.unlink()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_only, eos_token="<end>")
    tokenizer.chat_template = "{{ messages[0]['content'] }}:"
    tokenizer.save_pretrained(folder)
    return folder, tokenizer


def test_each_is_stored_counted_and_judged(model, toy, tmp_path, monkeypatch):
    folder, tokenizer = model
    end = tokenizer.eos_token_id
    half = tokenizer("é")["input_ids"][:1]
    assert tokenizer.decode(half) == "\ufffd"
    kinds = [
        Completion([end], "eos"),
        Completion(tokenizer("on and on!")["input_ids"], "length"),
        Completion([*half, end], "eos"),
        Completion(half * LIMIT, "length"),
        Completion([], "eos"),
    ]

    class Backend:
        def generate(self, prompts, keys, decoding, progress=None):
            assert decoding.max_tokens == LIMIT
            return [kinds[i % len(kinds)] for i in range(len(prompts))]

    monkeypatch.setattr(generate, "open_backend", lambda *arguments: Backend())
    section = Sampling(n=len(kinds), max_tokens=LIMIT)
    problems, samples = toy / "validation.parquet", tmp_path / "samples.parquet"
    # The toy's context is in its own tokens; these are more.
    monkeypatch.setattr(generate, "_longest_text", lambda *arguments: None)
    for _ in range(2):  # drawn, and taken from the store
        generate.generate_samples(folder, problems, section, samples, tmp_path / "store")
        score_samples(samples, problems, tmp_path / "scores.parquet")
        stored, scored = pd.read_parquet(samples), pd.read_parquet(tmp_path / "scores.parquet")
        assert len(stored) == len(scored) == 8 * len(kinds)
        for index, kind in enumerate(kinds):
            rows = stored[stored["sample_index"] == index]
            assert set(rows["text"]) == {tokenizer.decode(kind.token_ids, skip_special_tokens=True)}
            assert set(rows["n_tokens"]) == {len(kind.token_ids)} and set(rows["stop_reason"]) == {
                kind.stop_reason
            }
        assert stored["text"].head(5).tolist() == ["", "on and on!", "\ufffd", "\ufffd" * LIMIT, ""]
        assert set(scored["verdict"]) == {"wrong"} and scored["extracted"].isna().all()
        assert scored["n_tokens"].tolist() == stored["n_tokens"].tolist()
