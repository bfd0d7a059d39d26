"""What of a model would stop or spoil the real run, seen without its weights."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast, Qwen2Config

from gdpo.config.memory import ModelShape
from gdpo.config.models import FolderModel, HubModel
from gdpo.rehearsal.skeleton import shape_problems, skeleton, tokenizer_problems
from gdpo.rehearsal.tiny_model import end_tokens

TEMPLATE = "{% for m in messages %}{{ m.content }}<end>{% endfor %}"


def tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<end>")
    made.add_special_tokens({"additional_special_tokens": ["<other>"]})
    made.chat_template = template
    return made


def test_a_template_that_ends_turns_otherwise_than_generation_does_is_found():
    made = tokenizer()
    end, other = made.convert_tokens_to_ids(["<end>", "<other>"])
    assert tokenizer_problems(made, [end]) == []
    (problem,) = tokenizer_problems(made, [other])
    assert "ends a turn with '<end>', and generation ends at <other>" in problem


def test_no_chat_template_and_no_end_token_are_found():
    assert "no chat template" in tokenizer_problems(tokenizer(None), [1])[0]
    assert "no end token" in tokenizer_problems(tokenizer(), [])[0]


def test_generation_s_own_configuration_says_where_it_ends(tmp_path):
    Qwen2Config(eos_token_id=7).save_pretrained(tmp_path)
    assert end_tokens(tmp_path, tokenizer()) == [7]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, 4]}))
    assert end_tokens(tmp_path, tokenizer()) == [3, 4]


def test_a_recipe_s_shape_that_is_not_the_model_s_is_found(tmp_path):
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4}
    Qwen2Config(**sizes, num_key_value_heads=2, vocab_size=50, tie_word_embeddings=True).save_pretrained(
        tmp_path
    )
    config = AutoConfig.from_pretrained(tmp_path)
    right = {"layers": 3, "hidden_size": 64, "feed_forward_size": 96, "heads": 4, "key_value_heads": 2}
    right |= {"head_size": 16, "vocabulary": 50, "tied_embeddings": True}
    assert shape_problems(config, ModelShape(**right)) == [] == shape_problems(config, None)
    (problem,) = shape_problems(config, ModelShape(**right | {"layers": 4}))
    assert "shape.layers is 4, and the model's configuration has 3" in problem
    assert len(shape_problems(config, ModelShape(**right | {"head_size": 8, "tied_embeddings": False}))) == 2


def test_a_folder_without_a_model_is_said_at_once(tmp_path):
    section = FolderModel(source="folder", path=str(tmp_path))
    with pytest.raises(ValueError, match="has no config.json"), skeleton(section):
        pass


def test_a_hub_that_cannot_be_had_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    section = HubModel(source="hub", repo="owner/model")
    with pytest.raises(ValueError, match="owner/model at main: .*hf download"), skeleton(section):
        pass
