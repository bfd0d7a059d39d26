"""A key that came later, at its default, is not written: an update trains no finished run again."""

from pydantic import BaseModel

from gdpo.config.base import later, written


class Inner(BaseModel):
    old: int = 1
    young: int = later(0, ge=0)


class Outer(BaseModel):
    inner: Inner = Inner()
    named: dict[str, Inner] = {}
    several: list[Inner] = []
    young: str | None = later(None)


def test_a_later_key_at_its_default_is_left_out_at_any_depth():
    section = Outer(named={"a": Inner()}, several=[Inner()])
    assert written(section) == {"inner": {"old": 1}, "named": {"a": {"old": 1}}, "several": [{"old": 1}]}


def test_another_value_is_written():
    section = Outer(inner=Inner(young=2), named={"a": Inner(young=3)}, young="x")
    assert written(section) == {
        "inner": {"old": 1, "young": 2},
        "named": {"a": {"old": 1, "young": 3}},
        "several": [],
        "young": "x",
    }
    assert Outer.model_validate(written(section)) == section


def test_limits_hold_and_the_schema_is_clean():
    assert Inner.model_json_schema()["properties"]["young"] == {
        "default": 0,
        "minimum": 0,
        "title": "Young",
        "type": "integer",
    }
