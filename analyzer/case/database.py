"""The tables of a case as one SQLite or DuckDB file, for programs that read those.

A time is two columns: `created_at`, readable, UTC, and `created_at_ticks`, exact. Lists of texts
are JSON in SQLite. `_provenance` says which case and version it is made from. The file takes its
name when it is whole. SQLite files of one case are byte for byte the same, DuckDB's are not.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from analyzer.case.folder import Case
from analyzer.case.manifest import Manifest, load
from analyzer.case.query import CaseTables, duck_type, quoted_name, readable_columns
from analyzer.case.schema import Column, table_columns
from analyzer.errors import UsageError
from analyzer.records import TABLES
from analyzer.times import iso

KINDS: Final = ("sqlite", "duckdb")
_STEP: Final = 5_000


def write_database(case: Case, kind: str, target: Path) -> dict[str, int]:
    """Write it; table -> rows. Raises UsageError where `target` is there or cannot be written."""
    if target.exists():
        raise UsageError(f"{target} exists and is not overwritten")
    manifest, tables = load(case.manifest), CaseTables(case)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        written = (_sqlite if kind == "sqlite" else _duckdb)(part, tables, _provenance(manifest))
        part.rename(target)
    except (OSError, sqlite3.Error, duckdb.IOException) as error:
        raise UsageError(f"cannot write {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}.wal").unlink(missing_ok=True)
    return written


def _provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """All of case.json, one JSON value for each key."""
    return [(key, json.dumps(value, sort_keys=True)) for key, value in asdict(manifest).items()]


def _sqlite(path: Path, tables: CaseTables, provenance: list[tuple[str, str]]) -> dict[str, int]:
    path.touch(exist_ok=False)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=OFF")
        database.execute("CREATE TABLE _provenance (key TEXT, value TEXT)")
        database.executemany("INSERT INTO _provenance VALUES (?, ?)", provenance)
        written = {table: _sqlite_table(database, tables, table) for table in TABLES}
        database.commit()
    return written


def _sqlite_table(database: sqlite3.Connection, tables: CaseTables, table: str) -> int:
    columns = table_columns(table)
    declared = []
    for column in columns:
        if column.is_time:
            declared.append(f"{quoted_name(column.name)} TEXT")
        name = column.name + ("_ticks" if column.is_time else "")
        declared.append(f"{quoted_name(name)} {_sqlite_type(column)}")
    database.execute(f"CREATE TABLE {quoted_name(table)} ({', '.join(declared)})")
    marks = ", ".join("?" * len(declared))
    count, held = 0, []
    for row in tables.rows(table):
        held.append(tuple(_sqlite_values(row, columns)))
        count += 1
        if len(held) == _STEP:
            _insert(database, table, marks, held)
    _insert(database, table, marks, held)
    return count


def _insert(database: sqlite3.Connection, table: str, marks: str, held: list[Any]) -> None:
    database.executemany(f"INSERT INTO {quoted_name(table)} VALUES ({marks})", held)  # noqa: S608 - own names only
    held.clear()


def _sqlite_type(column: Column) -> str:
    if pa.types.is_floating(column.type):
        return "REAL"
    is_number = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    return "INTEGER" if is_number else "TEXT"


def _sqlite_values(row: dict[str, Any], columns: tuple[Column, ...]) -> Iterator[Any]:
    for column in columns:
        value = row[column.name]
        if column.is_time:
            yield None if value is None else iso(value)
        yield json.dumps(value) if isinstance(value, list) else value


def _duckdb(path: Path, tables: CaseTables, provenance: list[tuple[str, str]]) -> dict[str, int]:
    written = {}
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        "memory_limit": "512MB", "threads": "2"}
    with closing(duckdb.connect(str(path), config=config)) as database:
        database.execute("CREATE TABLE _provenance (key VARCHAR, value VARCHAR)")
        database.executemany("INSERT INTO _provenance VALUES (?, ?)", provenance)
        for table in TABLES:
            columns = table_columns(table)
            empty = ", ".join(f"CAST(NULL AS {duck_type(c)}) AS {quoted_name(c.name)}"
                              for c in columns)
            shown = readable_columns(table)
            database.execute(f"CREATE TABLE {quoted_name(table)} AS SELECT {shown} "  # noqa: S608 - own names only
                             f"FROM (SELECT {empty}) WHERE false")
            written[table] = 0
            for batch in tables.batches(table):
                database.register("batch", pa.Table.from_batches([batch]))
                database.execute(f"INSERT INTO {quoted_name(table)} SELECT {shown} FROM batch")  # noqa: S608 - own names only
                database.unregister("batch")
                written[table] += batch.num_rows
    return written
