"""Training learns, repeats to the bit, sees the train split only, and leaves a whole folder behind."""

import hashlib
import json

import pytest
import torch
from cli_in_process import gdpo
from pydantic import ValidationError
from transformers import AutoModelForCausalLM, AutoTokenizer

from gdpo.config.problems import ChainSum, SimpleEquations
from gdpo.config.program_starting_model import ProgramStartingModel
from gdpo.config.starting_model import Architecture, StartingModel
from gdpo.config.tool_starting_model import ToolStartingModel
from gdpo.data import toy_programs, toy_tools
from gdpo.data.arithmetic import split_of
from gdpo.starting_model import pretrain
from gdpo.starting_model.arithmetic import lesson_problems
from gdpo.starting_model.pretrain import batches, curriculum_of, make_model, make_starting_model, train
from gdpo.starting_model.programs import lesson_functions
from gdpo.starting_model.tool_calls import lesson_requests

TINY = StartingModel(
    architecture=Architecture(hidden_size=32, layers=1, heads=2, key_value_heads=1, feed_forward_size=48),
    families={"sum": ChainSum(weight=3), "equation": SimpleEquations(max_value=9)},
    pool_size=64,
    steps=30,
    warmup_steps=5,
    learning_rate=0.02,
    held_out_problems=12,
    held_out_samples=2,
)


SHARED = TINY.model_dump(exclude={"source", "families", "styles"})
TOOLS, PROGRAMS = ToolStartingModel(**SHARED), ProgramStartingModel(**SHARED)


def trained(section):
    torch.set_num_threads(section.threads)
    curriculum = curriculum_of(section)
    model = make_model(section, curriculum.tokenizer)
    return model, train(model, curriculum, section)


@pytest.mark.parametrize("section", [TINY, TOOLS, PROGRAMS], ids=["arithmetic", "tools", "programs"])
def test_thirty_steps_lower_the_loss_and_repeat_to_the_bit(section):
    first, report = trained(section)
    again, report_again = trained(section)
    assert report["last_loss"] < 0.85 * report["first_loss"]
    assert report_again["last_loss"] == report["last_loss"]
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    other, _ = trained(section.model_copy(update={"seed": 1}))
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


def test_the_loss_is_on_whole_responses_only():
    curriculum = curriculum_of(TINY)
    tokenizer = curriculum.tokenizer
    batch = next(batches(curriculum, TINY))
    assert batch["input_ids"].shape[0] == TINY.batch_size
    for ids, mask, labels in zip(*(batch[k] for k in ("input_ids", "attention_mask", "labels")), strict=True):
        response = labels[labels != -100]
        assert torch.equal(ids[labels != -100], response)
        text = tokenizer.decode(response)
        assert text.startswith("<think>") and text.endswith("}<|end|>")
        prompt = tokenizer.decode(ids[: int((labels != -100).nonzero()[0])])
        assert prompt.startswith("<|user|>") and prompt.endswith("<|assistant|>")
        assert int(mask.sum()) == int((labels != -100).nonzero()[-1]) + 1


def test_lessons_come_from_the_train_split_only():
    lessons = lesson_problems(TINY)
    assert len(lessons) == TINY.pool_size
    assert {split_of(problem.text) for problem in lessons} == {"train"}
    requests = lesson_requests(TOOLS)
    assert len(requests) == TOOLS.pool_size
    assert {toy_tools.split_of(request.problem) for request in requests} == {"train"}
    functions = lesson_functions(PROGRAMS)
    assert len(functions) == PROGRAMS.pool_size
    assert {toy_programs.split_of(asked.request()) for asked in functions} == {"train"}


def test_the_folder_is_whole_and_loads_without_our_code(tmp_path):
    folder = tmp_path / "models" / "start"
    manifest = make_starting_model(TINY.model_copy(update={"steps": 3}), folder)
    assert [p.name for p in folder.parent.iterdir()] == ["start"]
    assert manifest == json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert {p.name for p in folder.iterdir()} == {*manifest["files"], "manifest.json", ".gdpo-model"}
    assert set(manifest["held_out"]) == {"temperature 0", "temperature 0.6", "temperature 1"}
    assert manifest["held_out"]["temperature 1"]["answers"] == 24
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.float32
    assert model.num_parameters() == manifest["parameters"]
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert tokenizer.decode(tokenizer.encode("1\n2")) == "1\n2"


def test_a_model_of_tool_calls_is_made_by_the_command_and_says_how_it_calls(tmp_path):
    section = TOOLS.model_copy(update={"steps": 2}).model_dump(mode="json")
    (tmp_path / "section.json").write_text(json.dumps(section))
    made = gdpo("starting-model", tmp_path / "section.json", tmp_path / "start")
    assert made.returncode == 0, made.stderr
    held_out = json.loads((tmp_path / "start" / "manifest.json").read_text())["held_out"]
    for temperature, answers in (("temperature 0", 12), ("temperature 1", 24)):
        report = held_out[temperature]
        assert report["answers"] == answers
        # Two steps teach nothing: no call can be read, and a request without one counts 0.
        assert report["well_formed"] == 0 and report["ended"] <= 1
        assert report["correctness_by_category"] == {"both": -3, "none": 0, "parallel": -3, "single": -3}
    prompt = [{"role": "system", "content": "note item"}, {"role": "user", "content": "put milk on my list"}]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "start")
    assert len(tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"]) == 10


def test_a_model_of_programs_says_how_its_programs_fare_in_the_sandbox(tmp_path):
    section = PROGRAMS.model_copy(update={"steps": 2})
    held_out = make_starting_model(section, tmp_path / "start")["held_out"]
    for temperature, answers in (("temperature 0", 12), ("temperature 1", 24)):
        report = held_out[temperature]
        assert report["answers"] == answers
        # Two steps teach nothing: there is no program.
        assert (report["accuracy"], report["pass_rate"], report["bug"]) == (0, 0, 1)
        assert set(report["bug_by_category"]) == {"each", "number", "pair", "pick", "total"}


def test_an_interrupted_training_leaves_nothing_and_strangers_are_spared(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="mine exists and holds no model"):
        make_starting_model(TINY, tmp_path / "mine")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain.LlamaForCausalLM, "save_pretrained", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_starting_model(TINY.model_copy(update={"steps": 1}), tmp_path / "start")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_bad_sections_are_refused():
    with pytest.raises(ValidationError, match="every share is 0; give one to at least one of brief, direct"):
        StartingModel(styles=dict.fromkeys(("brief", "direct", "steps", "checked", "detailed"), 0))
    with pytest.raises(ValidationError, match="hidden_size is 100 and heads 3"):
        StartingModel(architecture={"hidden_size": 100, "heads": 3})
    with pytest.raises(ValidationError, match="heads is 4 and key_value_heads 3"):
        StartingModel(architecture={"key_value_heads": 3})
