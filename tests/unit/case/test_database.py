"""A case as SQLite and as DuckDB, read with those."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from operator import add
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analyzer.case.database import write_database
from analyzer.case.folder import Case
from analyzer.case.manifest import Manifest
from analyzer.case.query import CaseTables
from analyzer.case.store import PartitionWriter
from analyzer.errors import UsageError
from analyzer.records import TABLES
from analyzer.times import iso
from tests.plugins.reports import case as usual
from tests.plugins.reports.hostile import NAMES
from tests.plugins.reports.tables import with_text


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The usual case, and one with hostile texts."""
    case = Case(tmp_path_factory.mktemp("database") / "case")
    case.tables.mkdir(parents=True)
    Manifest("0.1.0", ["analyze", "hv01.E01"], "2026-11-23T03:00:00Z",
             state="finished").save(case.manifest)
    for task, names in (("usual", [""]), ("hostile", NAMES)):
        with PartitionWriter(case.tables, task) as writer:
            for name in names:
                writer.extend(with_text(record, partial(add, name))
                              for record in [*usual.records(), *usual.files(3)])
    return case


def rows_of(table: str, cursor: Any) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))


def test_sqlite_has_every_row_of_every_table(case: Case, tmp_path: Path) -> None:
    written, tables = write_database(case, "sqlite", tmp_path / "c.db"), CaseTables(case)
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        for table in TABLES:
            stored = list(tables.rows(table))
            found = list(rows_of(table, database.execute(f'SELECT * FROM "{table}"')))
            assert len(found) == len(stored) == written[table]
            for got, row in zip(found, stored, strict=True):
                for name, value in row.items():
                    if name.endswith("_at") or name == "at":
                        assert (got[name] or "", got[f"{name}_ticks"]) == (iso(value), value)
                    elif not isinstance(value, list):
                        assert got[name] == value
        said = dict(database.execute("SELECT key, value FROM _provenance").fetchall())
        assert said["tool_version"] == '"0.1.0"'
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_sqlite_is_the_same_each_time(case: Case, tmp_path: Path) -> None:
    for name in ("a.db", "b.db"):
        write_database(case, "sqlite", tmp_path / name)
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()


def test_duckdb_has_every_row_of_every_table(case: Case, tmp_path: Path) -> None:
    written, tables = write_database(case, "duckdb", tmp_path / "c.duckdb"), CaseTables(case)
    with closing(duckdb.connect(str(tmp_path / "c.duckdb"), read_only=True)) as database:
        for table in TABLES:
            stored = list(tables.rows(table))
            found = list(rows_of(table, database.execute(f'SELECT * FROM "{table}"')))
            assert len(found) == len(stored) == written[table]
            plain = [{n: v for n, v in row.items() if not n.endswith("_at") and n != "at"}
                     for row in stored]
            assert [{n: row[n] for n in want}
                    for row, want in zip(found, plain, strict=True)] == plain
        taken = database.execute("SELECT created_at, created_at_ticks FROM snapshot "
                                 "WHERE name = 'Fresh install'").fetchall()
        assert taken[0][0] == datetime(2008, 9, 3, 9, 0)  # noqa: DTZ001 - DuckDB's TIMESTAMP has no zone


def test_what_is_there_is_not_overwritten_and_nothing_half_is_left(case: Case,
                                                                   tmp_path: Path) -> None:
    (tmp_path / "c.db").write_text("mine")
    with pytest.raises(UsageError, match="not overwritten"):
        write_database(case, "sqlite", tmp_path / "c.db")
    for kind in ("sqlite", "duckdb"):
        with pytest.raises(UsageError, match="cannot write"):
            write_database(case, kind, tmp_path / "no folder" / "c.db")
    assert (tmp_path / "c.db").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"c.db"}
