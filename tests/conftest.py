"""Fixtures and the one place that decides what is skipped, and why."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("VMTRAIL_REALDATA", ROOT.parent / "shared" / "data"))
TOOLS = {
    "needs_7z": ("7z",),
    "needs_qemu": ("qemu-img",),
    "needs_sleuthkit": ("fls", "mactime"),
    "needs_strace": ("strace",),
    "needs_chromium": ("chromium",),
    "needs_fuse": ("fusermount3", "/dev/fuse"),
    "needs_ntfs3g": ("mkntfs", "ntfs-3g"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this project."""
    parser.addoption("--no-skips", default="", metavar="KINDS",
                     help="fail where a test was skipped for one of these: tool,realdata")
    parser.addoption("--golden-write", action="store_true",
                     help="write tests/golden again instead of comparing with it")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips are not allowed here."""
    for reason in sorted(set(_forbidden_skips(terminalreporter))):
        terminalreporter.write_line(f"FAILED: skipped, which --no-skips forbids: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for them."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and list(_forbidden_skips(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _forbidden_skips(reporter: pytest.TerminalReporter) -> Iterator[str]:
    kinds = [kind for kind in reporter.config.getoption("--no-skips").split(",") if kind]
    for report in reporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason.startswith(tuple(f"{kind}:" for kind in kinds)):
            yield reason


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for item in items:
        if item.get_closest_marker("realdata") and not REAL_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="realdata: the folder shared/data is absent"))
        if item.get_closest_marker("slow") and not os.environ.get("VMTRAIL_SLOW"):
            item.add_marker(pytest.mark.skip(reason="slow: set VMTRAIL_SLOW=1, as .ci/run does"))
        for marker, tools in TOOLS.items():
            missing = [tool for tool in tools
                       if shutil.which(tool) is None and not Path(tool).is_char_device()]
            if item.get_closest_marker(marker) and missing:
                item.add_marker(pytest.mark.skip(reason=f"tool: {', '.join(missing)} not found"))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with real files made by real Windows; see its README."""
    return REAL_DATA


@pytest.fixture(scope="session")
def plaso() -> Path:
    """The folder `test_data` of log2timeline/plaso: real files that shared/data has not."""
    folder = os.environ.get("VMTRAIL_PLASO", "")
    if not folder:
        pytest.skip("plaso: set VMTRAIL_PLASO to the folder test_data of log2timeline/plaso")
    return Path(folder)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with the images that the project ships."""
    return ROOT / "corpus"
