"""Rewards, graders and metrics of a plug-in, run on stored samples as a study would."""

import contextlib
import inspect
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gdpo.config.errors import config_error
from gdpo.plugin_check.evidence import Evidence
from gdpo.plugin_check.found import Checked, Values, timed
from gdpo.plugins import GRADERS, METRICS, REWARDS
from gdpo.plugins.calling import place_in, raised
from gdpo.plugins.options import options_given, options_model
from gdpo.plugins.registry import Registry
from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec, in_range
from gdpo.sampling.score import metric_values
from gdpo.statistics.metrics import sample_values
from gdpo.tasks import judge_all


def check_reward(
    name: str, options: Mapping[str, Mapping[str, Any]], named: Mapping[str, str], evidence: Evidence
) -> Checked:
    """Run a reward on stored samples.

    Args:
        name: of the function.
        options: reward name -> its options.
        named: reward name -> function, of rewards that it reads under another name than their function's.
        evidence: the samples.
    """
    found = Checked("reward", name, str(REWARDS.place(name)))
    try:
        specs = _specs(name, options, named)
        given = specs[name].options
        with _noted(REWARDS, name, range=None) as seconds:
            numbers = [rewards[name] for rewards in Scorer(specs).score(evidence.responses)]
    except (ValueError, RuntimeError) as error:
        return found._replace(failed=str(error))
    found = found._replace(values=Values.of(numbers, evidence.groups), seconds=tuple(seconds))
    longest = max(response.n_tokens for response in evidence.responses)
    try:
        bounds, why = REWARDS[name].bounds(given), REWARDS[name].why_constant(longest, given)
    except Exception as error:
        place = place_in(REWARDS[name].function, error)
        return found._replace(failed=f"what it declares (range, constant) {raised(error)}; mend {place}")
    seen = [f"{key}: {value}" for key, value in given.items()]
    if found.values and found.values.dead == 1:
        seen.append("varies in no group, so that it teaches nothing on these samples")
    if why:
        seen.append(f"constant where the longest response has {longest} tokens")
    return found._replace(seen="; ".join(seen), range=bounds, failed=_outside(numbers, bounds, found.place))


def _outside(numbers: Sequence[float], bounds: tuple[float, float] | None, place: str) -> str | None:
    outside = [n for n in numbers if bounds and not math.isnan(n) and in_range(n, bounds) is None]
    if not outside:
        return None
    return (
        f"{len(outside)} of {len(numbers)} values are outside of its range {bounds[0]:g} to {bounds[1]:g}, "
        f"the first {outside[0]:g}; mend {place}"
    )


def check_grader(name: str, evidence: Evidence) -> Checked:
    """Have a grader judge stored samples, whatever their own grader is."""
    found = Checked("grader", name, str(GRADERS.place(name)))
    problems = [response.problem._replace(grader=name) for response in evidence.responses]
    try:
        with _noted(GRADERS, name) as seconds:
            verdicts = judge_all([response.text for response in evidence.responses], problems)
    except RuntimeError as error:
        return found._replace(failed=str(error))
    same = [v.verdict == r.verdict.verdict for v, r in zip(verdicts, evidence.responses, strict=True)]
    seen = f"agrees with the samples' own grader on {statistics.fmean(same):.0%}"
    right = [float(verdict.verdict == "correct") for verdict in verdicts]
    values = Values.of(right, evidence.groups)
    return found._replace(seen=seen, values=values, range=(0.0, 1.0), seconds=tuple(seconds))


def check_metric(name: str, evidence: Evidence, limit: int) -> Checked:
    """Compute a metric of stored samples; ``limit`` is the response-length limit in tokens."""
    found = Checked("metric", name, str(METRICS.place(name)))
    try:
        with _noted(METRICS, name) as seconds:
            if METRICS[name].of_samples:
                numbers = sample_values(name, evidence.scores, limit).astype(float).tolist()
            else:
                numbers = metric_values(name, evidence.responses)
    except RuntimeError as error:
        return found._replace(failed=str(error))
    except Exception as error:
        place = place_in(METRICS[name].function, error)
        return found._replace(failed=f"metric {name} {raised(error)}; mend {place}")
    of_table = METRICS[name].of_samples and "limit" in inspect.signature(METRICS[name].function).parameters
    seen = f"limit {limit} tokens" if of_table else ""
    return found._replace(seen=seen, values=Values.of(numbers, evidence.groups), seconds=tuple(seconds))


def fitting(kind: str, name: str, function: Callable, options: Mapping[str, Any]) -> dict[str, Any]:
    """A function's options as it takes them, checked as a run's are.

    Raises:
        ValueError: one is missing or does not fit; the message says how to give them.
    """
    try:
        return options_given(function, options)
    except ValidationError as error:
        model = options_model(function)
        problems = str(config_error(error, model, lambda key: f"option {key}")).replace("\n", ", ")
        needed = [field for field, info in model.model_fields.items() if info.is_required()]
        example = ", ".join(f"{field}: ..." for field in needed or model.model_fields)
        raise ValueError(
            f"{kind} {name}: {problems}; give its options with --options '{name}={{{example}}}'"
        ) from error


def _specs(
    name: str, options: Mapping[str, Mapping[str, Any]], named: Mapping[str, str]
) -> dict[str, RewardSpec]:
    """The reward and all that it reads, as a run would have them."""
    specs: dict[str, RewardSpec] = {}
    waiting = [name]
    while waiting:
        reward = waiting.pop()
        function = named.get(reward, reward)
        if function not in REWARDS:
            raise ValueError(
                f"reward {name} reads {reward!r}, and there is no such function; say which it is with "
                f"--reward {reward}=FUNCTION, one of {', '.join(sorted(REWARDS))}"
            )
        given = fitting("reward", reward, REWARDS[function].function, options.get(reward, {}))
        specs[reward] = RewardSpec(function, 1.0, given)
        waiting += [other for other in REWARDS[function].reads if other not in specs]
    return specs


@contextlib.contextmanager
def _noted(registry: Registry, name: str, **changes: Any) -> Iterator[list[float]]:
    """While it lasts, each call's seconds are noted, and the entry has these changes."""
    seconds: list[float] = []
    entry = registry[name]
    registry[name] = entry._replace(function=timed(entry.function, seconds), **changes)
    try:
        yield seconds
    finally:
        registry[name] = entry
