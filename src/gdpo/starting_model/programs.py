"""The programming model's curriculum: problems in words, programs of varied quality."""

import itertools
from random import Random

from transformers import PreTrainedModel

from gdpo.config.program_starting_model import ProgramStartingModel
from gdpo.data.toy_programs import Function, stream, toy_programs
from gdpo.starting_model.curriculum import Lesson, make_lessons, prompt_ids
from gdpo.starting_model.measure import held_out_report, mean, means_by
from gdpo.starting_model.program_lessons import draw_quality, lesson
from gdpo.starting_model.program_tokenizer import make_program_tokenizer
from gdpo.starting_model.tokenizer import check_encodable
from gdpo.tasks import Gold, Problem, judge_all


class Programs:
    """A :class:`gdpo.starting_model.curriculum.Curriculum`; a problem gets another program each time."""

    def __init__(self, section: ProgramStartingModel) -> None:
        self.section = section
        self.tokenizer = make_program_tokenizer(section.architecture.context)
        self.asked = lesson_functions(section)
        requests = [asked.request() for asked in self.asked]
        check_encodable(self.tokenizer, requests)
        check_encodable(self.tokenizer, (asked.python() for asked in self.asked))
        self._prompts = [prompt_ids(self.tokenizer, user=request) for request in requests]

    def draw(self, count: int, rng: Random) -> list[Lesson]:
        """Lessons of the train split."""
        chosen = rng.choices(range(len(self.asked)), k=count)
        largest = self.section.problems.largest
        responses = [lesson(self.asked[at], draw_quality(self.section, rng), largest, rng) for at in chosen]
        return make_lessons(self.tokenizer, [self._prompts[at] for at in chosen], responses)

    def held_out(self, model: PreTrainedModel) -> dict:
        """By temperature: `accuracy`, `pass_rate` and `bug`, as the metrics of these names, and lengths."""
        section = self.section
        rows = toy_programs(
            split="benchmark", size=section.held_out_problems, seed=section.seed, problems=section.problems
        )
        problems = [
            Problem(str(at), [], Gold((row["answer"],)), {}, "unit_tests") for at, row in enumerate(rows)
        ]

        def judged(asked: list[int], texts: list[str]) -> dict:
            verdicts = judge_all(texts, [problems[at] for at in asked])
            kinds = [rows[at]["category"] for at in asked]
            rates = [verdict.measured["pass_rate"] for verdict in verdicts]
            bugs = [1 - verdict.measured["runs"] for verdict in verdicts]
            return {
                "accuracy": mean(verdict.verdict == "correct" for verdict in verdicts),
                "pass_rate": mean(rates),
                "pass_rate_by_category": means_by(kinds, rates),
                "bug": mean(bugs),
                "bug_by_category": means_by(kinds, bugs),
            }

        prompts = [prompt_ids(self.tokenizer, user=row["problem"]) for row in rows]
        return held_out_report(model, self.tokenizer, section, prompts, judged)


def lesson_functions(section: ProgramStartingModel) -> list[Function]:
    """The pool of functions, from the train split only; easy ones repeat themselves."""
    return list(itertools.islice(stream(section.problems, "train", section.seed), section.pool_size))
