"""Lessons of tool calls: each quality is what it says, and comes as often as its share, by reading alone."""

import itertools
import json
import random
import re

import pytest

from gdpo.config.tool_starting_model import ContentMix, FormMix, ReasoningMix, ToolStartingModel
from gdpo.data.toy_tools import stream
from gdpo.starting_model.tokenizer import check_encodable
from gdpo.starting_model.tool_lessons import Quality, draw_quality, lesson
from gdpo.starting_model.tool_tokenizer import make_tool_tokenizer

SECTION = ToolStartingModel()
COUNT = 2000


@pytest.fixture(scope="module")
def requests():
    return list(itertools.islice(stream(SECTION.requests, "train", 3), COUNT))


def written(requests, form="proper", content="right", reasoning="none"):
    rng = random.Random(5)
    return [lesson(request, Quality(form, content, reasoning), 60, rng) for request in requests]


def form_of(text, gold):
    """The name of a lesson's form, from the text alone."""
    # ``!`` stands for whatever is in a part, so that what is left is the form.
    bare = re.sub(r"\{[^<\n]*", "!", text)
    bare = re.sub(r"!(\n!)+", "!", bare)
    bare = re.sub(r"(?<=<response>) [a-z ]+(?= ?</?|$)", "!", bare).replace("! <", "!<")
    bare = re.sub(r"(?<=<think>)[^<]*", "", bare)
    call, reply = "<tool_call>\n!\n</tool_call>", "<response>!</response>"
    parts = [part for part, tag in ((call, "<tool_call>"), (reply, "<response>")) if tag in gold]
    whole = "\n".join(["<think></think>", *parts])
    if bare == whole:
        return "proper"
    if bare == "\n".join(parts):
        return "no_think"
    if bare == f"{whole}\n{reply}":
        return "extra_response"
    if bare in {"\n".join(["<think></think>", *reversed(parts)]), f"{parts[0]}\n<think></think>"}:
        return "swapped"
    last = whole[: whole.rindex("</")]
    if bare in {last.rstrip(), last + "<" + whole[len(last) + 2 :]}:
        return "unclosed"
    if any(bare == whole.replace(tag, f"{tag}\n{tag}") for tag in ("</tool_call>", "</response>")):
        return "doubled"
    if bare in {whole[: m.start()] + whole[m.end() :] for m in re.finditer("\n", whole)}:
        return "no_newline"
    return "trailing" if re.fullmatch(r"[ \n][a-z ]+", bare.removeprefix(whole)) else bare


def content_of(text, gold):
    """The name of a lesson's content, from the text alone."""
    try:
        made, right = calls(text), calls(gold)
    except ValueError:
        return "broken_json"
    if made == right:
        return "right"
    if len(made) != len(right):
        return "extra_call" if len(made) > len(right) else "dropped_call"
    (mine, true), *others = [pair for pair in zip(made, right, strict=True) if pair[0] != pair[1]]
    if others:
        return "several"
    if mine["name"] != true["name"]:
        return "wrong_tool"
    if len(mine["parameters"]) < len(true["parameters"]):
        return "dropped_parameter"
    (old, new), *others = [
        (value, mine["parameters"][name])
        for name, value in true["parameters"].items()
        if mine["parameters"][name] != value
    ]
    if others or type(old) is not type(new):
        return "number_as_text" if not others and new == str(old) else "several"
    return "wrong_value"


def calls(text):
    found = re.search(r"<tool_call>\n?(.*?)\n?</?tool_call>", text, re.DOTALL)
    return [json.loads(line) for line in found[1].splitlines()] if found else []


@pytest.mark.parametrize("form", FormMix.model_fields)
def test_each_form_is_what_it_says(requests, form):
    for request, text in zip(requests, written(requests, form=form), strict=True):
        assert form_of(text, request.answer) == form, text


@pytest.mark.parametrize("content", ContentMix.model_fields)
def test_each_content_is_what_it_says_where_the_request_has_a_place_for_it(requests, content):
    for request, text in zip(requests, written(requests, content=content), strict=True):
        right = calls(request.answer)
        numbers = [v for call in right for v in call["parameters"].values() if isinstance(v, int)]
        no_place = {
            "dropped_call": len(right) < 2,
            "extra_call": False,
            "number_as_text": not numbers,
        }.get(content, not right)
        assert content_of(text, request.answer) == ("right" if no_place else content), text


