"""Calls for the leaderboard's problems: its possible answers, and what a model may make of them."""

import copy
import json
import random
from typing import Any

LEFT_OUT = ""
Calls = list[dict[str, Any]]
"""As they stand in a response: name and parameters."""


def possible_calls(entry: dict, answer: dict, pick: str) -> Calls:
    """One combination of possible values.

    Args:
        entry: a problem.
        answer: its possible answers.
        pick: the ``first`` or ``last`` possible values; ``few``: the last, without what may be left out.
    """
    functions = {function["name"]: function for function in entry["function"]}
    calls = []
    for possible in answer["ground_truth"]:
        ((name, values),) = possible.items()
        properties = functions[name]["parameters"]["properties"]
        given = {
            p: filled(v, pick) for p, these in values.items() if (v := picked(these, pick)) is not LEFT_OUT
        }
        if entry["id"].startswith("simple_java"):
            write = javascript if "javascript" in entry["id"] else java
            given = {p: write(value, properties.get(p, {})) for p, value in given.items()}
        calls.append({"name": name, "parameters": given})
    return calls


def picked(values: Any, pick: str) -> Any:
    """One of a parameter's possible values."""
    there = [value for value in values if value != LEFT_OUT]
    if not there or (pick == "few" and LEFT_OUT in values):
        return LEFT_OUT
    return there[0 if pick == "first" else -1]


def filled(value: Any, pick: str) -> Any:
    """A possible value with one value a key of its mappings, which are no deeper."""
    if isinstance(value, dict):
        return {k: one for k, these in value.items() if (one := picked(these, pick)) is not LEFT_OUT}
    if isinstance(value, list):
        return [filled(item, pick) if isinstance(item, dict) else item for item in value]
    return value


def java(value: Any, parameter: dict) -> str:
    """A value in Java's spelling."""
    kind, inner = parameter.get("type"), parameter.get("items", {}).get("type")
    if isinstance(value, bool):
        return str(value).lower()
    if kind == "ArrayList" and isinstance(value, list):
        items = [
            f'"{item}"' if inner in ("String", "char") else java(item, {"type": inner}) for item in value
        ]
        return f"new ArrayList<String>(Arrays.asList({', '.join(items)}))"
    if kind == "Array" and isinstance(value, list):
        return f"new {inner}[]{{{', '.join(java(item, {'type': inner}) for item in value)}}}"
    if kind == "HashMap" and isinstance(value, dict):
        puts = [f'put("{k}", {quoted(v)});' for k, v in value.items()]
        return f"new HashMap<String, Object>() {{{{ {' '.join(puts)} }}}}"
    suffix = {"long": "L", "float": "f"}.get(kind, "") if isinstance(value, (int, float)) else ""
    return f"{value}{suffix}"


def javascript(value: Any, parameter: dict) -> str:
    """A value in JavaScript's spelling."""
    kind = parameter.get("type")
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value)
    return f"{value}n" if kind == "Bigint" else f"{value}"


def quoted(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (str, bool)) else str(value)


def mutated(calls: Calls, rng: random.Random) -> tuple[str, Calls]:
    """Calls with one thing changed, and the name of the change."""
    name = rng.choice(sorted(CHANGES))
    changed = copy.deepcopy(calls)
    CHANGES[name](changed, rng)
    return name, changed


def one_value(calls: Calls, rng: random.Random, change) -> None:
    """Change a value, at the top or within a list or mapping."""
    with_any = [call["parameters"] for call in calls if call["parameters"]]
    if not with_any:
        return
    place: Any = rng.choice(with_any)
    key = rng.choice(sorted(place))
    while isinstance(place[key], (list, dict)) and place[key] and rng.random() < 0.7:
        place = place[key]
        key = rng.randrange(len(place)) if isinstance(place, list) else rng.choice(sorted(place))
    place[key] = change(place[key], rng)


def _text(value: Any, rng: random.Random) -> Any:
    return str(value) if not isinstance(value, str) else _number(value)


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return len(text)


def _spelled(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, str):
        return value
    marks = [" ", ",", ".", "/", "-", "_", "*", "^", "'", '"', "!", "\n", ";", "(", ")", "]", "}", "é"]
    how = rng.randrange(5)
    if how == 0:
        return value.swapcase()
    if how == 1:
        return "".join(c for c in value if c.isalnum())
    if how == 2:
        return value.replace(" ", "").replace('"', "'")
    at = rng.randrange(len(value) + 1)
    return value[:at] + rng.choice(marks) + value[at:] if how == 3 else value[:at] + value[at + 1 :]


