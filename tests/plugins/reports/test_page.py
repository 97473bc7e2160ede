"""The HTML report: what its pages say, and that no evidence text changes what they are."""

import base64
import hashlib
import json
import re
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.records import TABLES, LifeEvent, RoleEvidence, column_types
from plugins.reports.clocks import clocks
from plugins.reports.html.data_pages import EVERYTHING, PAGES, shown
from plugins.reports.html.footnotes import Footnotes, image_paths
from plugins.reports.html.sections import ROWS
from plugins.reports.report_html import report_html
from tests.plugins.reports import case
from tests.plugins.reports.hostile import NAMES
from tests.plugins.reports.markup import Markup
from tests.plugins.reports.tables import FakeTables, row
from tests.plugins.reports.written import written_files

Named = Callable[[str], FakeTables]
Files = dict[str, bytes]
TEMPLATES = Path(__file__).parents[3] / "plugins" / "reports" / "templates"
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
WEB = "machines/0004.html"


def report(tables: FakeTables) -> Files:
    return written_files(report_html, tables)


def pages(files: Files) -> dict[str, str]:
    return {name: data.decode() for name, data in files.items() if name.endswith(".html")}


def words(page: bytes) -> str:
    return " ".join(Markup(page.decode()).text.split())


@pytest.fixture(scope="module")
def files() -> Files:
    """The report of the realistic case."""
    return report(FakeTables([*case.records(), *case.files()]))


def test_summary_says_what_there_is(files: Files) -> None:
    text = words(files["index.html"])
    for wanted in ("HV01", "Disk chains that no machine names", "STRAY", "match", "VHD-PARENT",
                   "9e107d9d372bb6826bd81d3542a419d6", "42,949,672,960 bytes of virtual disks",
                   "VM-DELETED", "1 place unreadable", "20 file names, 7 of them deleted",
                   "Volume p3 (BitLocker, 12.0 GiB): unsupported"):
        assert wanted in text, wanted


def test_each_machine_has_a_page_that_says_what_it_was(files: Files) -> None:
    for wanted in ("web-frontend", "Before SP1 roll-up", "Present state", "WIN-7Q2X",
                   "parent DEADBEEF-1111-4111-8111-111111111111 is not there",
                   "2 of 3 settings differ", "no such setting", "read, write",
                   "2 witnesses", "an older disk"):
        assert wanted in words(files[WEB]), wanted
    assert "wants parent D:\\VMs\\sql.vhd" in words(files["machines/0002.html"])
    assert len([name for name in files if name.startswith("machines/")]) == 5


def test_the_menu_counts_all_other_witnesses() -> None:
    """The first table of that page says nothing of the others."""
    trace = RoleEvidence(source=case.at("/p1/Windows"), group="edition", name="x", value="",
                         meaning="", certainty="direct", is_proof=False)
    assert "Other witnesses 2 " in words(report(FakeTables([trace, trace]))["index.html"])


def test_how_far_a_guests_clock_can_have_been_is_said(files: Files) -> None:
    said = clocks(FakeTables(case.records())).bounds
    assert said
    shipped = base64.b64decode(files["data/names.js"].split(b'"')[3])
    assert json.loads(zlib.decompress(shipped))["clocks"] == said
    assert any(f"clock against its host's: {text}" in words(files[WEB]) for text in said.values())


def test_what_differs_stands_with_the_states_that_have_it(files: Files) -> None:
    assert re.search(r"memory/size 2048 present Before SP1 roll-up ?\d+ 1024 Fresh install ?\d+ "
                     r"notes x present Before SP1 roll-up ?\d+ no such setting Fresh install",
                     words(files[WEB]))


def test_every_row_cites_its_source(files: Files) -> None:
    """The command of each row stands on a page, and a number opens it."""
    tables = FakeTables(case.records())
    text = " ".join(words(data) for name, data in files.items() if name.endswith(".html"))
    for table in ("virtual_machine", "snapshot", "disk_layer", "vm_drive", "vm_network_adapter",
                  "vm_device", "system", "finding", "problem", "evidence", "life_event",
                  "file_access"):
        for values in tables.rows(table):
            notes = Footnotes({})
            notes.number(values)
            assert notes.notes[0].stat in text, table
    for page in pages(files).values():
        attributes = Markup(page).values
        opened = {value for _, name, value in attributes if name == "popovertarget"}
        assert opened == {value for _, name, value in attributes
                          if name == "id" and re.fullmatch(r"source-\d+", value)}


