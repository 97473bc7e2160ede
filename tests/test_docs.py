"""The documentation: every link leads somewhere.

`make site` builds a site of it with mkdocs, strictly; that needs requirements-docs.txt.
"""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    for target in _targets(page):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_front_page_leads_to_every_page() -> None:
    front = DOCS / "README.md"
    assert {DOCS / target for target in _targets(front)} == set(PAGES) - {front}


def _targets(page: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
