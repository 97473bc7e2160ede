"""The report in a real browser: silent, without a request beyond its own files, usable."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.records import LogEvent
from analyzer.text import show
from plugins.reports.html.data_pages import PAGES
from plugins.reports.report_html import report_html
from plugins.reports.source_line import quoted
from tests.plugins.reports import case, hostile
from tests.plugins.reports.markup import Markup
from tests.plugins.reports.tables import FakeTables, with_text

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-default-apps", "--virtual-time-budget=20000",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0")

pytestmark = pytest.mark.needs_chromium


def browse(folder: Path, url: str, *options: str) -> tuple[str, str]:
    """What the browser says on standard output and standard error."""
    done = subprocess.run([*CHROMIUM, f"--user-data-dir={folder}", *options, url],
                          capture_output=True, timeout=120, check=True)
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def every_name() -> Iterator[str]:
    """Each hostile name, for one text after the other, again and again."""
    while True:
        yield from hostile.NAMES


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of the browser."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the realistic case, its events in many chunks."""
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugins.reports.html.shipped.ROWS", 8)
        report_html(FakeTables([*case.records(), *case.files(40)]), folder)
    return folder


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another hostile name before each text."""
    names, folder = every_name(), tmp_path_factory.mktemp("hostile")
    records = [*case.records(), *case.files()]
    machines = [r for r in records if type(r).__name__ == "VirtualMachine"]
    records += [with_text(r, lambda text: next(names) + text) for r in records + machines * 9]
    report_html(FakeTables(records), folder)
    return folder


@pytest.mark.parametrize("page", ["index.html", "machines.html", "machines/0004.html",
                                  "timeline.html", "tables.html#vm_setting"])
def test_pages_are_silent_and_ask_for_their_own_files_only(
        hostile_report: Path, profile: Path, page: str) -> None:
    log = profile / "net.json"
    url = f"{hostile_report.as_uri()}/{page}"
    dom, errors = browse(profile, url, "--dump-dom", f"--log-net-log={log}")
    assert "CONSOLE" not in errors
    assert {address.rpartition("/")[0] for address in asked(log)} <= {
        hostile_report.as_uri(), f"{hostile_report.as_uri()}/data"}
    has_script = page.startswith(("timeline", "tables"))
    assert ('data-ready="true"' in dom) == has_script
    before = Markup((hostile_report / page.partition("#")[0]).read_text()).elements
    elements = Markup(dom).elements
    assert not {tag for tag, _ in elements} & {"img", "iframe", "object", "embed", "base"}
    assert elements == before or has_script or page == "machines.html"
    assert not {name for _, names in elements for name in names if name.startswith("on")}


def test_no_page_at_all_speaks_asks_or_opens_a_dialog(
        hostile_report: Path, profile: Path, tmp_path: Path) -> None:
    """All pages as frames of one page: a dialog needs a script, and one that is refused is said."""
    folder, log = shutil.copytree(hostile_report, tmp_path / "report"), tmp_path / "net.json"
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    assert len(pages) > len(PAGES)
    frames = "".join(f"<iframe onload='n++' src='{page}'></iframe>" for page in pages)
    (folder / "all.html").write_text(
        f"<!DOCTYPE html><script>let n = 0; onload = () => document.title = n</script>{frames}")
    dom, errors = browse(profile, (folder / "all.html").as_uri(), "--dump-dom",
                         f"--log-net-log={log}")
    assert f"<title>{len(pages)}</title>" in dom
    assert "CONSOLE" not in errors
    assert {url.partition(":")[0] for url in asked(log)} <= {"file"}


def test_a_script_in_a_name_would_be_said(hostile_report: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    html = (hostile_report / "index.html").read_text()
    page.write_text(html.replace("</h1>", "<script>alert(1)</script></h1>", 1))
    _, errors = browse(tmp_path / "profile", page.as_uri(), "--dump-dom")
    assert "CONSOLE" in errors
    assert "Content Security Policy" in errors


def test_a_request_of_a_page_would_be_seen(tmp_path: Path) -> None:
    page, log = tmp_path / "asking.html", tmp_path / "net.json"
    page.write_text("<!DOCTYPE html><img src='http://beacon.invalid/x'>")
    browse(tmp_path / "profile", page.as_uri(), "--dump-dom", f"--log-net-log={log}")
    assert asked(log) == {"http://beacon.invalid/x"}


def asked(log: Path) -> set[str]:
    """What pages asked for, after the browser's own log; its own errands have no origin."""
    events = json.loads(log.read_text())["events"]
    found = (event.get("params", {}) for event in events)
    return {params["url"] for params in found
            if "url" in params and params.get("initiator", "not an origin") != "not an origin"}


