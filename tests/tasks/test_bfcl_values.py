"""Values of Java and JavaScript: against the leaderboard's converters, and by hand."""

import random

import pytest
from bfcl_package import needs_package, own

from gdpo.tasks.tool_calling import java_values, javascript_values
from gdpo.tasks.tool_calling.java_values import read_java
from gdpo.tasks.tool_calling.javascript_values import read_javascript

JAVA = [
    "new ", "new  ", "ArrayList<String>", "ArrayList<>", "(Arrays.asList(", "))", ")", "(", "()", " {{", "{",
    "}}", "}", " ", "\n", "add(", '"a"', "'c'", ", ", ",", "1", "2L", "3f", "-4.5", "1e3", "true", "false",
    'put("', '",', ";", "HashMap<", "String, Integer", ">", ">()", "int[]", "[]", "[", "]", "new int[]{",
    "new HashMap<>() {{", "new ArrayList<>() {{", "x", "\t", "new", "\u0663",
]  # fmt: skip
JAVASCRIPT = [
    "[", "[[", "]", "]]", "], [", "]\n,[", ",", ", ", " ", "\n", "'a'", '"b"', "1", "2.5", "true", "false",
    "x", "new Array(", "new Array([", "])", ")", "{", "}", "{}", ":", ": ", '"k"', "'k':", "k: ", "3n", "-1",
    "1_0", "nan", '""', '"', "'",
]  # fmt: skip
OPENINGS = {
    "Array": ["new int[]{"],
    "ArrayList": ["new ArrayList<String>(Arrays.asList(", "new ArrayList<>() {{"],
    "HashMap": ['new HashMap<>() {{ put("'],
    "array": ["[[", "[", "new Array(["],
    "dict": ["{"],
}


def made_text(pieces: list[str], kind: str, rng: random.Random) -> str:
    opening = rng.choice([*OPENINGS.get(kind, []), ""])
    return opening + "".join(rng.choices(pieces, k=rng.choice([1, 3, 6, 12, 20])))


def outcome(read, *given) -> str:
    try:
        return repr(read(*given))
    except (ValueError, NotImplementedError):
        return "raises"


@needs_package
@pytest.mark.parametrize("language", ["java", "javascript"])
def test_texts_of_any_kind_are_read_as_their_converter_reads_them(language):
    own()
    from bfcl_eval.eval_checker.ast_eval.type_convertor import java_type_converter, js_type_converter

    java = (JAVA, read_java, java_type_converter.java_type_converter, java_values)
    javascript = (JAVASCRIPT, read_javascript, js_type_converter.js_type_converter, javascript_values)
    pieces, ours, theirs, module = {"java": java, "javascript": javascript}[language]
    kinds = [*module.PYTHON_TYPES, *sorted(set(module.PYTHON_TYPES) & set(OPENINGS))]  # collections twice
    rng, read, raised = random.Random(f"{language} 0"), 0, 0
    for _ in range(20_000):
        kind = rng.choice(kinds)
        elements = rng.choice([*kinds, None]) if kind in module.LISTS else None
        text = made_text(pieces, kind, rng)
        expected = outcome(theirs, text, kind, elements)
        assert outcome(ours, text, kind, elements) == expected, (text, kind, elements)
        read += expected[0] not in "'\"r"
        raised += expected == "raises"
    assert read > 1500
    assert (raised > 500) is (language == "java")


@pytest.mark.parametrize(
    ("text", "kind", "elements", "value"),
    [
        ("12", "integer", None, 12),
        ("12.0", "integer", None, "12.0"),
        ("12L", "long", None, 12),
        ("12", "long", None, "12"),
        ("1.5f", "float", None, 1.5),
        ("1.5", "float", None, "1.5"),
        ("1.5", "double", None, 1.5),
        ("true", "boolean", None, True),
        ("True", "boolean", None, "True"),
        ("12", "any", None, "12"),
        ("new int[]{1, 2}", "Array", "integer", [1, 2]),
        ('new String[]{"a"}', "Array", "String", ['"a"']),
        ('new ArrayList<String>(Arrays.asList("a", "b"))', "ArrayList", "String", ["a", "b"]),
        ("new ArrayList<Long>() {{ add(1L); add(2L); }}", "ArrayList", "long", [1, 2]),
        ("new ArrayList<>()", "ArrayList", "long", []),
        ("List.of(1)", "ArrayList", "integer", "List.of(1)"),
        ('new HashMap<>() {{ put("a", 1); put("b", "x"); }}', "HashMap", None, {"a": 1, "b": "x"}),
        ("new HashMap<String, Long>()", "HashMap", None, {}),
    ],
)
def test_a_value_of_java(text, kind, elements, value):
    found = read_java(text, kind, elements)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("kind", ["Set", "Queue", "Stack", "Hashtable"])
def test_a_type_that_their_converter_lacks_is_an_error(kind):
    with pytest.raises(ValueError, match=kind):
        read_java("x", kind)


@pytest.mark.parametrize(
    ("text", "kind", "elements", "value"),
    [
        ("'a'", "String", None, "a"),
        ("a", "String", None, "a"),
        ("12", "integer", None, 12),
        ("12n", "Bigint", None, 12),
        ("1.5", "float", None, 1.5),
        ("false", "Boolean", None, False),
        ("[1, 2]", "array", "integer", [1, 2]),
        ("['a', \"b\"]", "array", "String", ["a", "b"]),
        ("new Array(1, 2)", "array", "integer", [1, 2]),
        ("[[1, 2], ['a']]", "array", "array", [[1, 2], ["a"]]),
        ("[]", "array", "String", []),
        ("x", "array", "String", "x"),
        ("{}", "dict", None, {}),
        ("{a: 1, 'b': [1, 2], c: true}", "dict", None, {"a": 1, "b": [1, 2], "c": True}),
        ("x", "dict", None, "x"),
    ],
)
def test_a_value_of_javascript(text, kind, elements, value):
    found = read_javascript(text, kind, elements)
    assert (found, type(found)) == (value, type(value))
