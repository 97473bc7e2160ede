"""Reading a case: DuckDB over its Parquet partitions, out of core, and closed to the outside.

The connection can read the case's tables and spill into the case's own folder; it loads no
extension, reaches no other file and no network, and its settings are locked.
"""

import base64
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.case.folder import Case
from analyzer.case.interruption import interruptible
from analyzer.case.manifest import load
from analyzer.case.schema import Column, arrow_schema, table_columns
from analyzer.case.stories import as_events, of_machine
from analyzer.errors import UsageError
from analyzer.records import TABLES, Run
from analyzer.text import show
from analyzer.zones import UTC_NAME

if TYPE_CHECKING:
    import pandas as pd

_BATCH: Final = 8_192
_BATCH_BYTES: Final = 32 << 20
"""A batch of longer rows is cut: evidence may hold paths of 32,767 characters."""
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
    "allow_community_extensions": "false", "preserve_insertion_order": "false",
    "memory_limit": "512MB", "threads": "2",
}
_UNIX_MICROSECONDS: Final = 11_644_473_600_000_000
_ONCE: Final = {"problem", "coverage"}
"""Tables where a row that comes twice says nothing more than once."""
_ALLOWED: Final = {duckdb.StatementType.SELECT}
"""SHOW, DESCRIBE and SUMMARIZE are SELECT; EXPLAIN ANALYZE runs what it explains, COPY too."""


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quoted_name(column: str) -> str:
    """A name of ours in SQL."""
    return f'"{column}"'


def duck_type(column: Column) -> str:
    """Type of a column in DuckDB."""
    if pa.types.is_list(column.type):
        return "VARCHAR[]"
    names = {"string": "VARCHAR", "int64": "BIGINT", "bool": "BOOLEAN", "double": "DOUBLE"}
    return names[str(column.type)]


def _literal(value: Any) -> str:
    """A value of ours in SQL."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return "NULL" if value is None else _quote(value) if isinstance(value, str) else str(value)


def _run(case: Case) -> Run | None:
    """How the case was made; raises UsageError where `case.json` is not what vmtrail writes."""
    if not case.manifest.exists():
        return None
    try:
        return load(case.manifest).run()
    except (ValueError, LookupError) as error:
        raise UsageError(f"{case.manifest} was changed: {error}") from error


def _relation(case: Case, table: str) -> str:
    """SQL that reads a whole table; without rows where no task wrote one."""
    columns = table_columns(table)
    if table == "run" and (row := _run(case)) is not None:
        values = ", ".join(f"CAST({_literal(attrgetter(c.attribute)(row))} AS {duck_type(c)}) AS "
                           f"{quoted_name(c.name)}" for c in columns)
        return f"SELECT {values}"
    files = case.partitions(table)
    if not files:
        empty = ", ".join(f"CAST(NULL AS {duck_type(c)}) AS {quoted_name(c.name)}" for c in columns)
        return f"SELECT {empty} WHERE false"
    names = ", ".join(quoted_name(c.name) for c in columns)
    once = "DISTINCT " if table in _ONCE else ""
    paths = ", ".join(_quote(str(f.resolve())) for f in files)
    return f"SELECT {once}{names} FROM read_parquet([{paths}])"  # noqa: S608 - names are ours


def _check(case: Case) -> None:
    """Raises UsageError where a partition has not the columns that this version writes."""
    for table in TABLES:
        marks = base64.b64encode(arrow_schema(TABLES[table]).serialize().to_pybytes())
        for file in case.partitions(table):
            if marks not in _footer(file) and \
                    set(pq.read_schema(file).names) != {c.name for c in table_columns(table)}:
                raise UsageError(f"{file} was not written by this version of vmtrail; "
                                 f"analyze the image again with --overwrite")


def _footer(file: Path) -> bytes:
    """The metadata of a Parquet file as bytes: ten times as fast as parsing it.

    Layout: ... metadata, u32 its length, "PAR1"; the Arrow schema is in it, base64.
    """
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - 8))
        length = int.from_bytes(opened.read(4), "little")
        opened.seek(max(0, size - 8 - length))
        return opened.read(length)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch, in halves of halves where its rows are long."""
    if batch.nbytes <= _BATCH_BYTES or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))


def readable_columns(table: str) -> str:
    """Columns with times as TIMESTAMP (microseconds, UTC) beside their ticks, in SQL."""
    shown = []
    for column in table_columns(table):
        name = quoted_name(column.name)
        if column.is_time:
            shown.append(f"make_timestamp({name} // 10 - {_UNIX_MICROSECONDS}) AS {name}")
            shown.append(f"{name} AS {quoted_name(column.name + '_ticks')}")
        else:
            shown.append(name)
    return ", ".join(shown)


def _readable(table: str) -> str:
    """A whole table with readable times."""
    return f"SELECT {readable_columns(table)} FROM stored.{quoted_name(table)}"  # noqa: S608 - own names only