def _near(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return rng.choice([not value, int(value), str(value)])
    if isinstance(value, (int, float)):
        return rng.choice([value + 1, -value, float(value), value * 10, value == 1, float("nan"), 10**400])
    if isinstance(value, list):
        return rng.choice([value[::-1], value[1:], value + value[:1], tuple(value), [value], {}, []])
    if isinstance(value, dict):
        return rng.choice([{}, {**value, "more": 1}, dict(list(value.items())[1:]), [value], list(value)])
    return rng.choice(["", [value], {"x": value}, None, f"{value}x", True, 1.5])


def _other(value: Any, rng: random.Random) -> Any:
    return rng.choice(
        [None, True, 0, 1.0, "", "x", [], [1, "a"], {}, {"a": [1]}, [[1]], [{"a": 1}], float("inf")]
    )


def _reformatted(value: Any, rng: random.Random) -> Any:
    """Other spaces, brackets, quotes and suffixes, as Java and JavaScript have them."""
    if not isinstance(value, str):
        return value
    pairs = [
        (", ", ","), (",", " , "), ("{{", "{ {"), ("{{", "{"), ("}}", "} }"), ("}}", "}"), ("(", "( "),
        ("[", "[ "), ("]", "\n]"), ("]", "]]"), ("[", "[["), ('"', "'"), ("'", '"'), ("<String>", "<>"),
        ("asList", "of"), ("new ", "new  "), ("L", ""), ("true", "True"), ("Array", "List"), (": ", ":"),
        (":", " : "), ("{", "{ "), (");", ")"), ('put("', 'put( "'), ("String", "Object"), (" ", "\n"),
        ("}", ""), (")", ""),
    ]  # fmt: skip
    fitting = [pair for pair in pairs if pair[0] in value]
    if not fitting:
        text = value.strip()
        return rng.choice(
            [f"{text}L", f"{text}f", f"{text}n", f"{text}\n", f" {text}", f"[{text}]", f'"{text}"']
        )
    old, new = rng.choice(fitting)
    return value.replace(old, new, rng.choice([1, -1]))


def _drop_parameter(calls: Calls, rng: random.Random) -> None:
    given = rng.choice(calls)["parameters"]
    if given:
        del given[rng.choice(sorted(given))]


def _add_parameter(calls: Calls, rng: random.Random) -> None:
    given = rng.choice(calls)["parameters"]
    given[rng.choice(["extra", "format", "name"])] = rng.choice(["x", 1, None, []])


def _rename_parameter(calls: Calls, rng: random.Random) -> None:
    given = rng.choice(calls)["parameters"]
    if given:
        key = rng.choice(sorted(given))
        given[key.upper()] = given.pop(key)


def _rename(calls: Calls, rng: random.Random) -> None:
    call = rng.choice(calls)
    call["name"] = rng.choice(
        [call["name"].replace(".", "_"), call["name"].upper(), call["name"] + "2", "", "None"]
    )


def _no_mapping(calls: Calls, rng: random.Random) -> None:
    rng.choice(calls)["parameters"] = rng.choice([[], None, "x", [{"a": 1}], 3])


CHANGES = {
    "type": lambda calls, rng: one_value(calls, rng, _text),
    "spelling": lambda calls, rng: one_value(calls, rng, _spelled),
    "near": lambda calls, rng: one_value(calls, rng, _near),
    "other": lambda calls, rng: one_value(calls, rng, _other),
    "reformatted": lambda calls, rng: one_value(calls, rng, _reformatted),
    "parameter left out": _drop_parameter,
    "parameter added": _add_parameter,
    "parameter renamed": _rename_parameter,
    "function renamed": _rename,
    "arguments no mapping": _no_mapping,
    "order": lambda calls, rng: rng.shuffle(calls),
    "doubled": lambda calls, rng: calls.append(copy.deepcopy(rng.choice(calls))),
    "left out": lambda calls, rng: calls.pop(rng.randrange(len(calls))),
    "another's values": lambda calls, rng: calls[0].update(parameters=calls[-1]["parameters"]),
}
"""Name of a change -> what makes it, in place."""
