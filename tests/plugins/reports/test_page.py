"""The HTML page: what it says, and that no evidence text changes what it is."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.reports.page import MACHINES, ROWS
from plugins.reports.report_html import report_html
from plugins.reports.source_line import stat_command
from tests.plugins.reports import case
from tests.plugins.reports.markup import Markup
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
TEMPLATES = Path(__file__).parents[3] / "plugins" / "reports" / "templates"
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def page(tables: FakeTables) -> str:
    return written(report_html, tables).decode()


def test_page_says_what_there_is(tables: FakeTables) -> None:
    text = Markup(page(tables)).text
    for wanted in ("HV01", "web-frontend", "sql-prod", "Before SP1 roll-up", "Present state",
                   "parent DEADBEEF-1111-4111-8111-111111111111 is not there",
                   "wants parent D:\\VMs\\sql.vhd", "42,949,672,960 bytes of virtual disks",
                   "Disk chains that no machine names", "STRAY", "WIN-7Q2X",
                   "9e107d9d372bb6826bd81d3542a419d6", "match", "VHD-PARENT", "VM-DELETED",
                   "1 place unreadable", "Volume p3 (BitLocker, 12.0 GiB): unsupported",
                   f"{len(tables.records['event'])} dated moments in timeline.csv",
                   "20 file names, 7 of them deleted"):
        assert wanted in text, wanted


def test_every_row_shows_its_source(tables: FakeTables) -> None:
    text = Markup(page(tables)).text
    for table in ("virtual_machine", "snapshot", "disk_layer", "vm_drive", "vm_network_adapter",
                  "vm_device", "system", "volume", "finding", "problem", "coverage", "evidence"):
        for row in tables.rows(table):
            assert stat_command(row) in text, table


@pytest.fixture(scope="module")
def plain(named: Named) -> Markup:
    """The page with a harmless name."""
    return Markup(page(named("x")))


def test_hostile_names_leave_the_same_elements(named: Named, hostile_name: str,
                                               plain: Markup) -> None:
    html = page(named(hostile_name))
    hostile = Markup(html)
    assert hostile.elements == plain.elements
    assert not ACTIVE.search(html)
    for tag, name, value in hostile.values:
        assert not name.startswith("on")
        assert name != "href" or value.startswith("#")
        assert name not in ("src", "srcset", "action", "style", "xlink:href")
        assert tag not in ("script", "img", "iframe", "object", "form", "base", "a ")


def test_names_stand_on_the_page_as_text(named: Named) -> None:
    text = Markup(page(named("<script>alert(1)</script>{{7*7}}"))).text
    assert "<script>alert(1)</script>{{7*7}}web-frontend" in text
    assert "\\u202eweb-frontend" in Markup(page(named("\u202e"))).text


def test_policy_allows_the_one_style_and_nothing_else(tables: FakeTables) -> None:
    html = page(tables)
    style, = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html
    assert not re.search(r"url\(|@import|https?:", html)


def test_links_lead_somewhere_and_ids_are_unique(tables: FakeTables) -> None:
    values = Markup(page(tables)).values
    ids = [value for _, name, value in values if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, name, value in values if name == "href"} <= set(ids)
    assert {value for _, name, value in values if name == "aria-labelledby"} <= set(ids)


def test_templates_switch_no_escaping_off() -> None:
    for template in TEMPLATES.glob("*.j2"):
        assert not re.search(r"\|\s*safe|autoescape|Markup", template.read_text()), template.name


def test_long_lists_are_cut_and_say_so(tables: FakeTables) -> None:
    tables.records["problem"] *= 200
    machine = tables.records["virtual_machine"][3]
    tables.records["virtual_machine"] += [machine] * (MACHINES + 2)
    text = Markup(page(tables)).text
    assert f"{600 - ROWS} more in the table problem of the case" in text
    assert "7 more in inventory.csv and inventory.json" in text
    assert text.count("● ") == 0


def test_nothing_found_is_said_with_what_was_looked_at() -> None:
    places = [record for record in case.records() if type(record).__name__ == "Coverage"]
    text = Markup(page(FakeTables(places))).text
    assert ("No virtual machine was found in what could be read: 1 place absent, "
            "1 place partial, 1 place read, 1 place unreadable." in " ".join(text.split()))
    assert "no place is on record" in Markup(page(FakeTables([]))).text


def test_times_of_one_machine_never_overlap(tables: FakeTables) -> None:
    def boxes(svg: str) -> Iterator[tuple[float, float]]:
        for x, y in re.findall(r'<text class="number" x="(\d+)" y="(\d+)"', svg):
            yield float(x), float(y)
    for svg in re.findall(r"<svg.*?</svg>", page(tables), re.DOTALL):
        centres = list(boxes(svg))
        for i, (x, y) in enumerate(centres):
            assert all(abs(x - a) >= 22 or abs(y - b) >= 18 for a, b in centres[:i])


def test_stat_command_can_be_pasted_into_a_shell() -> None:
    import subprocess

    for name in ("it's", "line\nend", "\x1b[2J", "a\\b'c", "\u202egnp", "$(reboot)`x`", "é漢😀"):
        row: dict[str, Any] = {"source_evidence": "a.E01", "source_path": f"/p1/{name}"}
        script = stat_command(row).replace("vmtrail stat", "printf %s", 1)
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=True,
                              env={"LC_ALL": "C.UTF-8"})
        assert done.stdout.decode() == f"a.E01!/p1/{name}"


def test_page_is_the_same_twice(tables: FakeTables) -> None:
    assert page(tables) == page(tables)


def test_text_has_the_contrast_that_wcag_aa_asks_for() -> None:
    """WCAG 2.2, relative luminance: 4.5 to 1 for text, 3 to 1 for lines that mean something."""
    def luminance(colour: str) -> float:
        parts = (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4
                            for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, two: str) -> float:
        low, high = sorted((luminance(one), luminance(two)))
        return (high + 0.05) / (low + 0.05)

    css = (TEMPLATES / "report.css").read_text()
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
              for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    assert len(themes) == 3
    for theme in themes:
        for text in ("ink", "muted", "accent", "good", "warn", "bad"):
            assert contrast(theme[text], theme["paper"]) >= 4.5, text
            assert contrast(theme[text], theme["card"]) >= 4.5, text
        for kind in ("good", "warn", "bad"):
            assert contrast(theme[kind], theme[f"{kind}-soft"]) >= 4.5, kind
        assert contrast(theme["ink"], theme["accent-soft"]) >= 4.5
        assert contrast(theme["strong-line"], theme["card"]) >= 3