def test_a_footnote_says_all_of_a_place() -> None:
    source = case.at("/p2/x.avhd!/p1/it's", "HKLM", entry=7, offset=512, image_offset=4096,
                     layer="hv01.E01!/p2/x.avhd")
    notes = Footnotes(image_paths(["analyze", "/e/hv01.E01", "-o", "c"], ["hv01.E01"]))
    values = row(next(case.records())) | row_of(source)
    assert notes.number(values) == notes.number(values) == 1
    assert notes.number(values | {"source_entry": None}) == 2
    note = notes.notes[0]
    assert note.volume == "p1 of /p2/x.avhd"
    assert note.stat == "vmtrail stat '/e/hv01.E01!/p2/x.avhd!/p1/it'\\''s'"
    assert note.cat.removeprefix("vmtrail cat '/e/hv01.E01!/p2/x.avhd!/p1/it'\\''s'") == \
        " | tail -c +513 | head -c 256 | od -A x -t x1z"


def row_of(source: Any) -> dict[str, Any]:
    return {f"source_{name}": getattr(source, name) for name in (
        "evidence", "path", "detail", "entry", "offset", "image_offset", "layer")}


@pytest.fixture(scope="module")
def plain(named: Named) -> dict[str, Markup]:
    """The pages with a harmless name."""
    return {name: Markup(page) for name, page in pages(report(named("x"))).items()}


@pytest.mark.parametrize("start", range(0, len(NAMES), 12))
def test_hostile_names_leave_the_same_elements(named: Named, start: int,
                                               plain: dict[str, Markup]) -> None:
    """Twelve names before each text, for a report has many pages."""
    found = pages(report(named("".join(NAMES[start:start + 12]))))
    assert set(found) == set(plain)
    for name, html in found.items():
        hostile = Markup(html)
        elements = [element for element in hostile.elements if element[0] != "br"]  # of notes
        assert elements == plain[name].elements, name
        assert not ACTIVE.search(html)
        for tag, attribute, value in hostile.values:
            assert not attribute.startswith("on")
            assert attribute != "href" or re.match(r"#|(\.\./)?(machines/)?\w+\.html(#|$)", value)
            assert attribute not in ("src", "srcset", "action", "style", "xlink:href")
            assert tag not in ("img", "iframe", "object", "base", "a ")


def test_names_stand_on_the_page_as_text(named: Named) -> None:
    text = words(report(named("<script>alert(1)</script>{{7*7}}"))["machines.html"])
    assert "<script>alert(1)</script>{{7*7}}web-frontend" in text
    assert "\\u202eweb-frontend" in words(report(named("\u202e"))["machines.html"])


def test_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else(files: Files) -> None:
    for name, html in pages(files).items():
        style, = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
        policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
        allowed = "".join(f"script-src '{digest(s)}' 'strict-dynamic'; " for s in scripts)
        wanted = (f"default-src 'none'; {allowed}style-src '{digest(style)}'; "
                  "base-uri 'none'; form-action 'none'")
        assert policy == [wanted], name
        assert not re.search(r"url\(|@import", style)
        assert bool(scripts) == (not name.startswith(("machines/", "index", "networks")))


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_script_makes_no_markup_of_text_and_asks_for_nothing() -> None:
    script = "".join(path.read_text() for path in TEMPLATES.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|"
                         r"fetch\(|XMLHttp|https?:(?!//www\.w3\.org/2000/svg)|</script", script)


def test_links_lead_somewhere_and_ids_are_unique(files: Files) -> None:
    for name, html in pages(files).items():
        values = Markup(html).values
        ids = [value for _, attribute, value in values if attribute == "id"]
        assert len(ids) == len(set(ids))
        assert {v for _, attribute, v in values if attribute == "aria-labelledby"} <= set(ids)
        for _, attribute, value in values:
            target, _, part = value.partition("#")
            if attribute == "href" and target:
                path = (Path(name).parent / target).as_posix()
                assert path.replace("machines/../", "") in files
                assert not part or part.partition("&")[0] in TABLES
            elif attribute == "href":
                assert part in ids or part in TABLES


def test_a_machine_leads_to_tables_that_have_rows_only(files: Files) -> None:
    led = {value.partition("#")[2].partition("&")[0] for _, name, value in Markup(
        files[WEB].decode()).values if name == "href" and "&vm_id=" in value}
    assert led >= {"event", "vm_setting"}
    assert {table for table in led if f"data/{table}.js" not in files} == set()