def test_shares_are_as_set(requests):
    rng = random.Random(11)
    # Where every flaw has a place but, rarely, a number as text.
    several = (r for r in stream(SECTION.requests, "train", 4) if r.category == "parallel")
    parallel = list(itertools.islice(several, COUNT))
    section = SECTION.model_copy(update={"care": 1.0})
    texts = [(lesson(r, draw_quality(section, rng), 60, rng), r.answer) for r in parallel]
    forms = [form_of(*pair) for pair in texts]
    contents = [content_of(*pair) for pair in texts if form_of(*pair) not in ("unclosed", "swapped")]
    for mix, found in ((section.form, forms), (section.content, contents)):
        shares = mix.model_dump()
        assert set(found) == set(shares)
        for name, share in shares.items():
            expected = share / sum(shares.values())
            # Four standard errors, and the requests without a number.
            slack = 4 * (expected * (1 - expected) / len(found)) ** 0.5 + 0.01
            assert abs(found.count(name) / len(found) - expected) < slack, name


def test_reasoning_is_as_long_as_set_and_worked_out_reasoning_goes_with_right_calls(requests):
    rng = random.Random(12)
    wanted = [r for r in requests if r.category != "none"]
    section = SECTION.model_copy(update={"form": FormMix(**{n: n == "proper" for n in FormMix.model_fields})})
    drawn = [draw_quality(section, rng) for _ in wanted]
    texts = [lesson(r, quality, 60, rng) for r, quality in zip(wanted, drawn, strict=True)]
    said = [re.match(r"<think>(.*)</think>\n", text)[1] for text in texts]
    shares = ReasoningMix().model_dump()
    right: dict[str, list[bool]] = {name: [] for name in shares}
    for words, text, r in zip(said, texts, wanted, strict=True):
        tools = " then ".join(call["name"] for call in calls(text)) if "{" in text and is_json(text) else None
        how = "none" if not words else "short" if words.strip() == tools else "steps"
        if tools is not None:
            right[how].append(content_of(text, r.answer) == "right")
    total = sum(map(len, right.values()))
    for name, share in shares.items():
        assert abs(len(right[name]) / total - share) < 0.05, name
    rate = {name: sum(values) / len(values) for name, values in right.items()}
    assert rate["steps"] > rate["short"] + 0.2
    assert abs(rate["none"] - rate["short"]) < 0.08


def is_json(text):
    try:
        calls(text)
    except ValueError:
        return False
    return True


def test_worked_out_reasoning_names_every_value_and_how_it_is_had():
    request = next(
        r
        for r in stream(SECTION.requests, "train", 0)
        if "timer for half of" in r.problem and len(r.calls) == 1
    )
    (text,) = written([request], reasoning="steps")
    n = int(re.search(r"half of (\d+)", request.problem)[1])
    name = calls(request.answer)[0]["name"]
    assert text.startswith(f"<think> {name} minutes half of {n} is {n // 2}</think>\n<tool_call>\n")


def test_every_text_survives_the_tokenizer_and_is_short(requests):
    tokenizer = make_tool_tokenizer(320)
    rng = random.Random(2)
    texts = [lesson(r, draw_quality(SECTION, rng), 999, rng) for r in requests]
    check_encodable(tokenizer, texts)
    check_encodable(tokenizer, [text for r in requests for text in (r.context, r.problem, r.answer)])
    lengths = sorted(len(tokenizer.encode(r.answer)) for r in requests if r.category == "single")
    assert 12 <= lengths[len(lengths) // 2] <= 30
    with pytest.raises(ValueError, match=r"'Ä' does not survive"):
        check_encodable(tokenizer, ["Ä"])
    odd = '  </tool_call>\n\n<tool_call>{"name":"timer"},\n"minutes" : [ 7.5,{}]}} <think>xyz'
    assert tokenizer.decode(tokenizer.encode(odd), skip_special_tokens=True) == odd


def test_the_chat_template_has_system_user_and_assistant():
    tokenizer = make_tool_tokenizer(320)
    messages = [
        {"role": "system", "content": "note item"},
        {"role": "user", "content": "put milk on my list"},
    ]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == "<|system|>note item<|user|>put milk on my list<|assistant|>"
    whole = tokenizer.apply_chat_template([*messages, {"role": "assistant", "content": "ok"}], tokenize=False)
    assert whole == prompt + "ok<|end|>"
    assert tokenizer.apply_chat_template([{}], tokenize=False) == ""
    with pytest.raises(Exception, match="roles system, user and assistant, not tool"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "1"}])
