"""Fixtures and the one place that decides what is skipped, and why."""

import os
import shutil
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
    "needs_ntfs3g": ("mkntfs", "ntfs-3g"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for item in items:
        if item.get_closest_marker("realdata") and not REAL_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="realdata: the folder shared/data is absent"))
        if item.get_closest_marker("slow") and not os.environ.get("VMTRAIL_SLOW"):
            item.add_marker(pytest.mark.skip(reason="slow: set VMTRAIL_SLOW=1, as .ci/run does"))
        for marker, tools in TOOLS.items():
            missing = [tool for tool in tools if shutil.which(tool) is None]
            if item.get_closest_marker(marker) and missing:
                item.add_marker(pytest.mark.skip(reason=f"tool: {', '.join(missing)} not found"))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with real files made by real Windows; see its README."""
    return REAL_DATA


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with the images that the project ships."""
    return ROOT / "corpus"
