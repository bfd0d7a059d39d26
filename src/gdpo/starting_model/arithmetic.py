"""The arithmetic model's curriculum: problems of several families, worked solutions of several styles."""

import itertools
import re
from random import Random

from transformers import PreTrainedModel

from gdpo.config.problems import ArithmeticProblems
from gdpo.config.starting_model import StartingModel
from gdpo.data.arithmetic import Problem, family_sizes, make_problems, stream
from gdpo.starting_model.curriculum import Lesson, make_lessons, prompt_ids
from gdpo.starting_model.measure import held_out_report, mean, means_by
from gdpo.starting_model.solutions import worked_solution
from gdpo.starting_model.tokenizer import check_encodable, make_tokenizer


class Arithmetic:
    """A :class:`gdpo.starting_model.curriculum.Curriculum`; a problem gets a new style each time it comes."""

    def __init__(self, section: StartingModel) -> None:
        self.section = section
        self.tokenizer = make_tokenizer(section.architecture.context)
        self.problems = lesson_problems(section)
        check_encodable(self.tokenizer, (problem.text for problem in self.problems))
        self._prompts = {
            problem.text: prompt_ids(self.tokenizer, user=problem.text) for problem in self.problems
        }

    def draw(self, count: int, rng: Random) -> list[Lesson]:
        """Lessons of the train split."""
        styles, weights = zip(*self.section.styles.model_dump().items(), strict=True)
        chosen = rng.choices(self.problems, k=count)
        drawn = rng.choices(styles, weights, k=count)
        solutions = [worked_solution(problem, style) for problem, style in zip(chosen, drawn, strict=True)]
        return make_lessons(self.tokenizer, [self._prompts[problem.text] for problem in chosen], solutions)

    def held_out(self, model: PreTrainedModel) -> dict:
        """By temperature: `accuracy` (share of exact answers), `accuracy_by_family`, lengths."""
        section = self.section
        problems = make_problems(
            ArithmeticProblems(
                split="benchmark",
                size=section.held_out_problems,
                seed=section.seed,
                families=section.families,
            )
        )

        def judged(asked: list[int], texts: list[str]) -> dict:
            right = [_answer(text) == problems[at].answer for at, text in zip(asked, texts, strict=True)]
            families = [problems[at].family for at in asked]
            return {"accuracy": mean(right), "accuracy_by_family": means_by(families, right)}

        prompts = [prompt_ids(self.tokenizer, user=problem.text) for problem in problems]
        return held_out_report(model, self.tokenizer, section, prompts, judged)


def lesson_problems(section: StartingModel) -> list[Problem]:
    """Return the pool of lesson problems, from the train split only; easy families repeat themselves."""
    problems: list[Problem] = []
    for name, count in family_sizes(section.families, section.pool_size).items():
        lessons = stream(name, section.families[name], "train", section.seed)
        problems += itertools.islice(lessons, count)
    return problems


def _answer(text: str) -> str | None:
    # Exact and strict, so that a manifest needs no grader: the one boxed integer that ends the text.
    match = re.search(r"\\boxed\{(-?\d+)\}$", text)
    return match[1] if match else None
