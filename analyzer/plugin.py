"""Declaring and discovering plugins.

A plugin is one documented function with one decorator:

    @artifact(VirtualMachine)            def f(system: WindowsSystem) -> Iterator[Record | Batch]
    @analysis("virtual_machine", yields=(Finding,))
                                         def f(tables: Tables) -> Iterator[Record]
    @rule(Rule(code="VM-DELETED", ...), reads=("virtual_machine",))
                                         def f(tables: Tables) -> Iterator[Record]
    @report("timeline", "csv", "timeline.csv")
                                         def f(tables: Tables, out: BinaryIO) -> None
    @report_folder("html", "report")     def f(tables: Tables, folder: Path) -> None

Modules below `plugins/` are found by themselves; other distributions offer modules under the
entry-point group `vmtrail.plugins`.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeVar

from analyzer.errors import UsageError
from analyzer.records import Batch, Finding, Record, Rule

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from analyzer.system import WindowsSystem

Kind = Literal["artifact", "analysis", "report"]
ReportKind = Literal["inventory", "timeline", "page", "workbook"]


class Tables(Protocol):
    """The tables of a stored case, as analyses and reports see them.

    Columns are the fields of the record, `source` as `source_evidence`, `source_path`,
    `source_detail`, `source_entry`, `source_offset`, `source_image_offset`, `source_layer`;
    times are int64 ticks (times.py).
    """

    @property
    def zone(self) -> str:
        """IANA name of the time zone that people are to be shown times in, mostly `UTC`."""

    def frame(self, table: str) -> "pd.DataFrame":
        """A whole table in its total order; empty, with its columns, where nothing was found."""

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The same, row by row; None for missing values."""

    def matching(self, table: str, column: str, values: Collection[str]) \
            -> Iterator[dict[str, Any]]:
        """Rows whose text in `column`, after its last backslash, is one of these in any case.

        For tables of millions of rows, of which an analysis needs those it knows the names of.
        """

    def batches(self, table: str, first: str = "") -> "Iterator[pa.RecordBatch]":
        """The same in batches of some thousand rows; `first` is a column to sort by before all."""

    def counts(self, table: str, column: str) -> dict[Any, int]:
        """How many rows there are of each value of a column, without reading the rows."""

    def timeline(self) -> "Iterator[pa.RecordBatch]":
        """Rows of `event` in order of time, narrowed by what the command line asked for.

        Batches of some thousand rows: there may be hundreds of millions.
        """

    def files(self) -> "Iterator[pa.RecordBatch]":
        """Rows of `file_entry`, narrowed the same way: one of its times is what was asked for."""


ArtifactFunction = Callable[["WindowsSystem"], Iterable[Record | Batch]]
A = TypeVar("A", bound=ArtifactFunction)
AnalysisFunction = Callable[[Tables], Iterable[Record]]
ReportFunction = Callable[[Tables, BinaryIO], None]
FolderFunction = Callable[[Tables, Path], None]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One declared plugin."""

    name: str
    kind: Kind
    function: Callable[..., Any]
    doc: str
    module: str
    yields: tuple[type[Record], ...] = ()
    reads: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    """What the findings of this analysis mean."""
    report_kind: ReportKind | None = None
    format: str = ""
    file: str = ""
    """What a report writes in the case's reports folder; of a folder, the file to open."""
    folder: str = ""
    """Where a report writes many files: the folder that is handed to its function."""
    on_request: bool = False
    """True for a report that is written only where its format is asked for."""
    zoned: bool = False
    """True for a report that people read and that heeds `Tables.zone`."""
    last: bool = False
    """True for an artifact that marks what the others found to be unreadable."""
    origin: str = "vmtrail"
    """Distribution it comes from."""
    path: str = ""
    """File of its module."""


_DECLARED: dict[tuple[str, str], Plugin] = {}
_PUBLISHED: dict[Path, Callable[[], str]] = {}