def probed(report: Path, profile: Path, page: str, script: str, width: int = 1280) -> Any:
    """What `script` returns at the end of a page, in a copy whose policy lets it run."""
    name, _, part = page.partition("#")
    html = (report / name).read_text()
    start = html.index("<meta http-equiv")
    end = html.index(">", start) + 1
    before, after = html[end:].rsplit("</script>", 1) if "</script>" in html else (html[end:], "")
    probe = (report / name).with_name("probe.html")
    driven = DRIVEN.replace("SCRIPT", script)
    if after:
        probe.write_text(f"{html[:start]}{before}\n{driven}</script>{after}")
    else:
        probe.write_text(f"{html[:start]}{before.replace('</body>', '')}<script>{driven}</script>")
    dom, errors = browse(profile, f"{probe.as_uri()}#{part}", "--dump-dom",
                         f"--window-size={width},900")
    probe.unlink()
    assert "PROBE" in dom, errors
    text = Markup(dom).text
    return json.loads(text[text.index("PROBE") + 5:text.rindex("PROBE")])


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("page", ["machines.html", "machines/0004.html", "timeline.html"])
def test_no_page_is_wider_than_the_window(plain: Path, profile: Path, page: str,
                                          width: int) -> None:
    found = probed(plain, profile, page, READY + LAYOUT, width)
    cut = found.pop("cut")
    assert found == {"wide": [], "overlaps": 0, "maxWidth": "1216px"}
    assert cut == [] or width < 1280, "a column is out of sight"


def test_log_events_fit_and_their_numbers_are_names(profile: Path, tmp_path: Path) -> None:
    place = replace(case.at("/p1/a.evtx"), entry=12345, offset=98765)
    report_html(FakeTables([LogEvent(
        source=place, channel="Microsoft-Windows-Hyper-V-VMMS-Admin", provider="VMMS",
        vm_id=machine, event_id=18500, event_record_id=4711, meaning="configuration not accessible",
        vm_name="file server", logged_at=1, concerns="C:\\Users\\Public\\Documents\\"
        "Hyper-V\\Virtual Hard Disks\\APP01_39EFBF82-CED9-4597-877A-5AAB3DE39C6D.avhdx")
        for machine in (case.WEB, case.LOST)]), tmp_path)
    found = probed(tmp_path, profile, "logs.html", READY + """
      $('#view tbody button').click();
      const scroll = $('.scroll');
      return {fits: scroll.scrollWidth <= scroll.clientWidth, line: lines()[0],
              details: $('.details').textContent};
    """)
    assert found["fits"]
    assert found["line"][2] == "18500"
    assert "Event record id4711" in found["details"]
    assert "MFT entry12345" in found["details"]
    assert "Byte of the file98,765 (0x181cd)" in found["details"]


DRIVEN = """(async () => {SCRIPT})().catch(error => String(error.stack)).then(found =>
  document.body.replaceChildren('PROBE' + JSON.stringify(found) + 'PROBE'));"""
