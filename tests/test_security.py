"""What must not happen: code of a model runs, a secret is in a file, an expression is evaluated here."""

import ast
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from gdpo.config.models import FolderModel
from gdpo.config.recipe import _Loader
from gdpo.sampling.transformers_backend import TransformersBackend
from gdpo.starting_model.existing import take_folder

ROOT = Path(__file__).parents[1]
# Within the sandbox programs are run, which tests/code/test_hostile.py tries to break out of.
SANDBOX = ROOT / "src/gdpo/tasks/code/sandbox/inside"
SOURCES = [
    p
    for folder in ("src", "workflow")
    for p in sorted((ROOT / folder).rglob("*.py"))
    if not p.is_relative_to(SANDBOX)
]

# ---- our own source ---------------------------------------------------------------------------------------

FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN = {
    "pickle.load",
    "pickle.loads",
    "cloudpickle.load",
    "cloudpickle.loads",
    "dill.load",
    "joblib.load",
    "marshal.loads",
    "shelve.open",
    "pd.read_pickle",
    "os.system",
    "os.popen",
    "yaml.unsafe_load",
    "yaml.full_load",
    "sympy.sympify",
    "sympy.parse_expr",
}
LOADS_A_MODEL = {"from_pretrained", "from_config", "LLM", "hf_tokenizer", "hf_processor"}


def complaints(source: str) -> list[str]:
    """Calls that could run what a file holds."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        bad = name in FORBIDDEN_NAMES | FORBIDDEN
        bad |= name == "torch.load" and given.get("weights_only") != "True"
        bad |= name in ("np.load", "numpy.load") and given.get("allow_pickle", "False") != "False"
        bad |= name == "yaml.load" and given.get("Loader") not in ("_Loader", "yaml.SafeLoader")
        bad |= name == "load_dataset" or given.get("shell") == "True"
        bad |= name.split(".")[-1] in LOADS_A_MODEL and given.get("trust_remote_code") != "False"
        bad |= name.split(".")[-1] == "snapshot_download" and "allow_patterns" not in given
        if bad:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_file_runs_what_it_reads(path):
    assert complaints(path.read_text()) == []


def test_nothing_outside_of_the_sandbox_imports_what_runs_programs():
    for path in SOURCES:
        for name in ("program", "server"):
            assert f"inside.{name}" not in path.read_text().replace("sandbox.inside.server`", ""), path


@pytest.mark.parametrize(
    "call",
    [
        "eval(text)",
        "exec(text)",
        "pickle.load(file)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text, yaml.Loader)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "AutoModelForCausalLM.from_pretrained(folder)",
        "AutoTokenizer.from_pretrained(folder, trust_remote_code=True)",
        "snapshot_download(repo)",
    ],
)
def test_each_such_call_would_be_found(call):
    assert len(complaints(f"def function():\n    return {call}")) == 1


def test_the_scan_sees_the_calls_that_are_there():
    assert issubclass(_Loader, yaml.SafeLoader)
    text = "".join(path.read_text() for path in SOURCES)
    assert text.count(".from_pretrained(") >= 6 and text.count("Loader=_Loader") >= 1 and len(SOURCES) > 90


# ---- models -----------------------------------------------------------------------------------------------


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "code-has-run"


@pytest.fixture
def evil(toy, tmp_path, marker):
    """A good model with all the ways to run code beside it."""
    folder = tmp_path / "evil"
    shutil.copytree(toy / "model", folder)
    code = (
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
        # Classes of its own: loading marks them, and a marked LlamaConfig would spoil every later test.
        "from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast\n"
        "class Config(LlamaConfig): pass\nclass Model(LlamaForCausalLM): pass\n"
        "class Tokenizer(PreTrainedTokenizerFast): pass\n"
    )
    (folder / "evil.py").write_text(code)
    for name, classes in (
        ("config.json", {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]}),
    ):
        config = json.loads((folder / name).read_text()) | {"auto_map": classes}
        (folder / name).write_text(json.dumps(config))
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(Touches(marker)))
    return folder


def load_as_we_do(folder: Path) -> None:
    """What sampling does with a folder, and what veRL's reward workers do (they trust it)."""
    from transformers import AutoTokenizer

    TransformersBackend.from_folder(folder)
    AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def test_the_trap_works(evil, marker):
    from transformers import AutoConfig

    AutoConfig.from_pretrained(evil, trust_remote_code=True)
    assert marker.exists()
    marker.unlink()
    pickle.loads((evil / "pytorch_model.bin").read_bytes())
    assert marker.exists()


def test_a_models_own_code_is_never_run(evil, marker, tmp_path):
    load_as_we_do(evil)
    taken = tmp_path / "taken"
    take_folder(FolderModel(source="folder", path=str(evil)), taken)
    assert not {path.suffix for path in taken.iterdir()} & {".py", ".bin", ".pt"}
    load_as_we_do(taken)
    # veRL's reward worker trusts remote code whatever it is told: nothing is left that it could run.
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    for kind in (AutoConfig, AutoModelForCausalLM, AutoTokenizer):
        kind.from_pretrained(taken, trust_remote_code=True)
    assert not marker.exists()
    assert json.loads((taken / "config.json").read_text())["model_type"] == "llama"


