"""The tokenizer as every later program meets it: saved, and loaded by AutoTokenizer."""

import pytest
from transformers import AutoTokenizer, LlamaConfig

from gdpo.starting_model.tokenizer import CHARACTERS, check_encodable, make_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    made = make_tokenizer(256)
    made.save_pretrained(folder)
    LlamaConfig(vocab_size=len(made)).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    "text", [*CHARACTERS, "12 + 30 - 4", "3*x - 4 = 11", "\n\n  -7\n", "1\n2 \\boxed{-3}"]
)
def test_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True) == text


def test_the_box_and_the_thinking_marks_are_one_token_each_and_stay_in_the_text(tokenizer):
    text = "<think>1+2=3</think>\\boxed{3}"
    ids = tokenizer.encode(text)
    assert len(ids) == 1 + 5 + 1 + 1 + 1 + 1
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_chat_template(tokenizer):
    user = {"role": "user", "content": "1 + 2"}
    both = [user, {"role": "assistant", "content": "\\boxed{3}"}]
    prompt = tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|user|>1 + 2<|assistant|>"
    whole = tokenizer.apply_chat_template(both, tokenize=False)
    assert whole == prompt + "\\boxed{3}<|end|>"
    assert tokenizer.decode(tokenizer.encode(whole)) == whole
    assert tokenizer.apply_chat_template([{}], tokenize=False) == ""
    with pytest.raises(Exception, match="not system"):
        tokenizer.apply_chat_template([{"role": "system", "content": "1"}])


def test_control_tokens(tokenizer):
    assert 25 <= len(tokenizer) <= 40
    assert tokenizer.eos_token == "<|end|>" and tokenizer.pad_token == "<|pad|>"
    assert len({tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id}) == 3
    assert tokenizer.encode("1+1") == tokenizer.encode("1+1", add_special_tokens=False)


def test_unknown_characters_are_named(tokenizer):
    check_encodable(tokenizer, ["12 + 3", "x - 7 = 1"])
    with pytest.raises(ValueError, match=r"'3 / y' does not survive.*\['/', 'y'\]"):
        check_encodable(tokenizer, ["12 + 3", "3 / y"])
