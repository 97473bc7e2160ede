"""Which plugins a run uses, and what is written down about them and the software."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NoReturn

from analyzer.errors import UsageError
from analyzer.plugin import Kind, Plugin
from analyzer.records import TABLES, table_name

_LIBRARIES: Final = ("duckdb", "evtx", "jinja2", "libewf-python", "lxml", "numpy", "pandas",
                     "pyarrow", "python-registry", "pytsk3", "rich", "xlsxwriter")

_TOLD: Final = ("name", "kind", "doc", "module", "reads", "report_kind", "format", "file", "folder",
                "on_request", "zoned", "last", "origin", "path")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The plugins that were discovered, each name once."""

    plugins: tuple[Plugin, ...]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Names of one kind, in the order to run them: what sees what others do comes later."""
        found = sorted((p for p in self.plugins if p.kind == kind), key=lambda p: p.last)
        if kind == "analysis":
            found = in_order(found)
        return tuple(p.name for p in found)

    def usual_reports(self) -> tuple[str, ...]:
        """Names of the reports that a run writes unasked."""
        return tuple(p.name for p in self.plugins if p.kind == "report" and not p.on_request)

    def described(self) -> list[dict[str, str]]:
        """Name, kind, module, origin and hash of each, for the manifest."""
        return [{"name": p.name, "kind": p.kind, "module": p.module, "origin": p.origin,
                 "sha256": _file_hash(p.path)} for p in self.plugins]


def catalogue(plugins: Sequence[Plugin], only: Sequence[str] | None = None) -> Catalogue:
    """The plugins to use; `only` narrows artifacts and analyses. Raises UsageError."""
    known: dict[str, Plugin] = {}
    for plugin in plugins:
        if plugin.name in known:
            raise UsageError(f"two plugins are called {plugin.name!r}: {known[plugin.name].module} "
                             f"and {plugin.module}; uninstall one")
        known[plugin.name] = plugin
    if only is None:
        return Catalogue(tuple(plugins))
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "vmtrail plugins lists them"
            raise UsageError(f"no plugin {name!r}; {hint}")
    return Catalogue(tuple(p for p in plugins if p.kind == "report" or p.name in only))


def in_order(analyses: list[Plugin]) -> list[Plugin]:
    """Those that yield a table before those that read it; by name where neither or both do."""
    waiting, ordered = sorted(analyses, key=lambda p: p.name), []
    while waiting:
        def is_ready(plugin: Plugin) -> bool:
            written = {table_name(r) for p in waiting if p is not plugin for r in p.yields}
            return written.isdisjoint(plugin.reads)

        following = next(filter(is_ready, waiting), waiting[0])
        waiting.remove(following)
        ordered.append(following)
    return ordered


def to_line(plugin: Plugin) -> str:
    """What a process that does not load plugins has to know of one, as JSON."""
    told = {name: getattr(plugin, name) for name in _TOLD}
    return json.dumps(told | {"yields": [table_name(record) for record in plugin.yields]})


def from_line(line: str) -> Plugin:
    """The reverse; what it does can only be asked of a child."""
    told = json.loads(line)
    yields = tuple(TABLES[table] for table in told.pop("yields") if table in TABLES)
    return Plugin(function=_elsewhere, yields=yields, reads=tuple(told.pop("reads")), **told)


def _elsewhere(*_: object) -> NoReturn:
    raise NotImplementedError("plugins run in child processes")


def _file_hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""


def software() -> dict[str, str]:
    """Versions of Python and of the libraries that decode evidence."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