def test_code_in_another_repository_is_not_fetched(evil, tmp_path):
    for name in ("config.json", "tokenizer_config.json"):
        text = (evil / name).read_text()
        (evil / name).write_text(text.replace('"evil.', '"someone/code--evil.'))
    take_folder(FolderModel(source="folder", path=str(evil)), tmp_path / "taken")
    texts = [path.read_text(errors="replace") for path in (tmp_path / "taken").iterdir()]
    assert len(texts) > 4 and not any("someone/code" in text for text in texts)


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.pt"])
def test_weights_as_a_pickle_are_refused_before_anything_is_loaded(evil, marker, tmp_path, weights):
    (evil / "model.safetensors").unlink()
    (evil / weights).write_bytes(pickle.dumps(Touches(marker)))
    with pytest.raises(ValueError, match="has no .*safetensors; weights as pickles .* convert them"):
        take_folder(FolderModel(source="folder", path=str(evil)), tmp_path / "taken")
    with pytest.raises(OSError, match="no file named model.safetensors"):
        TransformersBackend.from_folder(evil)
    assert not marker.exists() and not (tmp_path / "taken").exists()


@pytest.mark.parametrize("named", ["pytorch_model.bin", "../evil/pytorch_model.bin", "none.safetensors"])
def test_an_index_that_names_other_weights_is_refused(evil, marker, tmp_path, named):
    index = {"metadata": {}, "weight_map": {"lm_head.weight": named}}
    (evil / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="index.json names .*, which is no"):
        take_folder(FolderModel(source="folder", path=str(evil)), tmp_path / "taken")
    assert not marker.exists() and not (tmp_path / "taken").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}},
            "code that comes with a model is not run",
        ),
        ([1], "must be an object, not list"),
        ("{", "not readable as JSON"),
    ],
)
def test_a_model_that_transformers_does_not_know_is_refused(evil, marker, tmp_path, content, words):
    (evil / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=words):
        take_folder(FolderModel(source="folder", path=str(evil)), tmp_path / "taken")
    assert not marker.exists() and not (tmp_path / "taken").exists()


def test_torch_refuses_pickles_by_itself(evil, marker):
    """Where a .bin would reach torch.load after all: its default since 2.6."""
    with pytest.raises(pickle.UnpicklingError):
        torch.load(evil / "pytorch_model.bin")
    assert not marker.exists()


# ---- grading ----------------------------------------------------------------------------------------------

GRADE = r"""
import json, sys
from pathlib import Path
from gdpo.tasks import Gold, Problem
from gdpo.tasks.math import Grader
from gdpo.tasks.math.golds import normalise_gold
from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec
folder = Path(sys.argv[1])
code = f"__import__('pathlib').Path({str(folder / 'ran')!r}).touch()"
answers = ["2", r"\frac{1}{2}", "x+1", code, f"{code}+x", f"exec({code!r})", r"\lambda: " + code]
golds = ["2", "0.5", "1+x", "x^2+1", r"\sqrt{2}", code]
texts = [r"\boxed{" + a + "}" for a in answers for _ in golds]
wanted = [Gold((g,)) for _ in answers for g in golds]
grader = Grader(workers=1)
verdicts = grader.grade_all(texts, wanted)
unboxed = [f"The answer is ${a}$." for a in answers]
verdicts += grader.grade_all(unboxed, [Gold(("1+x",))] * len(answers), unboxed=True)
for text in (f"[{code!r}, {code}]", f"['a', {code}]", code):
    normalise_gold(text)
problems = [Problem("one", [], gold, {}) for gold in wanted]
Scorer({"right": RewardSpec("correctness", 1.0, {})})(texts, [[0]] * len(texts), problems)
parsers = {"sympy", "math_verify", "latex2sympy2_extended", "antlr4"}
print(json.dumps({
    "parsers": sorted(parsers & set(sys.modules)),
    "ran": (folder / "ran").exists(),
    "verdicts": [v.verdict for v in verdicts],
}))
"""


def test_the_graders_process_knows_no_parser_and_nothing_is_evaluated(tmp_path):
    command = [sys.executable, "-c", GRADE, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["parsers"] == [] and not found["ran"]
    # Some of them took the parser, so it was there to be met: x+1 is 1+x.
    assert found["verdicts"].count("correct") >= 3 and found["verdicts"].count("wrong") > 20


# ---- secrets ----------------------------------------------------------------------------------------------

SECRETS = {
    "WANDB_API_KEY": "a" * 20 + "0123456789abcdef0123",
    "HF_TOKEN": "hf_planted0secret0planted",
    "RAY_AUTH_TOKEN": "deadbeef" * 8,
    "MY_PASSWORD": "planted-password",
}
RECORD = """
import json, logging, os, sys
from pathlib import Path
from gdpo.config.experiment import load_experiment
from gdpo.config.run import RunConfig
from gdpo.provenance import PROVENANCE, session
folder = Path(sys.argv[1])
secret = " ".join(os.environ[name] for name in sys.argv[2:])
loaded = load_experiment(Path("config/demo.yaml"), {})
(folder / "experiment.json").write_text(loaded.config.model_dump_json())
for id, run in loaded.runs.items():
    (folder / f"{id}.json").write_text(json.dumps(run.resolved))
url = f"https://me:{os.environ['MY_PASSWORD']}@host"
for i, error in enumerate((None, ValueError(f"401 at {url}: {secret}"))):
    (folder / str(i)).mkdir()
    try:
        with session({"run": "x"}, [folder / str(i)], folder / "log", 0, lambda: 1):
            if error:
                raise error
    except ValueError:
        pass
"""


def test_planted_secrets_are_in_no_file_that_is_written(tmp_path):
    environment = os.environ | SECRETS
    command = [sys.executable, "-c", RECORD, str(tmp_path), *SECRETS]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"provenance.json", "experiment.json"} <= {path.name for path in files} and len(files) > 4
    assert "401 at https://" in (tmp_path / "1" / "provenance.json").read_text()
    for path in files:
        for name, secret in SECRETS.items():
            assert secret.encode() not in path.read_bytes(), f"{name} in {path.name}"


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_every_dependency_is_pinned(name):
    lines = [line.strip() for line in (ROOT / "requirements" / name).read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert wanted and not [line for line in wanted if "==" not in line]
