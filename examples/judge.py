"""A reward that asks an LLM judge behind an OpenAI-compatible address (vLLM, SGLang, llama.cpp, OpenAI).

In the experiment:

    plugins: [examples/judge.py]
    rewards:
      judge:
        weight: 0.5
        options: {address: "http://localhost:8000/v1", model: Qwen/Qwen3-8B, when_down: skip}

A key, where the server wants one, is in the environment variable JUDGE_API_KEY (or in .env), not in a config.
Needs the package ``openai``, which vLLM brings.
"""

import asyncio
import os
import re
import ssl
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, NonNegativeInt, PositiveFloat

from gdpo.plugins import reward
from gdpo.plugins.calling import seconds_allowed
from gdpo.rewards import Response
from gdpo.tasks import after_reasoning

KEY = "JUDGE_API_KEY"
"""Environment variable with the key."""
OF_THE_LIMIT = 0.9
"""Share of the time limit of a reward's call that all tries together may take; then the judge is down."""
QUESTION = """Rate how clearly the answer to a problem is explained, whether or not it is right.

Problem:
{problem}

Answer:
{answer}

Reply with one number from 0 (not at all) to 10 (perfectly), and nothing else."""
FIELDS = ("{problem}", "{gold}", "{response}", "{answer}")
"""What a question may hold: the problem, the gold answers, the whole response, what follows its reasoning."""
_NUMBER = re.compile(r"(?:(?:score|rating)\s*[:=]?\s*)?(\d+(?:\.\d+)?)(?:\s*/\s*(\d+))?\.?", re.IGNORECASE)


class JudgeDown(RuntimeError):
    """The judge gives no score: it cannot be reached, is too slow, fails, or replies with no number."""


class JudgeRefuses(RuntimeError):
    """The judge does not take the key or does not know the model, which no waiting mends."""


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise ValueError(f"must hold no key; put it into the environment variable {KEY}")
    return value


def _question(value: str) -> str:
    if "{response}" not in value and "{answer}" not in value:
        raise ValueError(f"must hold {{response}} or {{answer}}; it may hold {', '.join(FIELDS)}")
    return value


@reward(range=(0, 1), optional=True)
async def judge(
    response: Response,
    *,
    address: Annotated[str, AfterValidator(_address)],
    model: str,
    question: Annotated[str, AfterValidator(_question)] = QUESTION,
    scale: Literal[1, 10] = 10,
    temperature: float | None = 0.0,
    timeout: PositiveFloat = 20.0,
    retries: NonNegativeInt = 2,
    when_down: Literal["stop", "skip"] = "stop",
) -> float | None:
    """The judge's score of a response over its scale: 0 to 1.

    Args:
        response: the response.
        address: base URL of the server.
        model: as the server names it.
        question: what is asked; see ``FIELDS``.
        scale: the highest score: the judge's replies are numbers from 0 to it.
        temperature: of the judge; None: the server's own, as some models take no other.
        timeout: seconds of one request.
        retries: further tries after a time-out, a refused connection, and codes 408, 409, 429 and 5xx, with
            growing waits, or as long as the server's Retry-After says.
        when_down: ``stop`` ends the training with an error; it goes on from its checkpoint when it is started
            again. ``skip`` gives this response no value, so that it neither gains nor loses by this reward;
            ``max_nonfinite_share`` of the method says how many of a batch may have none.

    Raises:
        JudgeDown: there is no score, and ``when_down`` is ``stop``.
        JudgeRefuses: codes 401, 403 and 404, whatever ``when_down`` is.
    """
    text = _filled(question, response)
    try:
        # Before the limit of a reward's call, which would end the training in both cases.
        async with asyncio.timeout(OF_THE_LIMIT * seconds_allowed()):
            return await _score(text, address, model, scale, temperature, timeout, retries)
    except TimeoutError:
        problem = f"no score within {OF_THE_LIMIT * seconds_allowed():g} s"
    except JudgeDown as error:
        problem = str(error)
    if when_down == "skip":
        return None
    # Not from the error: it may hold what the server sent back, and that the key.
    raise JudgeDown(
        f"the judge at {address} is down: {problem}; start it, then the training again, which goes on from "
        "its checkpoint"
    ) from None


async def _score(
    text: str, address: str, model: str, scale: int, temperature: float | None, timeout: float, retries: int
) -> float:
    openai = _openai()
    settings = {} if temperature is None else {"temperature": temperature}
    http = openai.DefaultAsyncHttpxClient(verify=_certificates())
    key = os.environ.get(KEY) or "none"
    # A client a call: a training asks in a new event loop each step, and a client belongs to one.
    async with openai.AsyncOpenAI(
        base_url=address, api_key=key, timeout=timeout, max_retries=retries, http_client=http
    ) as client:
        for _ in range(2):
            reply = await _ask(openai, client, model, text, settings)
            if (number := _number(reply, scale)) is not None:
                return number / scale
    raise JudgeDown(f"it replied twice with no number from 0 to {scale}, but with {reply[:40]!a}")


async def _ask(openai: Any, client: Any, model: str, text: str, settings: dict[str, Any]) -> str:
    messages = [{"role": "user", "content": text}]
    try:
        done = await client.chat.completions.create(model=model, messages=messages, **settings)
        return done.choices[0].message.content or ""
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
        raise JudgeRefuses(
            f"the judge refuses (code {error.status_code}); check {KEY}, model ({model}) and address"
        ) from None
    except openai.APIStatusError as error:
        raise JudgeDown(f"code {error.status_code}") from None
    except openai.APITimeoutError:
        raise JudgeDown(f"no reply within {client.timeout:g} s") from None
    except openai.APIConnectionError:
        raise JudgeDown("no connection") from None
    except (openai.OpenAIError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise JudgeDown(f"a reply that is no chat completion ({type(error).__name__})") from None


def _number(reply: str, scale: int) -> float | None:
    """The score of a reply that is one number and nothing else, reasoning aside: ``7``, ``Score: 7/10``."""
    found = _NUMBER.fullmatch(after_reasoning(reply).replace("*", "").strip())
    if found is None or (found[2] and int(found[2]) != scale) or float(found[1]) > scale:
        return None
    return float(found[1])


def _filled(question: str, response: Response) -> str:
    """In one go: a response that holds ``{gold}`` itself is not told the answer."""
    answer = after_reasoning(response.text).strip()
    golds = " or ".join(response.problem.gold.answers)
    values = dict(zip(FIELDS, (response.problem.question, golds, response.text, answer), strict=True))
    return re.sub("|".join(map(re.escape, FIELDS)), lambda field: values[field[0]], question)


def _openai() -> Any:
    try:
        import openai
    except ImportError:
        raise RuntimeError("the judge needs the package openai: pip install openai") from None
    return openai


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes 20 ms."""
    return ssl.create_default_context()