READY = """
while (document.getElementById('view') && !document.body.dataset.ready)
  await new Promise(go => setTimeout(go, 20));
const settle = async act => {
  delete document.body.dataset.ready;
  act();
  while (!document.body.dataset.ready) await new Promise(go => setTimeout(go, 20));
};
const $ = selector => document.querySelector(selector);
const status = () => $('.found .status').textContent;
const type = (box, text) => { box.value = text; box.dispatchEvent(new Event('change')); };
const lines = () => [...document.querySelectorAll('#view tbody tr:not(.paper)')].map(
  tr => [...tr.cells].map(td => td.textContent));
const press = word => [...document.querySelectorAll('#view button')].find(
  b => b.textContent === word).click();
"""
LAYOUT = """
const wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .line, svg')
  && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200));
let overlaps = 0;
for (const tree of document.querySelectorAll('.tree')) {
  const rows = [...tree.querySelectorAll('.name, .facts')].map(e => e.getBoundingClientRect());
  for (let i = 1; i < rows.length; i++) if (rows[i].top < rows[i - 1].bottom - 1) overlaps++;
  const dots = [...tree.querySelectorAll(':scope > svg .dot')].map(e => e.getBoundingClientRect());
  const items = [...tree.querySelectorAll('li')].map(e => e.getBoundingClientRect());
  dots.forEach((dot, i) => {
    if (dot.top < items[i].top - 1 || dot.bottom > items[i].bottom) overlaps++;
  });
}
const cut = [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)
  .map(e => e.getAttribute('aria-label'));
return {wide, overlaps, cut, maxWidth: getComputedStyle($('main')).maxWidth};
"""


PAPER = """
const label = e => e.outerHTML.slice(0, 120), place = document.getElementById('view');
const cut = [...document.querySelectorAll('.tree .label, .tree .facts, thead th')].filter(
  e => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight + 1).map(label);
const wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('svg')
  && e.getBoundingClientRect().right > innerWidth + 1).map(label);
const buttons = [...(place || document).querySelectorAll('.ask, .buttons, .skip')].filter(
  e => e.offsetHeight).map(label);
const printed = place ? [...place.querySelectorAll('tbody tr:not(.paper)')].map(
  tr => tr.nextSibling.offsetHeight && tr.nextSibling.textContent) : [];
return {cut, wide, buttons, printed};
"""


@pytest.mark.parametrize("page", ["machines.html", "machines/0004.html", "networks.html",
                                  "timeline.html", "findings.html"])
def test_on_paper_nothing_is_cut_and_each_row_has_its_place(plain: Path, profile: Path,
                                                            page: str, tmp_path: Path) -> None:
    """The rules for paper, taken for those of the window; 688 pixels are A4 within its margins."""
    paper = shutil.copytree(plain, tmp_path / "report")
    html = (paper / page).read_text()
    assert "@media print" in html
    (paper / page).write_text(html.replace("@media print", "@media all"))
    found = probed(paper, profile, page, READY + PAPER, 688)
    printed = found.pop("printed")
    assert found == {"cut": [], "wide": [], "buttons": []}
    assert bool(printed) == (page in ("timeline.html", "findings.html"))
    assert all(f"Evidence: {case.IMAGE} · " in place for place in printed)


