"""A task of your own: how a row of a dataset becomes a prompt and a gold answer.

In the experiment, at the datasets whose rows it reads:

    plugins: [FILE]
    datasets:
      <name>: {task: NAME}
"""

from gdpo.plugins import task
from gdpo.tasks import Asked, Row, RowError

SYSTEM = r"Reason first. Then answer within \boxed{}, in words of the text alone."


# Who judges: a registered grader; of your own, put @grader into this file (docs/extending.md).
@task(grader="math")
def NAME(row: Row) -> Asked:
    """A question about a text, which the dataset has as its context."""
    question, text = (str(value or "").strip() for value in (row.problem, row.context))
    answer = str(row.answer or "").strip()
    if not question or not answer:
        raise RowError("no question or no answer")  # left out, and counted with this reason
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{text}\n\n{question}".strip()},
    ]
    # The text tells problems apart; without messages it is asked with the problem set's suffix.
    return Asked(question, [answer], "text", messages=messages)