def _closed(case: Case) -> duckdb.DuckDBPyConnection:
    """A connection that reaches the case's tables and nothing else; as yet without a view."""
    _check(case)
    connection = duckdb.connect(":memory:", config=_SETTINGS)
    connection.execute(f"SET temp_directory={_quote(str(case.spill.resolve()))}")
    folders = _quote(str(case.tables.resolve()))
    connection.execute(f"SET allowed_directories=[{folders}]")
    connection.execute("SET enable_external_access=false")
    connection.execute("CREATE SCHEMA stored")
    connection.execute("SET lock_configuration=true")
    return connection


def _add_view(connection: duckdb.DuckDBPyConnection, case: Case, table: str) -> None:
    connection.execute(f"CREATE VIEW stored.{quoted_name(table)} AS {_relation(case, table)}")


def connect(case: Case) -> duckdb.DuckDBPyConnection:
    """A closed connection with schema `stored` (ticks) and views with readable times."""
    connection = _closed(case)
    for table in TABLES:
        _add_view(connection, case, table)
        connection.execute(f"CREATE VIEW main.{quoted_name(table)} AS {_readable(table)}")
    return connection


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave: column names and rows."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def ask(case: Case, sql: str) -> Answer:
    """Run one SELECT; raises UsageError where it is not one or does not run."""
    connection = connect(case)
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in _ALLOWED:
            raise UsageError("a query is one SELECT; the case cannot be changed by it")
        result = interruptible(connection, lambda: connection.execute(statements[0]))
    except duckdb.Error as error:
        raise UsageError(f"the query does not run: {_told(error)}") from error
    names = tuple(column[0] for column in result.description or ())
    return Answer(names, _fetch(result))


def _told(error: duckdb.Error) -> str:
    """What DuckDB says, with what it takes to be meant."""
    first, *more = str(error).splitlines()
    hints = [line for line in more if line.startswith(("Did you mean", "Candidate bindings"))]
    if first.startswith("Catalog Error") and not hints:
        hints = ['"SHOW TABLES" lists the tables']
    return " ".join([first, *hints])