def test_templates_switch_no_escaping_off() -> None:
    for template in TEMPLATES.glob("*.j2"):
        assert not re.search(r"\|\s*safe|autoescape|Markup", template.read_text()), template.name


def test_every_table_stands_on_one_page_and_shows_columns_that_it_has() -> None:
    placed = [table for page in (*PAGES, EVERYTHING) for table in page.tables]
    assert sorted(placed) == sorted(TABLES)
    for table, record in TABLES.items():
        assert set(shown(table)) <= set(column_types(record)), table
        assert not {"text", "from", "to", "page", "size"} & {
            name for name, kind in column_types(record).items() if kind is str}


def test_long_lists_are_cut_and_lead_to_all_rows(tables: FakeTables) -> None:
    tables.records["problem"] *= 200
    found = report(tables)
    assert f"{600 - ROWS} more: all rows of problem" in words(found["index.html"])
    assert b'data-table="problem" data-rows="600"' in found["problems.html"]
    machine = next(m for m in found.values() if b"sql-prod</h1>" in m)
    assert b'href="../problems.html#problem&amp;vm_id=' in machine


def test_a_list_of_too_many_files_is_said_to_be_left_out(
        tables: FakeTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.reports.html.pages.FILES", 19)
    found = report(tables)
    assert "data/file_entry.js" not in found
    assert "The list of 20 files (table file_entry) is not in this report" in \
        words(found["tables.html"])


def test_nothing_found_is_said_with_what_was_looked_at() -> None:
    places = [record for record in case.records() if type(record).__name__ == "Coverage"]
    assert ("No virtual machine was found in what could be read: 1 place absent, "
            "1 place partial, 1 place read, 1 place unreadable."
            in words(report(FakeTables(places))["machines.html"]))
    assert "no place is on record" in words(report(FakeTables([]))["index.html"])


def test_times_of_one_machine_never_overlap(files: Files) -> None:
    def boxes(svg: str) -> Iterator[tuple[float, float]]:
        for x, y in re.findall(r'<text class="number" x="(\d+)" y="(\d+)"', svg):
            yield float(x), float(y)
    drawn = 0
    for svg in re.findall(r"<svg.*?</svg>", files[WEB].decode(), re.DOTALL):
        centres = list(boxes(svg))
        drawn += len(centres)
        for i, (x, y) in enumerate(centres):
            assert all(abs(x - a) >= 22 or abs(y - b) >= 18 for a, b in centres[:i])
    assert drawn == 7
    assert "1 more: all rows of life event" in words(files[WEB])


def test_a_story_of_what_has_no_page_is_drawn_too() -> None:
    """A disk that no machine names, and a machine of which only the name is known."""
    told = [record for record in case.records() if isinstance(record, LifeEvent)]
    others = [replace(told[number], vm_id="", story=story, vm_name=name)
              for number, story, name in ((0, "disk E:\\x.vhd", ""), (6, "disk E:\\x.vhd", ""),
                                          (1, "name OLD", "OLD"), (7, "name LOST", "LOST"))]
    page = report(FakeTables([*case.records(), *others]))["index.html"].decode()
    traces = page.partition('id="other-stories"')[2].partition("</section>")[0]
    strips = {re.sub("<.*?>", "", line).strip(): line.count('class="shape')
              for line in re.findall(r'<li class="listed">.*?</li>', traces, re.DOTALL)}
    assert strips == {"disk E:\\x.vhd": 2, "OLD": 1}  # LOST has no time
    assert "LOST" in traces


def test_commands_can_be_pasted_into_a_shell() -> None:
    for name in ("it's", "line\nend", "\x1b[2J", "a\\b'c", "\u202egnp", "$(reboot)`x`", "é漢😀"):
        notes = Footnotes({"a.E01": "x/a.E01"})
        notes.number(row_of(case.at(f"/p1/{name}")) | {"source_evidence": "a.E01"})
        script = notes.notes[0].stat.replace("vmtrail stat", "printf %s", 1)
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=True,
                              env={"LC_ALL": "C.UTF-8"})
        assert done.stdout.decode() == f"x/a.E01!/p1/{name}"


def test_report_is_the_same_twice(tables: FakeTables, files: Files) -> None:
    assert report(tables) == files


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
        for text in ("ink", "accent", "muted"):
            assert contrast(theme[text], theme["accent-soft"]) >= 4.5, text
        assert contrast(theme["strong-line"], theme["card"]) >= 3
        assert contrast(theme["strong-line"], theme["paper"]) >= 3
