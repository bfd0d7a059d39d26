"""The experiment that stands in for a real one: nothing but sizes is changed, and the machine."""

from importlib.metadata import PackageNotFoundError, version

from gdpo.config.experiment import Experiment
from gdpo.config.run import RunConfig
from gdpo.config.runs import Run
from gdpo.config.sections import ExperimentConfig, ProblemSet, used_datasets
from gdpo.config.training import HardwareConfig, ResourcesConfig
from gdpo.plugins import TASKS
from gdpo.tasks.problem import MATH

FOLDER = "rehearsals"
"""Below the folder of results: what lies there is never taken for a real result."""
STEPS = 2
PROMPTS = 4
"""A training step's."""
RESPONSES = 4
"""A prompt's."""
TRAINING_PROBLEMS, BENCHMARK_PROBLEMS, SAMPLES = 12, 4, 2
RESAMPLES = 200
MEM_MB = {"transformers": 3500, "vllm": 7000}
"""Of one training, by its rollout: logits are those of a few responses over a real vocabulary."""


def longest(config: ExperimentConfig) -> int:
    """Tokens of a rehearsal's longest response: what answers of its tasks take."""
    tasks = {dataset.task for dataset in used_datasets(config).values()} | {MATH}
    return max(TASKS[name].tokens for name in tasks)


def rehearse(real: Experiment) -> Experiment:
    """The same experiment at toy size: one seed, few and short responses, models of ``stand_in``, on CPUs."""
    config = _small_config(real)
    runs: dict[str, Run] = {}
    for run in real.runs.values():
        if all(run.arm != known.arm for known in runs.values()):
            small = Run(run.arm, run.seed, run.model, _small_run(run.config, longest(real.config)))
            runs[small.id] = small
    return Experiment(f"{FOLDER}/{real.name}", config, runs)


def rollout() -> str:
    """vLLM where it is the build for CPUs, else transformers."""
    try:
        return "vllm" if version("vllm").endswith("+cpu") else "transformers"
    except PackageNotFoundError:
        return "transformers"


def _small_config(real: Experiment) -> ExperimentConfig:
    config, tokens = real.config, longest(real.config)
    train = _few(config.problems.train, TRAINING_PROBLEMS)
    benchmarks = {
        name: _few(problems, BENCHMARK_PROBLEMS) for name, problems in config.problems.benchmarks.items()
    }
    # Keywords of vLLM's engine are of the real machine.
    sampling = {"n": SAMPLES, "max_tokens": tokens, "batch_size": 64, "backend": rollout(), "vllm": {}}
    evaluation = {
        "sampling": config.evaluation.sampling.model_copy(update=sampling),
        "outputs": {},  # another tool's have every problem
        "length_limit": _shorter(real.length_limit(), _longest(real), tokens),
        "resamples": RESAMPLES,
        "weights": {},  # its few problems are of a benchmark's first dataset
    }
    models = {
        name: model.model_copy(update={"shape": None, "size": None}) for name, model in config.models.items()
    }
    return config.model_copy(
        update={
            "problems": config.problems.model_copy(update={"train": train, "benchmarks": benchmarks}),
            "models": models,
            "sizes": {},
            "seeds": config.seeds[:1],
            "evaluation": config.evaluation.model_copy(update=evaluation),
            "resources": ResourcesConfig(training_mem_mb=MEM_MB[rollout()]),
            "monitoring": config.monitoring.model_copy(update={"wandb": "disabled"}),
        }
    )


def _few(problems: ProblemSet, most: int) -> ProblemSet:
    return problems.model_copy(update={"size": min(problems.size or most, most)})


def _small_run(run: RunConfig, tokens: int) -> RunConfig:
    values = run.model_dump(mode="json")
    training = run.training
    # Several mini-batches where the real run has several.
    mini_batches = 2 if training.ppo_mini_batch_size < training.train_batch_size else 1
    values["training"] |= {
        "steps": STEPS,
        "train_batch_size": PROMPTS,
        "ppo_mini_batch_size": PROMPTS // mini_batches,
        "responses_per_prompt": RESPONSES,
        "micro_batch_size_per_gpu": None,
        "max_response_length": tokens,
        "checkpoint_every": STEPS,
        "validate_every": STEPS if training.validate_every else 0,
    }
    if training.filter_groups:
        values["training"]["filter_groups"] = True  # a stand-in is never right, and its lengths alone vary
    if rollout() == "transformers":
        values["training"] |= {"rollout_is": "none", "rollout_is_threshold": None}  # nothing to correct
    values["hardware"] = HardwareConfig(rollout=rollout()).model_dump(mode="json")
    for reward in values["rewards"].values():
        if isinstance(limit := reward["options"].get("limit"), int):
            reward["options"]["limit"] = _shorter(limit, training.max_response_length, tokens)
    values["weights"] = {"source": "stand-in", "of": run.weights}
    return RunConfig.model_validate(values)


def _longest(real: Experiment) -> int:
    return max(run.config.training.max_response_length for run in real.runs.values())


def _shorter(limit: int, of: int, tokens: int) -> int:
    """A limit of response length at the same share of the longest response."""
    return max(1, min(tokens, round(limit * tokens / of)))
