"""Worked solutions of five verbosities: `<think>reasoning</think>\\boxed{answer}`.

Each is worked out from the problem's text alone, so that it checks the generator's answer as well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gdpo.data.arithmetic import Problem, normalise
from gdpo.starting_model.tokenizer import BOXED, THINK, THINK_END


@dataclass(frozen=True)
class Step:
    """One operation, `left operator right = result`."""

    left: int
    operator: str
    right: int

    @property
    def result(self) -> int:
        """The value of the operation."""
        return {"+": int.__add__, "-": int.__sub__}[self.operator](self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left}{self.operator}{self.right}={self.result}"


def worked_solution(problem: Problem, style: str) -> str:
    """Return a worked solution, without the end token.

    Args:
        problem: the problem; its answer is only compared with.
        style: `brief`, `direct`, `steps`, `checked` or `detailed`.

    Raises:
        ValueError: the style is unknown, the problem of an unknown form, or its stated answer wrong.
    """
    if style not in _STYLES:
        raise ValueError(f"style {style!r} does not exist; the styles are {', '.join(_STYLES)}")
    reasoning, answer = _STYLES[style](normalise(problem.text))
    if str(answer) != problem.answer:
        raise ValueError(f"{problem.text!r}: worked out {answer}, but the stated answer is {problem.answer}")
    return f"{THINK}{reasoning}{THINK_END}{BOXED}{answer}}}"


# Every style below takes the problem without spaces and returns the reasoning and the answer.


def _brief(text: str) -> tuple[str, int]:
    _, steps, divisor = _plan(text)
    answer = steps[-1].result // divisor
    if "x" in text:
        return str(steps[0]).partition("=")[0], answer
    return " ".join(str(step.result) for step in steps), answer


def _direct(text: str) -> tuple[str, int]:
    if "x" in text:
        step, divisor = _isolate(text)
        if divisor == 1:
            return f"x={step}", step.result
        return f"{divisor}*x={step}", step.result // divisor
    steps = _sum_steps(text)
    tail = text
    reasoning = text
    for step in steps:
        tail = f"{step.result}{tail.removeprefix(f'{step.left}{step.operator}{step.right}')}"
        reasoning += f"={tail}"
    return reasoning, steps[-1].result


def _steps(text: str) -> tuple[str, int]:
    lines, steps, divisor = _plan(text)
    answer = steps[-1].result // divisor
    lines += [str(step) for step in steps]
    return "\n".join(lines + _division(steps[-1].result, divisor)), answer


def _checked(text: str) -> tuple[str, int]:
    lines, steps, divisor = _plan(text)
    answer = steps[-1].result // divisor
    lines += [str(step) for step in steps]
    lines += _division(steps[-1].result, divisor)
    inverse = {"+": "-", "-": "+"}
    return "\n".join(
        lines + [str(Step(s.result, inverse[s.operator], s.right)) for s in reversed(steps)]
    ), answer


def _detailed(text: str) -> tuple[str, int]:
    lines, steps, divisor = _plan(text)
    answer = steps[-1].result // divisor
    for step in steps:
        tens, ones = step.right // 10 * 10, step.right % 10
        if tens and ones:  # 47+38: 47+30=77, 77+8=85
            first = Step(step.left, step.operator, tens)
            lines += [str(first), str(Step(first.result, step.operator, ones))]
        else:
            lines += [str(step)]
    return "\n".join([text] + lines + _division(steps[-1].result, divisor)), answer


_STYLES: dict[str, Callable[[str], tuple[str, int]]] = {
    "brief": _brief,
    "direct": _direct,
    "steps": _steps,
    "checked": _checked,
    "detailed": _detailed,
}


def _sum_steps(text: str) -> list[Step]:
    if not re.fullmatch(r"\d+([+-]\d+)+", text):
        raise ValueError(f"{text!r} is neither a sum such as 12+30-4 nor an equation such as 3*x+4=19")
    first, *rest = re.findall(r"^\d+|[+-]\d+", text)
    steps, value = [], int(first)
    for term in rest:
        steps.append(Step(value, term[0], int(term[1:])))
        value = steps[-1].result
    return steps


def _isolate(text: str) -> tuple[Step, int]:
    """Return the step whose result is `divisor * x`, and the divisor, for the gym's forms of an equation."""
    x = r"(?:(?P<factor>\d+)\*)?x"
    if match := re.fullmatch(rf"{x}(?P<operator>[+-])(?P<constant>\d+)=(?P<right>-?\d+)", text):
        inverse = "-" if match["operator"] == "+" else "+"
        step = Step(int(match["right"]), inverse, int(match["constant"]))
    elif match := re.fullmatch(rf"(?P<constant>\d+)-{x}=(?P<right>-?\d+)", text):
        right = int(match["right"])
        step = Step(int(match["constant"]), "-" if right >= 0 else "+", abs(right))
    else:
        raise ValueError(f"{text!r} is neither a sum such as 12+30-4 nor an equation such as 3*x+4=19")
    return step, int(match["factor"] or 1)


def _plan(text: str) -> tuple[list[str], list[Step], int]:
    """Return opening lines, the steps and the final divisor of a problem of either kind."""
    if "x" not in text:
        return [], _sum_steps(text), 1
    step, divisor = _isolate(text)
    left = "x" if divisor == 1 else f"{divisor}*x"
    return [f"{left}={step.left}{step.operator}{step.right}"], [step], divisor


def _division(value: int, divisor: int) -> list[str]:
    return [] if divisor == 1 else [f"{divisor}*x={value}", f"x={value // divisor}"]
