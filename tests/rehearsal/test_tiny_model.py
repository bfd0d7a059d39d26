"""The stand-in: of the real architecture, with rewards that can vary."""

import pytest
import torch
from test_skeleton import tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, Qwen2Config, Qwen3Config

from gdpo.rehearsal.tiny_model import SIZES, make_lessons, small_config, teach, write_tiny_model

PROMPTS = [f"What is number {i}?" for i in range(6)]
NUMBERS = [str(100 + 7 * i) for i in range(6)]
ANSWERS = [("", rf" \boxed{{{number}}}") for number in NUMBERS]
LIMIT, LONGEST = 20, 40


@pytest.fixture(params=["qwen2", "qwen3"])
def real(request, tmp_path):
    """Configuration and tokenizer of a model as large as a real one."""
    made, folder = tokenizer(), tmp_path / "real"
    made.save_pretrained(folder)
    kind = {"qwen2": Qwen2Config, "qwen3": Qwen3Config}[request.param]
    sizes = {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
    }
    end = made.eos_token_id
    kind(**sizes, num_key_value_heads=2, vocab_size=2000, eos_token_id=end).save_pretrained(folder)
    return folder, made


def test_only_sizes_change(real):
    folder, _ = real
    config, before = small_config(folder), AutoConfig.from_pretrained(folder)
    assert (config.model_type, config.vocab_size) == (before.model_type, before.vocab_size)
    assert config.max_position_embeddings == before.max_position_embeddings
    assert (config.num_hidden_layers, config.hidden_size) == (2, SIZES["hidden_size"])
    assert len(config.layer_types) == 2


def test_lessons_are_right_and_wrong_short_and_over_the_limit():
    made = tokenizer()
    lessons = make_lessons(made, made.eos_token_id, PROMPTS, ANSWERS, LIMIT, LONGEST)
    assert len(lessons) == 4 * len(PROMPTS)
    texts = [made.decode(lesson.response) for lesson in lessons[:4]]
    assert [text.count("boxed{100}") for text in texts] == [1, 1, 0, 0]
    lengths = [len(lesson.response) for lesson in lessons]
    assert {length > LIMIT for length in lengths} == {True, False} and max(lengths) <= LONGEST
    assert all(lesson.response[-1] == made.eos_token_id for lesson in lessons)
    framed = make_lessons(made, made.eos_token_id, ["What?"], [("<think>", "</think> 1")], 40, LONGEST)
    assert {made.decode(lesson.response).startswith("<think>") for lesson in framed} == {True, False}
    closed = make_lessons(made, made.eos_token_id, ["What?<think>\n"], [("", r" \boxed{1}")], LIMIT, LONGEST)
    assert all("</think>" in made.decode(lesson.response) for lesson in closed)


@pytest.mark.slow
def test_taught_it_answers_and_ends_sometimes_right_sometimes_long(real, tmp_path):
    folder, made = real
    write_tiny_model(folder, tmp_path / "tiny", PROMPTS, ANSWERS, LIMIT, LONGEST)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "tiny", dtype=torch.float32)
    kinds = {AutoConfig.from_pretrained(path).model_type for path in (folder, tmp_path / "tiny")}
    assert len(kinds) == 1
    torch.manual_seed(0)
    right, lengths, end = [], [], made.eos_token_id
    for prompt, answer in zip(PROMPTS, NUMBERS, strict=True):
        ids = torch.tensor([made(prompt)["input_ids"]] * 16)
        drawn = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=LONGEST, do_sample=True, top_k=0
        )
        responses = drawn[:, ids.shape[1] :]
        right += [f"boxed{{{answer}}}" in made.decode(response) for response in responses]
        lengths += [(response.tolist() + [end]).index(end) + 1 for response in responses]
    assert 0.1 < sum(right) / len(right) < 0.9
    assert 0.1 < sum(length > LIMIT for length in lengths) / len(lengths) < 0.9
    assert sum(length <= LONGEST for length in lengths) > 0.9 * len(lengths), "nearly all end"


@pytest.mark.slow
def test_tokens_that_no_lesson_has_are_hardly_ever_drawn(real):
    folder, made = real
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(small_config(folder))
    lessons = make_lessons(made, made.eos_token_id, PROMPTS, ANSWERS, LIMIT, LONGEST)
    teach(model, lessons)
    seen = {token for lesson in lessons for token in (*lesson.prompt, *lesson.response)}
    other = torch.tensor([token not in seen for token in range(model.config.vocab_size)])
    prompt, response = lessons[0]
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    assert logits.softmax(-1)[:, other].sum(-1).max() < 0.05
