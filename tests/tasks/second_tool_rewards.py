"""The tool rewards once more, written from the paper's words alone: positions instead of patterns, exact
fractions, and the best of all assignments looked for call by call."""

import json
from fractions import Fraction

TAGS = {part: (f"<{part}>", f"</{part}>") for part in ("think", "tool_call", "response")}


def format_reward(response: str, gold: str) -> int:
    """Think, newline, then exactly the gold's parts in that order, each tag once."""
    wanted = ["think"] + [part for part in ("tool_call", "response") if TAGS[part][0] in gold]
    rest = response.strip()
    for part, (opening, closing) in TAGS.items():
        times = 1 if part in wanted else 0
        if rest.count(opening) != times or rest.count(closing) != times:
            return 0
    for number, part in enumerate(wanted):
        opening, closing = TAGS[part]
        if not rest.startswith(opening):
            return 0
        inner, found, rest = rest[len(opening) :].partition(closing)
        if not found:
            return 0
        if part == "tool_call" and not (len(inner) > 1 and inner[0] == inner[-1] == "\n"):
            return 0
        if number + 1 < len(wanted):
            if not rest.startswith("\n"):
                return 0
            rest = rest[1:]
    return 1 if rest == "" else 0


def correctness_reward(response: str, gold: str) -> float:
    """-3 to 3; 0 where the gold has no tool call."""
    if "<tool_call>" not in gold:
        return 0.0
    wanted = [
        json.loads(line) for line in gold.split("<tool_call>")[1].split("</tool_call>")[0].split("\n") if line
    ]
    start = response.find("<tool_call>")
    if start < 0 or "</tool_call>" not in response:
        return -3.0
    body = response[start + len("<tool_call>") :]
    end = min(i for i in (body.find("</tool_call>"), body.find("<tool_call>"), len(body)) if i >= 0)
    try:
        given = [json.loads(line) for line in body[:end].strip().split("\n")]
        if given == wanted:
            return 3.0
        points = overlap([c["name"] for c in wanted], [c["name"] for c in given])
        taken: list[int] = []
        for call in wanted:
            best, who = Fraction(0), None
            for i, other in enumerate(given):
                if i in taken or other["name"] != call["name"]:
                    continue
                one, two = call["parameters"], other["parameters"]
                value = overlap(list(one), list(two.keys()))
                for key in one:
                    if key in two and two[key] == one[key]:
                        value += 1
                if value > best:
                    best, who = value, i
            if who is not None:
                taken.append(who)
                points += best
    except Exception:
        return -3.0
    most = 1 + sum(1 + len(call["parameters"]) for call in wanted)
    return float(6 * points / most - 3)


def overlap(one: list, other: list) -> Fraction:
    """Intersection over union with counts."""
    if not one and not other:
        return Fraction(1)
    left, common = list(other), 0
    for item in one:
        hash(item)
        if item in left:
            left.remove(item)
            common += 1
    for item in other:
        hash(item)
    return Fraction(common, len(one) + len(other) - common)
