"""The report page in a real browser: complete, silent, and without a request."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.reports.report_html import report_html
from tests.plugins.reports import case, hostile
from tests.plugins.reports.markup import Markup
from tests.plugins.reports.tables import FakeTables, with_text
from tests.plugins.reports.written import written

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-default-apps",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0")

pytestmark = pytest.mark.needs_chromium


def browse(page: Path, *options: str) -> tuple[str, str]:
    """What the browser says on standard output and standard error."""
    profile = page.with_suffix(".profile")
    done = subprocess.run([*CHROMIUM, f"--user-data-dir={profile}", *options, page.as_uri()],
                          capture_output=True, timeout=120, check=True)
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def every_name() -> Iterator[str]:
    """Each hostile name, for one text after the other, again and again."""
    while True:
        yield from hostile.NAMES


@pytest.fixture(params=["plain", "hostile"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A page on disk; the hostile one has another hostile name before each text."""
    names = every_name()
    records = [*case.records(), *case.files()]
    if request.param == "hostile":
        hosts = [r for r in records if type(r).__name__ == "VirtualMachine"]
        records += [with_text(r, lambda text: next(names) + text) for r in records + hosts * 9]
    path = tmp_path / "report.html"
    path.write_bytes(written(report_html, FakeTables(records)))
    return path


def test_page_is_complete_and_silent(page: Path, tmp_path: Path) -> None:
    log = tmp_path / "net.json"
    dom, errors = browse(page, "--dump-dom", f"--log-net-log={log}")
    assert "CONSOLE" not in errors
    assert Markup(dom).elements == Markup(page.read_text()).elements
    assert asked(log) == set()


def test_a_request_of_a_page_would_be_seen(tmp_path: Path) -> None:
    page, log = tmp_path / "asking.html", tmp_path / "net.json"
    page.write_text("<!DOCTYPE html><img src='http://beacon.invalid/x'>")
    browse(page, "--dump-dom", f"--log-net-log={log}")
    assert asked(log) == {"http://beacon.invalid/x"}


def asked(log: Path) -> set[str]:
    """What pages asked for, after the browser's own log; its own errands have no origin."""
    events = json.loads(log.read_text())["events"]
    found = (event.get("params", {}) for event in events)
    return {params["url"] for params in found
            if "url" in params and params.get("initiator", "not an origin") != "not an origin"}


def test_style_is_in_force_and_the_page_is_as_wide_as_the_window(page: Path) -> None:
    """A copy with a probe script, allowed by a policy of its own, measures the layout."""
    html = page.read_text()
    start = html.index("<meta http-equiv")
    end = html.index(">", start) + 1
    probe = page.with_name("probe.html")
    script = f"<script>{PROBE}</script></body>"
    probe.write_text(html[:start] + html[end:].replace("</body>", script))
    for width in ("1280,900", "500,900"):
        dom, _ = browse(probe, "--dump-dom", f"--window-size={width}")
        found = json.loads(dom[dom.index("PROBE{") + 5:dom.index("}PROBE") + 1])
        assert found == {"wide": [], "overlaps": 0, "maxWidth": "1216px"}


PROBE = """
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
const maxWidth = getComputedStyle(document.querySelector('main')).maxWidth;
document.body.replaceChildren('PROBE' + JSON.stringify({wide, overlaps, maxWidth}) + 'PROBE');
"""
