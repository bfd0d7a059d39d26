"""Every response judged by the grader of its problem."""

from collections.abc import Iterable, Sequence

from gdpo.plugins import GRADERS
from gdpo.plugins.calling import call, place_in, raised, seconds_allowed
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.tasks.math.answers import is_well_formed
from gdpo.tasks.math.normal import normalize_answer
from gdpo.tasks.problem import Problem
from gdpo.tasks.verdict import JudgeError, Verdict

_SHOWN = 100  # characters of a response in an error


def judge_all(texts: Sequence[str], problems: Sequence[Problem]) -> list[Verdict]:
    """Judge responses, in order.

    Args:
        texts: decoded responses; each begins with the ``<think>`` that its prompt ended in.
        problems: what each answers.

    Raises:
        JudgeError: a grader that does not exist, raises, hangs, or gives no verdict.
    """
    by_grader: dict[str, list[int]] = {}
    for index, problem in enumerate(problems):
        by_grader.setdefault(problem.grader, []).append(index)
    verdicts: dict[int, Verdict] = {}
    for name, indices in by_grader.items():
        found = _judged(name, [texts[i] for i in indices], [problems[i] for i in indices])
        verdicts |= dict(zip(indices, found, strict=True))
    return [verdicts[index] for index in range(len(texts))]


def check_ready(graders: Iterable[str]) -> None:
    """Check that graders can judge on this machine, before much is spent on what they are to judge.

    Args:
        graders: names; one that does not exist is an error only where it is to judge.

    Raises:
        JudgeError: one cannot; the message says why, and what to do.
    """
    for name in sorted(set(graders)):
        if name in GRADERS and (ready := GRADERS[name].ready):
            ready()


def form_of(text: str, verdict: Verdict) -> bool:
    """Whether a response has the form that its task asks for; without a word of the grader, that of a box."""
    return is_well_formed(text) if verdict.well_formed is None else verdict.well_formed


def vote_of(verdict: Verdict) -> str | None:
    """What counts as one answer in maj@k; None where there is no answer."""
    if verdict.vote is not None or verdict.extracted is None:
        return verdict.vote
    return normalize_answer(verdict.extracted)


def _judged(name: str, texts: Sequence[str], problems: Sequence[Problem]) -> list[Verdict]:
    if name not in GRADERS:
        raise JudgeError(
            f"no grader {name!r}: the plug-in that has it is not loaded (plugins of the experiment); "
            f"there are: {', '.join(sorted(GRADERS))}"
        )
    entry = GRADERS[name]
    if entry.batched:
        found = _batch(name, texts, problems)
        return [_verdict(name, verdict, text) for verdict, text in zip(found, texts, strict=True)]
    limit = TimeLimit(seconds_allowed())
    found = []
    with limit.calls():
        for text, problem in zip(texts, problems, strict=True):

            def error(what: str, place: Place, text: str = text, problem: Problem = problem) -> JudgeError:
                return JudgeError(
                    f"grader {name} {what} on problem {problem.id}; mend {place}. {_start(text)}"
                )

            found.append(_verdict(name, call(limit, error, entry.function, text, problem), text))
    return found


def _batch(name: str, texts: Sequence[str], problems: Sequence[Problem]) -> Sequence[object]:
    """What a grader gives for all responses at once; there is no time limit for as many as there may be."""
    function = GRADERS[name].function
    try:
        found = function(texts, problems)
        count = len(found)
    except JudgeError:  # ours, which says more
        raise
    except (Exception, SystemExit) as cause:
        raise JudgeError(f"grader {name} {raised(cause)}; mend {place_in(function, cause)}") from cause
    if count != len(texts):
        raise JudgeError(
            f"grader {name} gave {count} verdicts for {len(texts)} responses; mend {Place.of(function)}"
        )
    return found


def _verdict(name: str, value: object, text: str) -> Verdict:
    if isinstance(value, Verdict):
        return value
    if type(value).__name__ in ("bool", "bool_"):
        return Verdict("correct" if value else "wrong", None)
    place = Place.of(GRADERS[name].function)
    raise JudgeError(
        f"grader {name} gave {value!r:.80} (a {type(value).__name__}), no True, False or Verdict; "
        f"mend {place}. {_start(text)}"
    )


def _start(text: str) -> str:
    return f"The response: {text[:_SHOWN]!a}"