def test_the_timeline_is_filtered_searched_zoomed_and_turned(plain: Path, profile: Path) -> None:
    """Counted against the rows themselves."""
    events = FakeTables([*case.records(), *case.files(40)]).events()
    found = probed(plain, profile, "timeline.html", READY + """
      const found = {all: status(), first: lines()[0].slice(0, 3), shown: lines().length};
      await settle(() => press('Next'));
      found.second = lines()[0].slice(0, 3);
      await settle(() => press('Last'));
      found.last = lines().at(-1).slice(0, 3);
      await settle(() => type($('#text'), 'FILE 7.TXT'));
      found.text = status();
      await settle(() => { location.hash = 'event&text=data&size=10'; });
      found.part = [status(), lines().length];
      await settle(() => press('Look through all parts'));
      found.whole = status();
      await settle(() => press('Show all rows'));
      await settle(() => { location.hash = 'event&topic=snapshot'; });
      found.topic = [status(), $('#facet-topic').selectedOptions[0].textContent, lines().length];
      await settle(() => { location.hash = 'event&from=2008-10-01&to=2008-11-01'; });
      found.month = status();
      found.bars = document.querySelectorAll('.bars rect').length > 1;
      await settle(() => press('Whole time'));
      const before = $('.axis-of-time .ends').textContent;
      await settle(() => $('.bars').dispatchEvent(new KeyboardEvent('keydown', {key: '+'})));
      found.zoomed = before !== $('.axis-of-time .ends').textContent;
      await settle(() => { location.hash = 'event'; });
      $('#view tbody button').click();
      found.source = $('.details .place').textContent;
      return found;
    """)
    assert found["all"] == f"{len(events)} rows"
    assert found["shown"] == 50
    for key, row in (("first", events[0]), ("second", events[50]), ("last", events[-1])):
        assert found[key][1:] == [row["what"], row["subject"]], key
    named = [e for e in events if "file 7.txt" in e["subject"]]
    assert found["text"] == f"{len(named)} rows found of {len(events)} rows"
    data = [e for e in events if any("data" in v.lower() for v in e.values()
                                     if isinstance(v, str))]
    assert re.fullmatch(rf"1\d rows found so far; \d+ of \d+ parts looked through \(\d+ rows\), "
                        rf"the table has {len(events)} rows", found["part"][0])
    assert found["part"][1] == 10
    assert found["whole"] == f"{len(data)} rows found of {len(events)} rows"
    assert found["topic"] == [f"5 rows found of {len(events)} rows", "snapshot  (5)", 5]
    month = [e for e in events if "2008-10" in iso_month(e["at"])]
    assert found["month"] == f"{len(month)} rows found of {len(events)} rows"
    assert found["bars"]
    assert found["zoomed"]
    assert f"vmtrail stat '{case.IMAGE}!{events[0]['source_path']}'" in found["source"]


def iso_month(ticks: int) -> str:
    from analyzer.times import iso

    return iso(ticks)[:7]


def test_text_and_commands_are_as_python_writes_them(plain: Path, profile: Path) -> None:
    """Names that UTF-8 cannot hold never reach a page as they are: tables escape them."""
    names = [name for name in hostile.NAMES if name.isascii() or name.encode(errors="ignore")]
    names = [name.encode("utf-8", "replace").decode() for name in names]
    script = json.dumps(names).replace("<", "\\u003c")
    found = probed(plain, profile, "timeline.html",
                   f"return {script}.map(name => [show(name), quoted(name)]);")
    assert found == [[show(name), quoted(name)] for name in names]


def test_a_missing_file_of_data_is_said(plain: Path, profile: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(plain, torn)
    (torn / "data" / "problem.js").unlink()
    (torn / "data" / "event-1.js").unlink()
    dom, _ = browse(profile, f"{torn.as_uri()}/problems.html", "--dump-dom")
    assert "data/problem.js cannot be read" in Markup(dom).text
    dom, _ = browse(profile, f"{torn.as_uri()}/timeline.html#event&text=x", "--dump-dom")
    assert "data/event-1.js cannot be read" in Markup(dom).text


def test_a_source_opens_by_the_keyboard_and_machines_are_narrowed(plain: Path,
                                                                  profile: Path) -> None:
    found = probed(plain, profile, "machines.html", """
      const button = document.querySelector('.ref'), note = button.popoverTargetElement;
      button.focus();
      button.click();
      const isOpen = note.matches(':popover-open');
      note.hidePopover();
      const box = document.getElementById('name');
      box.value = 'WEB';
      box.dispatchEvent(new Event('input'));
      return {isOpen, focused: document.activeElement === button, text: note.textContent,
        left: document.getElementById('narrowed').textContent};
    """)
    assert found["isOpen"]
    assert found["focused"]
    assert "vmtrail stat" in found["text"]
    assert found["left"] == "1 of 5"
