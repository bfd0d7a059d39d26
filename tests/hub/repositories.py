"""The repositories that the paper's studies ask for, as folders for ``hub_server``.

File names, columns, types and nulls are the real ones. Problems are our own, and weights are a few bytes.
"""

import json
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import registry_tokenizers
from code_repositories import write_code
from registry_tokenizers import opening_the_reasoning

from gdpo.tasks.tool_calling.prompt import dialogue, system_prompt

WORDS = (Path(__file__).with_name("words.txt")).read_text().split()
PINNED = {
    "HuggingFaceH4/MATH-500": "ff5b20257d8185524591543f8ff5993951537bb8",
    "Hothan/OlympiadBench": "3b426ee1d587c71b495146dde9f3e995ee7ac59f",
}
"""Commits that the catalogue names."""
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151643,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 131072,
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "sliding_window": 4096,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.44.0",
    "use_cache": True,
    "use_sliding_window": False,
}
R1 = {
    "DeepSeek-R1-Distill-Qwen-1.5B": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "max_window_layers": 21,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
    },
    "DeepSeek-R1-Distill-Qwen-7B": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "max_window_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
    },
}
QWEN3_4B = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 2560,
    "initializer_range": 0.02,
    "intermediate_size": 9728,
    "max_window_layers": 36,
    "model_type": "qwen3",
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.51.0",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
QWEN25 = {
    "Qwen2.5-1.5B-Instruct": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "max_window_layers": 21,
        "num_attention_heads": 12,
        "num_hidden_layers": 28,
    },
    "Qwen2.5-3B-Instruct": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "max_window_layers": 70,
        "num_attention_heads": 16,
        "num_hidden_layers": 36,
    },
}
INSTRUCT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""ChatML without thinking, as Qwen3-4B-Instruct-2507's does for such messages."""


def write_all(folder: Path) -> None:
    """The repositories of ``paper``, ``paper-conditioned``, ``fork``, ``tools`` and ``code`` below."""
    write_datasets(folder / "datasets")
    write_code(folder / "datasets", WORDS)
    write_toolrl(folder / "datasets" / "RamAnanth1" / "toolrl-rlla4k")
    write_models(folder / "models")


def write_datasets(folder: Path) -> None:
    """The catalogue's hub datasets, with as many rows as they have (DeepScaleR: 400 of its 40,315)."""
    rng = random.Random(0)
    aime = [{"id": 60 + i, **_problem(rng, "integer")} | _contest(i) for i in range(30)]
    _parquet(folder / "HuggingFaceH4/aime_2024/data/train-00000-of-00001.parquet", aime)
    _lines(
        folder / "math-ai/aime25/test.jsonl", ({**_problem(rng, "integer"), "id": str(i)} for i in range(30))
    )
    amc = [{"id": i, **_problem(rng, "float"), "url": f"https://example.org/amc/{i}"} for i in range(83)]
    _parquet(folder / "AI-MO/aimo-validation-amc/data/train-00000-of-00001.parquet", amc)
    amc23 = [{"id": i, **_renamed(_problem(rng, "integer")), "url": "u"} for i in range(40)]
    _parquet(folder / "math-ai/amc23/test-00000-of-00001.parquet", amc23)
    math500 = [
        {
            **_problem(rng),
            "solution": "s",
            "subject": "Algebra",
            "level": 1 + i % 5,
            "unique_id": f"test/{i}.json",
        }
        for i in range(500)
    ]
    _lines(folder / "HuggingFaceH4/MATH-500/test.jsonl", math500)
    _lines(folder / "math-ai/minervamath/test.jsonl", (_renamed(_problem(rng)) for _ in range(272)))
    _olympiad(folder / "Hothan/OlympiadBench/OlympiadBench", rng)
    training = [{**_problem(rng), "solution": "Since it is so."} for _ in range(400)]
    training[7] = {**math500[3], "solution": "A benchmark's problem."} | {"answer": math500[3]["answer"]}
    training[7] = {key: training[7][key] for key in ("problem", "answer", "solution")}
    path = folder / "agentica-org/DeepScaleR-Preview-Dataset/deepscaler.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(training, indent=1))
    for name, commit in PINNED.items():
        (folder / f"{name}.commit").write_text(commit)
    for repository in folder.glob("*/*/"):
        (repository / "README.md").write_text("---\nlicense: other\n---\n")
        (repository / ".gitattributes").write_text("*.parquet filter=lfs\n")


