"""Each rule fires on its case and stays silent on the harmless one."""

from typing import Any

from analyzer.records import Finding, LifeEvent, LogEvent, Record
from analyzer.source import Source
from plugins.analyses.disk_on_host import disk_on_host
from plugins.analyses.log_cleared import log_cleared
from plugins.analyses.time_contradictions import time_contradictions
from tests.plugins.reports.tables import FakeTables


def event(meaning: str, **more: Any) -> LogEvent:
    return LogEvent(source=Source("h.E01", "/p1/x.evtx"), channel="System", provider="P",
                    event_id=1, event_record_id=7, meaning=meaning, **more)


def line(*doubts: str) -> LifeEvent:
    return LifeEvent(source=Source("h.E01", "/p1/x"), story="A", vm_name="WEB", happened_at=1,
                     last_at=1, what="created", subject="", certainty="direct", basis="b",
                     sources=("x",), contradictions=doubts)


def said(rule: Any, *records: Record) -> list[tuple[str, str]]:
    return [(row.code, row.what) for row in rule(FakeTables(records)) if isinstance(row, Finding)]


def test_a_cleared_log() -> None:
    assert said(log_cleared, event("log cleared", concerns="Security"), event("started")) == [
        ("LOG-CLEARED", "Security was cleared")]
    assert said(log_cleared, event("started")) == []


def test_a_disk_attached_on_the_host() -> None:
    rows = said(disk_on_host, event("disk attached to the host", concerns="D:\\dc.vhd"))
    assert rows == [("DISK-ONHOST", "D:\\dc.vhd was attached on the host")]
    assert said(disk_on_host, event("disk detached from the host", concerns="D:\\dc.vhd")) == []


def test_contradicting_times_once_for_each_reason() -> None:
    assert said(time_contradictions, line("clock"), line("clock")) == [
        ("TIME-DOUBT", "WEB, created: clock")]
    assert said(time_contradictions, line()) == []
