"""The example of an LLM judge against a real HTTP server: right, slow, failing, refusing and silly ones."""

import json
import math
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gdpo.plugins import REWARDS
from gdpo.plugins.calling import SECONDS_VARIABLE
from gdpo.plugins.loading import load
from gdpo.plugins.options import options_model
from gdpo.rewards import RewardError, Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem

FILE = str(Path(__file__).parents[2] / "examples" / "judge.py")
KEY = "sk-very-secret-0123456789"
TWO = Problem("two", [{"role": "user", "content": "What is 1+1?"}], Gold(("2",)), {"id": "two"})


def completion(content: str | None) -> dict:
    """A reply as the API of chat completions has it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "judge", "choices": [choice]}


class Server(ThreadingHTTPServer):
    """Answers POST /v1/chat/completions by ``answer(number of the request, its body)``."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.requests, self.times, self.lock = answer, [], [], threading.Lock()
        self.running = self.most = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        """A client that gave up is no error of the test."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.path, headers, body))
            server.times.append(time.monotonic())
            number = len(server.requests)
            server.running += 1
            server.most = max(server.most, server.running)
        try:
            status, headers, content = server.answer(number, self)
        finally:
            with server.lock:
                server.running -= 1
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Starts a server with an answer, and has the judge loaded and its key set."""
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(SECONDS_VARIABLE, "20")
    load([FILE])
    servers = []

    def start(answer) -> Server:
        server = Server(answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
    load([])


def says(*contents):
    """Replies in turn; the last one again and again."""
    return lambda number, request: (200, {}, completion(contents[min(number, len(contents)) - 1]))


def score(address: str, *texts: str, **options) -> list[float]:
    given = {"address": address, "model": "judge", "timeout": 5.0, "retries": 2} | options
    scorer = Scorer({"mine": RewardSpec("judge", 1.0, given)})
    texts = texts or (r"<think>1+1</think>It is \boxed{2}",)
    return [each["mine"] for each in scorer(texts, [[0]] * len(texts), [TWO] * len(texts))]


def test_the_score_is_asked_for_with_problem_and_answer(serve):
    server = serve(says("7"))
    assert score(server.address) == [0.7]
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions" and headers["authorization"] == f"Bearer {KEY}"
    assert body["model"] == "judge" and body["temperature"] == 0
    (message,) = body["messages"]
    assert "What is 1+1?" in message["content"] and r"It is \boxed{2}" in message["content"]
    assert "<think>" not in message["content"] and "{" not in message["content"].replace(r"\boxed{2}", "")


def test_a_question_of_ones_own_is_filled_once(serve):
    server = serve(says("1"))
    question = r"{gold}|{response}|{answer}|\boxed{}"
    text = "<think>x</think>{gold} {problem}"
    assert score(server.address, text, question=question, scale=1, temperature=None) == [1.0]
    body = server.requests[0][2]
    assert body["messages"][0]["content"] == rf"2|{text}|{{gold}} {{problem}}|\boxed{{}}"
    assert "temperature" not in body


@pytest.mark.parametrize(
    ("reply", "scale", "value"),
    [
        ("10", 10, 1.0),
        (" 7.5\n", 10, 0.75),
        ("7/10", 10, 0.7),
        ("Score: 7", 10, 0.7),
        ("**Score:** 7", 10, 0.7),
        ("**7**", 10, 0.7),
        ("7.", 10, 0.7),
        ("0", 10, 0.0),
        ("0.25", 1, 0.25),
        ("1", 1, 1.0),
        ("<think>3 or 4?</think>\n\n4", 10, 0.4),
    ],
)
def test_a_number_is_read(serve, reply, scale, value):
    assert score(serve(says(reply)).address, scale=scale) == [value]


@pytest.mark.parametrize(
    ("reply", "scale"),
    [
        ("11", 10),
        ("-1", 10),
        ("7/100", 10),
        ("2", 1),
        ("7 out of 10", 10),
        ("between 6 and 8", 10),
        ("I give it a 7", 10),
        ("7 8", 10),
        ("seven", 10),
        ("", 10),
        (None, 10),
        ("<think>7", 10),
        ("nan", 10),
        ("1e1", 10),
    ],
)
def test_an_unreadable_reply_is_asked_for_again_once(serve, reply, scale):
    server = serve(says(reply))
    assert math.isnan(score(server.address, scale=scale, when_down="skip")[0])
    assert len(server.requests) == 2
    again = serve(says(reply, "1"))
    assert score(again.address, scale=scale) == [1 / scale] and len(again.requests) == 2


def test_an_unreadable_reply_stops_with_what_was_said(serve):
    server = serve(says("no idea"))
    with pytest.raises(RewardError, match="replied twice with no number from 0 to 10, but with 'no idea'"):
        score(server.address)


STOPS = "reward mine raised JudgeDown .*is down: .*start it, then the training again, which goes on from its"


def test_a_slow_judge_is_down(serve):
    release = threading.Event()

    def slow(number, request):
        release.wait(20)
        return 200, {}, completion("7")

    server = serve(slow)
    start = time.monotonic()
    with pytest.raises(RewardError, match=STOPS) as error:
        score(server.address, timeout=0.2, retries=1)
    assert "no reply within 0.2 s" in str(error.value) and len(server.requests) == 2
    assert math.isnan(score(server.address, timeout=0.2, retries=0, when_down="skip")[0])
    assert time.monotonic() - start < 8
    release.set()


def test_all_tries_together_stay_within_the_limit_of_a_call(serve, monkeypatch):
    monkeypatch.setenv(SECONDS_VARIABLE, "1")
    server = serve(lambda number, request: (429, {"Retry-After": "60"}, {}))
    start = time.monotonic()
    assert math.isnan(score(server.address, when_down="skip", retries=5)[0])
    with pytest.raises(RewardError, match="is down: no score within 0.9 s"):
        score(server.address, retries=5)
    assert time.monotonic() - start < 5


def test_it_waits_as_long_as_the_server_says(serve):
    def busy(number, request):
        return (429, {"Retry-After": "1"}, {}) if number == 1 else (200, {}, completion("9"))

    server = serve(busy)
    assert score(server.address) == [0.9]
    assert server.times[1] - server.times[0] >= 1


def test_a_server_that_fails_is_asked_until_retries_are_used_up(serve):
    server = serve(lambda number, request: (500, {}, {"error": "oops"}))
    with pytest.raises(RewardError, match=f"{STOPS}") as error:
        score(server.address, retries=2)
    assert "code 500" in str(error.value) and len(server.requests) == 3
    recovering = serve(lambda n, request: (503, {}, {}) if n < 3 else (200, {}, completion("5")))
    assert score(recovering.address, retries=2) == [0.5]


def test_a_refused_connection_is_down(serve):
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(RewardError, match=STOPS) as error:
            score(address, retries=0)
        assert address in str(error.value) and "no connection" in str(error.value)
        assert math.isnan(score(address, retries=0, when_down="skip")[0])


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"{}", b'{"choices": []}', b"[1]", b""])
def test_a_reply_that_is_no_completion_is_down(serve, content):
    server = serve(lambda number, request: (200, {}, content))
    assert math.isnan(score(server.address, when_down="skip")[0])
    with pytest.raises(RewardError, match=STOPS):
        score(server.address)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("when_down", ["stop", "skip"])