def write_toolrl(folder: Path) -> None:
    """ToolRL's rows as the hub's copy has them, 3,920 and 80, in its prompt; tools and requests are ours."""
    rng = random.Random(1)
    for split, count in (("train", 3920), ("test", 80)):
        rows = [_tool_row(rng, split, i) for i in range(count)]
        _parquet(folder / f"data/{split}-00000-of-00001.parquet", rows)
    (folder / "README.md").write_text("---\nlicense: other\n---\n")


def _tool_row(rng: random.Random, split: str, index: int) -> dict[str, Any]:
    """A request for one of a few tools, for two, or (one in eight) for what no tool does."""
    names = rng.sample(WORDS, 3)
    tools = [
        {
            "name": name,
            "description": f"Finds the {name} of a day.",
            "parameters": {"day": {"description": "Which day.", "type": "int", "default": 1}},
        }
        for name in names
    ]
    chosen = rng.choice([names[:1], names[:1], names[:2], []] if index % 2 else [names[:1]])
    wanted = [{"name": name, "parameters": {"day": rng.randint(1, 99)}} for name in chosen]
    request = " and ".join(f"the {call['name']} of day {call['parameters']['day']}" for call in wanted)
    prompt = system_prompt(tools), dialogue([{"role": "user", "content": f"{index}: {request or 'a joke'}?"}])
    body = "\n".join(json.dumps(call) for call in wanted)
    answer = f"<tool_call>\n{body}\n</tool_call>" if wanted else "<response> I cannot. </response>"
    gold = f"<think> I should respond. </think>\n{answer}"
    return {
        "data_source": "rlla",
        "prompt": [{"content": c, "role": r} for c, r in zip(prompt, ("system", "user"), strict=True)],
        "ability": "math",
        "reward_model": {"ground_truth": gold, "style": "rule"},
        "extra_info": {
            "index": index,
            "input": prompt[1],
            "instruction": prompt[0],
            "output": gold,
            "split": split,
        },
    }


def write_models(folder: Path) -> None:
    """Configuration, tokenizer and the names of the weights of the paper's and the fork's models.

    Raises:
        FileNotFoundError: the tokenizers are not here (``registry_tokenizers``).
    """
    r1, qwen3 = registry_tokenizers.FOLDER / "r1-distill-qwen", registry_tokenizers.FOLDER / "qwen3"
    for name, sizes in R1.items():
        out = folder / "deepseek-ai" / name
        shutil.copytree(r1, out)
        _json(out / "config.json", QWEN2 | sizes)
        generation = {"bos_token_id": 151646, "do_sample": True, "eos_token_id": 151643}
        _json(out / "generation_config.json", generation | {"temperature": 0.6, "top_p": 0.95})
        _weights(out, 1 if name.endswith("1.5B") else 2)
        # The prompt has ended in <think> since February 2025.
        shutil.copytree(out, out.with_name(f"{name}@january-2025"))
        config = json.loads((out / "tokenizer_config.json").read_text())
        config["chat_template"] = opening_the_reasoning(config["chat_template"])
        _json(out / "tokenizer_config.json", config)
    changes = {
        "Qwen3-4B": {"max_position_embeddings": 40960, "rope_theta": 1000000},
        "Qwen3-4B-Instruct-2507": {"max_position_embeddings": 262144, "rope_theta": 5000000},
    }
    for name, change in changes.items():
        out = folder / "Qwen" / name
        shutil.copytree(qwen3, out)
        if "Instruct" in name:
            config = json.loads((out / "tokenizer_config.json").read_text())
            _json(out / "tokenizer_config.json", config | {"chat_template": INSTRUCT_TEMPLATE})
        _json(out / "config.json", QWEN3_4B | change)
        generation = {"bos_token_id": 151643, "do_sample": True, "eos_token_id": [151645, 151643]}
        _json(out / "generation_config.json", generation | {"pad_token_id": 151643, "top_k": 20})
        _weights(out, 3)
    for name, sizes in QWEN25.items():
        out = folder / "Qwen" / name
        shutil.copytree(registry_tokenizers.FOLDER / "qwen2.5-instruct", out)
        other = {"eos_token_id": 151645, "max_position_embeddings": 32768, "rope_theta": 1000000.0}
        other |= {"num_key_value_heads": 2, "tie_word_embeddings": True, "vocab_size": 151936}
        _json(out / "config.json", QWEN2 | sizes | other | {"sliding_window": 32768})
        generation = {"bos_token_id": 151643, "do_sample": True, "eos_token_id": [151645, 151643]}
        _json(out / "generation_config.json", generation | {"pad_token_id": 151643, "top_k": 20})
        _weights(out, 1 if "1.5B" in name else 2)
    for repository in folder.glob("*/*/"):
        (repository / "README.md").write_text("---\nlicense: other\n---\n")
        (repository / "LICENSE").write_text("See the real repository.\n")


