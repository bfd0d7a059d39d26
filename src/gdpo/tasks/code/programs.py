"""The program of a response."""

from gdpo.tasks.reasoning import after_reasoning

FENCE = "```"
_PYTHON = ("python", "python3", "py")


def program_of(response: str) -> str | None:
    """The last block of Python after the reasoning, without its fences; None where there is none.

    A block that names no language counts where no block says that it is Python. One that is not closed is
    none: the response was cut. Lines are indented less where all are indented as
    their fence is, as in a list.
    """
    named, bare = None, None
    language, lines, indent = None, [], 0
    for line in after_reasoning(response).replace("\r\n", "\n").split("\n"):
        text = line.strip()
        if language is None and text.startswith(FENCE):
            language, lines = text[len(FENCE) :].strip().lower(), []
            indent = _indent(line)
        elif language is not None and text == FENCE:
            block = _outdented(lines, indent)
            if language in _PYTHON:
                named = block
            elif not language:
                bare = block
            language = None
        elif language is not None:
            lines.append(line)
    found = bare if named is None else named
    return found if found and found.strip() else None


def _outdented(lines: list[str], most: int) -> str:
    common = min([most, *(_indent(line) for line in lines if line.strip())])
    return "\n".join(line[common:] for line in lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