def _fetch(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := interruptible(result, lambda: result.fetchmany(_BATCH)):
            yield from rows
    except duckdb.Error as error:
        raise UsageError(f"the query stopped: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True, slots=True)
class Window:
    """What part of the timeline is asked for: `begin` <= at < `end`, in ticks."""

    vm: str = ""
    """GUID or name of a machine, in any case; "" for everything."""
    begin: int | None = None
    end: int | None = None
    story: bool = False
    """Lines of `life_event` instead of every moment."""
    zone: str = UTC_NAME
    """Time zone for display; `begin` and `end` do not depend on it."""


class CaseTables:
    """The tables of a stored case; implements plugin.Tables.

    A table is opened when it is first asked for: an analysis reads two or three of some fifty.
    `heard` is called for each batch of rows that was read. Raises UsageError where the window
    names no machine of the case.
    """

    def __init__(self, case: Case, window: Window | None = None,
                 heard: Callable[[], None] = lambda: None) -> None:
        self._heard = heard
        self._case, self._open, self._connection = case, set[str](), _closed(case)
        self._window = Window() if window is None else window
        vm = self._window.vm
        self._stories = self.stories(vm) if vm and self._window.story else set()
        self._machine_ids = self.machine_ids(vm) if vm and not self._stories else set()

    def _stored(self, table: str) -> str:
        """Name of a table in SQL."""
        if table not in self._open:
            _add_view(self._connection, self._case, table)
            self._open.add(table)
        return f"stored.{quoted_name(table)}"

    def forget(self, table: str) -> None:
        """Open a table anew when it is next asked for: a task has written to it."""
        if table in self._open:
            self._connection.execute(f"DROP VIEW {self._stored(table)}")
            self._open.discard(table)

    @property
    def zone(self) -> str:
        """The zone for display."""
        return self._window.zone

    def _sorted(self, table: str, where: str = "", first: str = "", relation: str = "") -> str:
        names = [quoted_name(c.name) for c in table_columns(table)]
        keys = ", ".join(f"{n} NULLS LAST" for n in ([first] if first else []) + names)
        relation = relation or self._stored(table)
        return (f"SELECT {', '.join(names)} FROM {relation} "  # noqa: S608 - own names only
                f"{where} ORDER BY {keys}")

    def _batches(self, sql: str, values: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        relation = self._connection.cursor().sql(sql, params=None if values is None else [values])
        if relation is not None:
            for batch in relation.to_arrow_reader(_BATCH):
                self._heard()
                yield from _pieces(batch)

    def frame(self, table: str) -> "pd.DataFrame":
        """A whole table in its total order, every column of a nullable pandas type."""
        import pandas as pd

        types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(),
                 pa.string(): pd.StringDtype(), pa.float64(): pd.Float64Dtype()}
        relation = self._connection.sql(self._sorted(table))
        frame: pd.DataFrame = relation.to_arrow_table().to_pandas(types_mapper=types.get)
        return frame

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The same, row by row; None for missing values."""
        for batch in self.batches(table):
            yield from batch.to_pylist()

    def matching(self, table: str, column: str, values: Collection[str]) \
            -> Iterator[dict[str, Any]]:
        """Rows whose text in `column`, after its last backslash, is one of these in any case."""
        last = f"lower(string_split({quoted_name(column)}, '\\')[-1])"
        where = f"WHERE {last} IN (SELECT lower(unnest(?)))"
        for batch in self._batches(self._sorted(table, where), sorted(values)):
            yield from batch.to_pylist()

    def batches(self, table: str, first: str = "") -> Iterator[pa.RecordBatch]:
        """The same in batches of some thousand rows, sorted by the column `first` before all."""
        return self._batches(self._sorted(table, first=quoted_name(first) if first else ""))

    def counts(self, table: str, column: str) -> dict[Any, int]:
        """How many rows there are of each value of a column."""
        rows = self._connection.execute(
            f"SELECT {quoted_name(column)}, count(*) FROM {self._stored(table)} "  # noqa: S608 - own names only
            "GROUP BY 1 ORDER BY 1").fetchall()
        return dict(rows)

    def sample(self, table: str, key: Sequence[str], share: float, seed: int, *,
               whole: bool) -> Iterator[dict[str, Any]]:
        """About `share` (0 to 1) of the distinct values of the columns `key`, in their order.

        Which ones depends on the values and the seed alone. `whole` gives rows with all columns,
        one for each.
        """
        keys = ", ".join(map(quoted_name, key))
        values = ", ".join(f"coalesce({quoted_name(k)}::VARCHAR, '')" for k in key)
        digest = f"substr(md5(concat_ws(chr(31), '{seed:d}', {values})), 1, 8)"
        where = f"WHERE {digest} < '{int(share * (1 << 32)):08x}'" if share < 1 else ""
        columns = "*" if whole else f"DISTINCT {keys}"
        for batch in self._batches(f"SELECT {columns} FROM {self._stored(table)} {where} "  # noqa: S608 - own names only
                                   f"ORDER BY {keys}"):
            yield from batch.to_pylist()

    def timeline(self) -> Iterator[pa.RecordBatch]:
        """Rows of `event`, or the story in their form, in order of time, inside the window."""
        relation = as_events(self._stored("life_event")) if self._window.story else ""
        return self._batches(self._sorted("event", self._where(["at"]), '"at"', relation))

    def files(self) -> Iterator[pa.RecordBatch]:
        """Rows of `file_entry` that have a time inside the window."""
        times = [c.name for c in table_columns("file_entry") if c.is_time]
        return self._batches(self._sorted("file_entry", self._where(times)))

    def _where(self, times: list[str]) -> str:
        """The window as a condition on the machine and on any of these columns."""
        window, tests = self._window, []
        if self._stories:
            tests.append(f"story IN ({', '.join(map(_quote, sorted(self._stories)))})")
        elif window.vm:
            ids = ", ".join(_quote(i) for i in sorted(self._machine_ids))
            tests.append(f"vm_id IN ({ids})")
        limits = [f"{{}} >= {window.begin:d}"] if window.begin is not None else []
        limits += [f"{{}} < {window.end:d}"] if window.end is not None else []
        if limits:
            inside = " AND ".join(limits)
            tests.append(" OR ".join(f"({inside})".replace("{}", quoted_name(t)) for t in times))
        return f"WHERE {' AND '.join(f'({test})' for test in tests)}" if tests else ""

    def stories(self, vm: str) -> set[str]:
        """Stories of the machines called `vm`, those that only a log or a disk knows as well."""
        wanted = vm.strip("{}")
        found = self._connection.execute(of_machine(self._stored("life_event")),
                                         [vm, wanted, wanted]).fetchall()
        return {str(story) for (story,) in found}

    def machine_ids(self, vm: str) -> set[str]:
        """Ids of the machines called `vm`; raises UsageError with the nearest names."""
        from difflib import get_close_matches

        wanted = vm.strip("{}").casefold()
        names: dict[str, set[str]] = {}
        shown: dict[str, str] = {}
        for vm_id, name in self._connection.execute(
                f"SELECT DISTINCT vm_id, name FROM {self._stored('virtual_machine')}").fetchall():  # noqa: S608 - own names only
            for text in filter(None, (str(name), str(vm_id))):
                names.setdefault(text.casefold(), set()).add(str(vm_id))
                shown[text.casefold()] = show(str(name) or str(vm_id))
        if wanted in names:
            return names[wanted]
        near = [shown[text] for text in get_close_matches(wanted, names, n=3)]
        hint = "only its story is known: add --story" if self.stories(vm) else \
            f"did you mean {' or '.join(near)}?" if near else \
            f"the case knows {', '.join(sorted(set(shown.values()))) or 'no machine'}"
        raise UsageError(f"no machine {vm!r} in this case; {hint}")