def _problem(rng: random.Random, kind: str | None = None) -> dict[str, Any]:
    """A text like no other, and an answer of a kind."""
    kind = kind or rng.choice(["integer", "integer", "fraction", "expression", "pair"])
    a, b = rng.randint(2, 40), rng.randint(41, 99)
    answers = {
        "integer": str(a + b),
        "float": float(a * b),
        "fraction": rf"\frac{{{a}}}{{{b}}}",
        "expression": rf"{a}\sqrt{{{b}}}",
        "pair": f"({a}, {b})",
    }
    words = " ".join(rng.choice(WORDS) for _ in range(rng.randint(12, 40)))
    return {
        "problem": f"Of {words} find ${a} x + {b}$ where $x$ counts {rng.choice(WORDS)}.",
        "answer": answers[kind],
    }


def _renamed(problem: dict[str, Any]) -> dict[str, Any]:
    return {"question": problem["problem"], "answer": problem["answer"]}


def _contest(i: int) -> dict[str, str]:
    return {"solution": "It is so.", "url": f"https://example.org/aime/{i}", "year": "2024"}


def _olympiad(folder: Path, rng: random.Random) -> None:
    """The subset that the catalogue reads, and one beside it; most rows have neither unit nor error."""
    rows = []
    for i in range(674):
        problem = _problem(rng)
        several = i % 11 == 0
        rows.append(
            {
                "id": 1600 + i,
                "question": problem["problem"],
                "solution": ["It is so."],
                "final_answer": [problem["answer"], "7"] if several else [problem["answer"]],
                "context": None,
                **{f"image_{k}": None for k in range(1, 6)},
                "modality": "Text-only",
                "difficulty": "Competition",
                "is_multiple_answer": several,
                "unit": "cm" if i % 96 == 5 else None,
                "answer_type": "Numerical" if problem["answer"].isdigit() else "Expression",
                "error": "1e-1" if i % 210 == 3 else None,
                "question_type": "Open-ended",
                "subfield": "Algebra",
                "subject": "Math",
                "language": "English",
            }
        )
    for name, part in (("OE_TO_maths_en_COMP", rows), ("OE_TO_physics_en_COMP", rows[:5])):
        _parquet(folder / name / f"{name}.parquet", part)


def _weights(folder: Path, shards: int) -> None:
    """Files where the weights are; of several, with their index."""
    if shards == 1:
        (folder / "model.safetensors").write_bytes(b"weights")
        return
    names = [f"model-{i:05d}-of-{shards:05d}.safetensors" for i in range(1, shards + 1)]
    for name in names:
        (folder / name).write_bytes(b"weights")
    index = {
        "metadata": {"total_size": 7 * shards},
        "weight_map": {f"layer.{i}": n for i, n in enumerate(names)},
    }
    _json(folder / "model.safetensors.index.json", index)


def _json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False))


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


if __name__ == "__main__":
    import sys

    write_all(Path(sys.argv[1]))
