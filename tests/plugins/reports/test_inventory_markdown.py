"""The inventory as Markdown, read by markdown-it (CommonMark and GitHub's tables)."""

import itertools
from collections.abc import Callable

from markdown_it import MarkdownIt

from analyzer.text import show
from plugins.reports.inventory_markdown import inventory_markdown
from tests.plugins.reports import case
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written


def cells(text: str) -> list[str]:
    """The texts of all table cells, as a reader of the page sees them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    found = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "td_open":
            assert all(child.type in ("text", "text_special") for child in token.children or [])
            found.append("".join(child.content for child in token.children or []))
    return found


def test_it_names_every_machine_and_image(tables: FakeTables) -> None:
    text = written(inventory_markdown, tables).decode()
    found = cells(text)
    for wanted in (case.IMAGE, "web-frontend", case.WEB, "C:\\VHD\\web_B7.avhd", "sql-prod",
                   "2008-09-01T12:00:05.1234567Z", "dangling link"):
        assert wanted in found
    assert "## HV01" in text
    assert text.endswith("Problems: 3. Places not read: 1 partial, 1 unreadable.\n")


def test_evidence_text_is_only_text(named: Callable[[str], FakeTables],
                                    hostile_name: str) -> None:
    text = written(inventory_markdown, named(hostile_name)).decode()
    assert "\x1b" not in text
    assert len(cells(text)) == 6 + 5 * 10
    assert show(f"{hostile_name}web-frontend").strip() in cells(text)
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert not any(tag in page for tag in ("<script", "<img", "<svg", "<a ", "<em>", "<code>"))


def test_no_dollar_and_no_address_begins_anything(named: Callable[[str], FakeTables]) -> None:
    """Formulas are GitHub's and GitLab's, addresses without a scheme are links on both."""
    name = "$Recycle.Bin$ www.evil.example "
    text = written(inventory_markdown, named(name)).decode()
    assert f"{name}web-frontend" in cells(text)
    assert text.count("$") == text.count("\\$") > 0
    assert "www." not in text
