"""What a release never logs."""

import pytest

from analyzer.records import Finding, System
from analyzer.source import Source
from plugins.analyses.silent_logs import silent_logs
from tests.plugins.reports.tables import FakeTables


def said(version: str, role: str = "Hyper-V host") -> list[str]:
    host = System(source=Source("h.E01"), system_id="h", host_name="HV", version=version, role=role)
    return [row.what for row in silent_logs(FakeTables([host])) if isinstance(row, Finding)]


@pytest.mark.parametrize("version", ["6.0", "6.1"])
def test_2008_and_its_second_release_log_starts_and_saves_only(version: str) -> None:
    what, = said(version)
    assert "created, deleted, imported, exported, turned off," in what
    assert "paused" in what
    assert "started" not in what
    assert "saved" not in what
    assert "proves nothing" in what


def test_2012_logs_no_creation() -> None:
    what, = said("6.2")
    assert "created, deleted, imported, exported, snapshot applied, snapshot deleted;" in what


def test_2012_r2_logs_snapshots_taken_and_no_more_of_them() -> None:
    what, = said("6.3")
    assert "no event for: snapshot applied, snapshot deleted;" in what


def test_nothing_is_said_of_later_ones_of_guests_and_of_unknown_ones() -> None:
    assert said("10.0") == said("") == said("5.2") == said("6.1", "guest") == []
