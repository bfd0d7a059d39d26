"""The tool-calling model's curriculum: requests to a few tools, answers of varied quality."""

import itertools
from random import Random

from transformers import PreTrainedModel

from gdpo.config.tool_starting_model import ToolStartingModel
from gdpo.data.toy_tools import Request, stream, toy_tools
from gdpo.starting_model.curriculum import Lesson, make_lessons, prompt_ids
from gdpo.starting_model.measure import held_out_report, mean, means_by
from gdpo.starting_model.tokenizer import check_encodable
from gdpo.starting_model.tool_lessons import draw_quality, lesson
from gdpo.starting_model.tool_tokenizer import make_tool_tokenizer
from gdpo.tasks.tool_calling.calls import correctness_score, form_score


class ToolCalls:
    """A :class:`gdpo.starting_model.curriculum.Curriculum`; a request gets another answer each time."""

    def __init__(self, section: ToolStartingModel) -> None:
        self.section = section
        self.tokenizer = make_tool_tokenizer(section.architecture.context)
        self.requests = lesson_requests(section)
        check_encodable(self.tokenizer, (f"{r.context}\n{r.problem}\n{r.answer}" for r in self.requests))
        self._prompts = [prompt_ids(self.tokenizer, system=r.context, user=r.problem) for r in self.requests]

    def draw(self, count: int, rng: Random) -> list[Lesson]:
        """Lessons of the train split."""
        chosen = rng.choices(range(len(self.requests)), k=count)
        largest = self.section.requests.largest
        responses = [
            lesson(self.requests[at], draw_quality(self.section, rng), largest, rng) for at in chosen
        ]
        return make_lessons(self.tokenizer, [self._prompts[at] for at in chosen], responses)

    def held_out(self, model: PreTrainedModel) -> dict:
        """By temperature: `well_formed` (share), `correctness` (mean reward), both by category, lengths."""
        section = self.section
        rows = toy_tools(
            split="benchmark", size=section.held_out_problems, seed=section.seed, requests=section.requests
        )

        def judged(asked: list[int], texts: list[str]) -> dict:
            answers = [(text, rows[at]["answer"]) for at, text in zip(asked, texts, strict=True)]
            kinds = [rows[at]["category"] for at in asked]
            form = [form_score(*answer) for answer in answers]
            correctness = [correctness_score(*answer) for answer in answers]
            return {
                "well_formed": mean(form),
                "well_formed_by_category": means_by(kinds, form),
                "correctness": mean(correctness),
                "correctness_by_category": means_by(kinds, correctness),
            }

        prompts = [prompt_ids(self.tokenizer, system=row["context"], user=row["problem"]) for row in rows]
        return held_out_report(model, self.tokenizer, section, prompts, judged)


def lesson_requests(section: ToolStartingModel) -> list[Request]:
    """The pool of requests, from the train split only; easy ones repeat themselves."""
    return list(itertools.islice(stream(section.requests, "train", section.seed), section.pool_size))
