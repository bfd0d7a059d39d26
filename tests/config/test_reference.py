"""The config reference page is generated, complete and current."""

from pathlib import Path

from gdpo.config.base import Section
from gdpo.config.reference import SECTIONS, reference

PAGE = Path(__file__).parents[2] / "config" / "README.md"


def test_the_page_is_current():
    assert PAGE.read_text() == reference(), "run: gdpo reference > config/README.md"


def test_every_section_is_on_the_page():
    def below(section):
        return {section}.union(*map(below, section.__subclasses__()))

    # RunConfig and its base are what experiments resolve to, not what users write.
    written = {s for s in below(Section) if s.__name__ not in ("Section", "RewardsConfig", "RunConfig")}
    assert written == set(SECTIONS.values())


def test_every_key_has_help():
    for key, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            assert field.description, f"{key}: {name}"
