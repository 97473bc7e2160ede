"""Bounds of a guest's clock against its host's, from cases whose offset is known."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from analyzer.records import Snapshot, System
from analyzer.times import TICKS_PER_SECOND, parse_iso
from plugins.reports.clock_bounds import UNKNOWN, clock_bounds
from plugins.reports.timeline_ecs import timeline_ecs
from plugins.reports.timeline_ez import timeline_ez
from plugins.reports.timeline_l2tcsv import timeline_l2tcsv
from plugins.reports.timeline_parquet import timeline_parquet
from tests.plugins.reports.case import at
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

DAY = parse_iso("2009-07-01T00:00:00")


def hours(count: float) -> int:
    return DAY + round(count * 3600) * TICKS_PER_SECOND


def tables(offset: float, *, later: float = 30) -> FakeTables:
    """A machine that was shut down at 10 h, snapshotted at 12 h, and shut down again, by the
    host's clock; the guest's is `offset` hours ahead.
    """
    def guest(snapshot_id: str, shut: float) -> System:
        return System(source=at(f"/p1/{snapshot_id or 'now'}.avhd!/p1/Windows"), vm_id="VM",
                      snapshot_id=snapshot_id, role="guest", host_name="G",
                      system_id=f"hv01.E01!/p1/{snapshot_id or 'now'}.avhd!/p1",
                      shutdown_at=hours(shut + offset))
    return FakeTables([
        Snapshot(source=at("/p1/S.xml"), vm_id="VM", snapshot_id="S", name="S", is_current=True,
                 created_at=hours(12)),
        guest("S", 10), guest("", later)])


@pytest.mark.parametrize(("offset", "low", "high"), [
    (0, "-0d 02:00:00", "+0d 18:00:00"), (-1, "-0d 03:00:00", "+0d 17:00:00"),
    (26, "+1d 00:00:00", "+1d 20:00:00"), (-20, "-0d 22:00:00", "-0d 02:00:00")])
def test_the_true_offset_lies_between_the_bounds(offset: float, low: str, high: str) -> None:
    found = clock_bounds(tables(offset))
    assert found["hv01.E01!/p1/S.avhd!/p1"].endswith(f": at least {low}")
    assert found["hv01.E01!/p1/now.avhd!/p1"].endswith(f": at most {high}")


def test_a_shutdown_that_the_snapshot_has_too_says_nothing_of_later() -> None:
    found = clock_bounds(tables(0, later=10))
    assert "hv01.E01!/p1/now.avhd!/p1" not in found


def test_without_snapshots_nothing_is_known() -> None:
    alone = tables(0)
    alone.records["snapshot"].clear()
    assert clock_bounds(alone) == {}
    assert clock_bounds(FakeTables([])) == {}


def test_a_fraction_is_rounded_away_from_what_the_bound_excludes() -> None:
    odd = tables(0)
    odd.records["snapshot"] = [Snapshot(
        source=at("/p1/S.xml"), vm_id="VM", snapshot_id="S", name="S", is_current=True,
        created_at=hours(12) + 1)]
    assert clock_bounds(odd)["hv01.E01!/p1/S.avhd!/p1"].endswith("at least -0d 02:00:01")
    assert clock_bounds(odd)["hv01.E01!/p1/now.avhd!/p1"].endswith("at most +0d 18:00:00")


def test_each_row_of_a_guest_says_its_offset_or_that_it_is_not_known() -> None:
    rows = list(csv.DictReader(io.StringIO(written(timeline_ez, tables(0)).decode(), newline="")))
    told = {row["Clock"]: row["ClockOffset"] for row in rows if row["Clock"]}
    assert told["guest G"].startswith("guest clock - host clock")
    short = csv.DictReader(io.StringIO(written(timeline_l2tcsv, tables(0)).decode(), newline=""))
    assert {row["extra"].partition("; clock_offset: ")[2] for row in short
            if row["host"] == "guest G"} == {row["ClockOffset"] for row in rows
                                             if row["Clock"] == "guest G"}
    columns = pq.read_table(io.BytesIO(written(timeline_parquet, tables(0)))).to_pylist()
    assert [(row["clock"], row["clock_offset"]) for row in columns] == [
        (row["Clock"], row["ClockOffset"]) for row in rows]
    alone = tables(0)
    alone.records["snapshot"].clear()
    lines = [json.loads(line) for line in written(timeline_ecs, alone).splitlines()]
    assert {line["vmtrail.clock_offset"] for line in lines} == {UNKNOWN, ""}
    assert all(line["vmtrail.clock_offset"] for line in lines if line["host.name"] == "G")