def test_a_wrong_key_or_model_stops_in_any_case(serve, status, when_down):
    # Some servers send back what they were sent.
    server = serve(lambda number, request: (status, {}, {"error": {"message": str(request.headers)}}))
    with pytest.raises(RewardError, match=rf"JudgeRefuses .*\(code {status}\); check JUDGE_API_KEY") as error:
        score(server.address, when_down=when_down)
    assert len(server.requests) == 1
    assert KEY not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("status", [400, 422, 429, 500])
def test_the_key_is_in_no_message(serve, status, capfd, caplog):
    server = serve(lambda number, request: (status, {}, {"error": {"message": str(request.headers)}}))
    with pytest.raises(RewardError) as error:
        score(server.address, retries=0)
    assert f"code {status}" in str(error.value)
    shown = capfd.readouterr()
    everything = "".join(traceback.format_exception(error.value)) + caplog.text + shown.out + shown.err
    assert KEY not in everything and server.requests[0][1]["authorization"].endswith(KEY)


def test_without_a_key_no_other_one_is_sent(serve, monkeypatch):
    monkeypatch.delenv("JUDGE_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = serve(says("7"))
    assert score(server.address) == [0.7]
    assert KEY not in str(server.requests)


def test_many_responses_are_asked_about_at_once_and_keep_their_order(serve):
    def slow(number, request):
        time.sleep(0.2)
        asked = server.requests[number - 1][2]["messages"][0]["content"]
        return 200, {}, completion(asked.split("#")[1])

    server = serve(slow)
    texts = [f"<think>x</think>#{i % 11}#" for i in range(100)]
    start = time.monotonic()
    assert score(server.address, *texts) == [(i % 11) / 10 for i in range(100)]
    assert time.monotonic() - start < 10, "one after the other takes 20 s"
    assert 32 < server.most <= 64
    assert score(server.address, *texts[:3]) == [0.0, 0.1, 0.2], "in the next step's event loop"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "localhost:8000"}, "must be an address as http://localhost:8000/v1"),
        ({"address": "http://me:secret@host/v1"}, "must hold no key"),
        ({"question": "How good is it?"}, r"must hold \{response\} or \{answer\}"),
        ({"timeout": 0}, "greater than 0"),
        ({"retries": -1}, "greater than or equal to 0"),
        ({"scale": 5}, "Input should be 1 or 10"),
        ({"when_down": "wait"}, "'stop' or 'skip'"),
        ({"api_key": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_options_are_checked_before_anything_runs(serve, options, message):
    model = options_model(REWARDS["judge"].function)
    good = {"address": "http://localhost:8000/v1", "model": "judge"}
    model(**good)
    with pytest.raises(ValueError, match=message):
        model(**good | options)


def test_without_the_package_it_says_what_to_install(serve, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(RewardError, match="the judge needs the package openai: pip install openai"):
        score("http://127.0.0.1:1/v1")
