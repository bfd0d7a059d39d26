"""The config reference page is generated, complete and current."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from gdpo.config.base import Section
from gdpo.config.reference import SECTIONS, SITE_SECTIONS, defaults, reference, schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "config" / "README.md"


def test_the_page_is_current():
    assert PAGE.read_text() == reference(), "run: gdpo reference > config/README.md"


def test_the_schema_is_current_and_accepts_the_demo():
    written = json.loads((ROOT / "workflow" / "schemas" / "experiment.schema.json").read_text())
    assert written == schema(), "run: gdpo schema > workflow/schemas/..."
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    for path in [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config" / "recipes").rglob("*.yaml")]:
        jsonschema.validate(yaml.safe_load(path.read_text()), written)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(demo | {"trainig": {}}, written)


def test_the_commented_defaults_are_current():
    assert (ROOT / "docs" / "defaults.yaml").read_text() == defaults(), (
        "run: gdpo defaults > docs/defaults.yaml"
    )


def test_every_section_is_on_the_page():
    def below(section):
        return {section}.union(*map(below, section.__subclasses__()))

    # Not in experiments: what they share, what they resolve to, and published figures.
    written = {
        s
        for s in below(Section)
        if s.__module__.startswith("gdpo.")  # other tests make sections of their own
        and s.__name__
        not in ("Section", "Mix", "Pretraining", "RewardsConfig", "RunConfig", "PublishedTable")
    }
    assert written == {*SECTIONS.values(), *SITE_SECTIONS.values()}


def test_every_key_has_help():
    for key, model in (SECTIONS | SITE_SECTIONS).items():
        for name, field in model.model_fields.items():
            assert field.description, f"{key}: {name}"