def _declare(function: Callable[..., Any], kind: Kind, **more: Any) -> None:
    doc = (function.__doc__ or "").strip()
    name, module = function.__name__, function.__module__
    path = getattr(sys.modules[module], "__file__", None) or ""
    _DECLARED[module, name] = Plugin(name, kind, function, doc, module, path=path, **more)


def artifact(*yields: type[Record], last: bool = False) -> Callable[[A], A]:
    """Declare a function that answers one question from the files of one system.

    `last` lets the others run before, which meet what cannot be read.
    """
    def mark(function: A) -> A:
        _declare(function, "artifact", yields=yields, last=last)
        return function
    return mark


def analysis(*reads: str, yields: tuple[type[Record], ...]) \
        -> Callable[[AnalysisFunction], AnalysisFunction]:
    """Declare a pure function from tables to records."""
    def mark(function: AnalysisFunction) -> AnalysisFunction:
        _declare(function, "analysis", reads=reads, yields=yields)
        return function
    return mark


def rule(*rules: Rule, reads: tuple[str, ...]) -> Callable[[AnalysisFunction], AnalysisFunction]:
    """Declare an analysis that yields the findings of a rule, or of rules that share one look."""
    def mark(function: AnalysisFunction) -> AnalysisFunction:
        _declare(function, "analysis", reads=reads, yields=(Finding,), rules=rules)
        return function
    return mark


def rules() -> tuple[tuple[Rule, str], ...]:
    """The rules of all plugins declared so far, by code, each with the plugin that states it."""
    found = [(one, plugin.name) for plugin in _DECLARED.values() for one in plugin.rules]
    return tuple(sorted(found, key=lambda pair: (pair[0].code, pair[1])))


def report(kind: ReportKind, format: str, file: str, *,  # noqa: A002 - the command line's word
           on_request: bool = False, zoned: bool = False) \
        -> Callable[[ReportFunction], ReportFunction]:
    """Declare a writer of one output format; `file` is its name in the case's reports folder."""
    def mark(function: ReportFunction) -> ReportFunction:
        _declare(function, "report", report_kind=kind, format=format, file=file,
                 on_request=on_request, zoned=zoned)
        return function
    return mark


def report_folder(format: str, folder: str) \
        -> Callable[[FolderFunction], FolderFunction]:  # noqa: A002 - the command line's word
    """Declare a writer of many files, of which `index.html` is the one to open.

    It is handed a new folder, which takes its name `folder` when all is written.
    """
    def mark(function: FolderFunction) -> FolderFunction:
        _declare(function, "report", report_kind="page", format=format,
                 file=f"{folder}/index.html", folder=folder)
        return function
    return mark


def publishes(file: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Declare who makes a file that is shipped beside its module; `make docs` writes it."""
    def mark(function: Callable[[], str]) -> Callable[[], str]:
        module = Path(inspect.getfile(function)).resolve()
        _PUBLISHED[module.parent / file] = function
        return function
    return mark


def published() -> dict[Path, Callable[[], str]]:
    """Path of each such file -> who makes its text."""
    return dict(_PUBLISHED)


def discover() -> tuple[Plugin, ...]:
    """Import every plugin module and return what they declare, sorted by kind and name.

    Raises UsageError where another distribution's cannot be imported.
    """
    plugins = importlib.import_module("plugins")
    for found in pkgutil.walk_packages(plugins.__path__, "plugins."):
        importlib.import_module(found.name)
    for point in entry_points(group="vmtrail.plugins"):
        before, origin = set(_DECLARED), point.dist.name if point.dist else "?"
        try:
            point.load()
        except Exception as error:  # whatever a stranger's module raises, its origin is named
            raise UsageError(f"the plugins of {origin} cannot be loaded ({point.value}: "
                             f"{type(error).__name__}: {error}); mend or uninstall it") from error
        for key in _DECLARED.keys() - before:
            _DECLARED[key] = replace(_DECLARED[key], origin=origin)
    return tuple(sorted(_DECLARED.values(), key=lambda p: (p.kind, p.name, p.module)))
