"""What is different between two cases: the same host at two dates, or two hosts.

Machines are the same where their id is; those without an id, where the path of their
configuration is. Of several configurations with one id the registered one is compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from analyzer.case.estate import hosts
from analyzer.case.schema import table_columns
from analyzer.plugin import Tables
from analyzer.source import Source
from analyzer.times import iso

Row = dict[str, Any]

_STATES: Final = ("registered", "configuration missing", "planned", "unregistered")
"""Of configurations with one id, which is compared: the first of these, then any other."""
_MOVES: Final = {"host", "configuration_path"}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong to a machine: the columns that say which is which, those compared."""

    table: str
    word: str
    keys: tuple[str, ...]
    compared: tuple[str, ...]
    in_configuration: bool = False
    """Rows of the present state that stand in the machine's own configuration file."""


PARTS: Final = (
    Part("snapshot", "snapshot", ("snapshot_id",),
         ("name", "notes", "parent_id", "state", "snapshot_type", "is_current",
          "has_saved_state", "created_at")),
    Part("vm_drive", "drive", ("controller", "controller_number", "slot"),
         ("medium", "path", "state", "undo_path", "iops_limit", "is_shared"),
         in_configuration=True),
    Part("vm_network_adapter", "adapter", ("adapter", "name", "channel_id"),
         ("mac", "mac_is_static", "is_connected", "switch_id", "switch_name"),
         in_configuration=True),
    Part("vm_device", "device", ("device", "name", "channel_id"), ("enabled", "setting"),
         in_configuration=True),
    Part("disk_layer", "disk file", ("path",),
         ("disk_id", "layer", "format", "size", "file_size", "parent_id", "parent_path",
          "verdict", "unreadable_bytes")),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. Values are text, "" for none; so is a place that is in one case only."""

    what: str
    """appeared (not in A), vanished (not in B), moved, changed."""
    vm_id: str
    vm_name: str
    about: str
    """machine, or which of its parts: `drive IDE 0 1`."""
    field: str
    before: str
    after: str
    source_before: str
    source_after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two cases say of their machines; a machine that moved may have changed, too."""

    changes: tuple[Change, ...]
    machines: dict[str, int]
    """appeared, vanished, moved, changed, the same -> number of machines."""


class _Side:
    """One case: machines by what identifies them, and the rows of their parts."""

    def __init__(self, tables: Tables) -> None:
        self._hosts = hosts("", tables)
        self.machines: dict[str, Row] = {}
        self.copies: defaultdict[str, int] = defaultdict(int)
        for row in sorted(tables.rows("virtual_machine"), key=_rank):
            key = row["vm_id"] or row["configuration_path"].casefold()
            self.copies[key] += 1
            self.machines.setdefault(key, row)
        self._parts: dict[str, defaultdict[tuple[str, str], list[Row]]] = {}
        for part in PARTS:
            rows = self._parts[part.table] = defaultdict(list)
            for row in tables.rows(part.table):
                rows[row["system_id"], row["vm_id"]].append(row)

    def facts(self, key: str) -> Row:
        """The machine itself, with its host and how many configurations have its id."""
        row = self.machines[key]
        return {"host": str(self._hosts[row["system_id"]]),
                "configurations": self.copies[key]} | row

    def parts(self, key: str, part: Part) -> dict[str, Row]:
        """Label -> row; a label that comes twice is numbered."""
        machine = self.machines[key]
        if not machine["vm_id"]:
            return {}  # rows without an id cannot be told apart from those of another machine
        rows = self._parts[part.table][machine["system_id"], machine["vm_id"]]
        if part.table != "snapshot":
            rows = [row for row in rows if not row["snapshot_id"]]
        if part.in_configuration:
            own = [row for row in rows if row["source_path"] == machine["source_path"]]
            rows = own or rows
        found: dict[str, Row] = {}
        seen: Counter[str] = Counter()
        for row in rows:
            label = " ".join(str(row[k]) for k in part.keys if row[k] not in (None, ""))
            seen[label] += 1
            found[f"{label} #{seen[label]}" if seen[label] > 1 else label] = row
        return found


def _rank(row: Row) -> int:
    return _STATES.index(row["state"]) if row["state"] in _STATES else len(_STATES)


def compare(before: Tables, after: Tables) -> Comparison:
    """Every difference, machine by machine in order of their names."""
    a, b = _Side(before), _Side(after)
    changes: list[Change] = []
    count = dict.fromkeys(("appeared", "vanished", "moved", "changed", "the same"), 0)
    keys = a.machines.keys() | b.machines.keys()
    for key in sorted(keys, key=lambda k: ((a.machines.get(k) or b.machines[k])["name"], k)):
        found = list(_machine(key, a, b))
        kinds = [change.what for change in found if change.about == "machine"]
        word = next((w for w in ("appeared", "vanished", "moved") if w in kinds),
                    "changed" if found else "the same")
        count[word] += 1
        changes += found
    return Comparison(tuple(changes), count)


def _machine(key: str, a: _Side, b: _Side) -> Iterator[Change]:
    if key not in a.machines or key not in b.machines:
        side, what = (a, "vanished") if key in a.machines else (b, "appeared")
        yield _one_sided(what, side.machines[key], "machine", side.machines[key])
        return
    old, new = a.facts(key), b.facts(key)
    own = {f"source_{f.name}" for f in fields(Source)} | {"vm_id", "system_id", "snapshot_id"}
    names = ["host", "configurations", *(c.name for c in table_columns("virtual_machine")
                                         if c.name not in own)]
    yield from _fields(new, "machine", names, old, new)
    for part in PARTS:
        yield from _part(new, part, a.parts(key, part), b.parts(key, part))


def _part(machine: Row, part: Part, old: dict[str, Row], new: dict[str, Row]) -> Iterator[Change]:
    for label in dict.fromkeys((*old, *new)):
        about = f"{part.word} {label}"
        if label in old and label in new:
            yield from _fields(machine, about, part.compared, old[label], new[label])
        else:
            what = "vanished" if label in old else "appeared"
            yield _one_sided(what, machine, about, old.get(label) or new[label])


def _one_sided(what: str, machine: Row, about: str, row: Row) -> Change:
    before, after = (True, False) if what == "vanished" else (False, True)
    place = str(Source.from_columns(row))
    summary = _text("", row.get("state") or row.get("verdict"))
    return Change(what, machine["vm_id"], machine["name"], about, "",
                  summary if before else "", summary if after else "",
                  place if before else "", place if after else "")


def _fields(machine: Row, about: str, names: Iterable[str], old: Row, new: Row) \
        -> Iterator[Change]:
    for name in names:
        if old[name] != new[name]:
            yield Change("moved" if about == "machine" and name in _MOVES else "changed",
                         machine["vm_id"], machine["name"], about, name,
                         _text(name, old[name]), _text(name, new[name]),
                         str(Source.from_columns(old)), str(Source.from_columns(new)))


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name.endswith("_at"):
        return iso(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(value)
    return str(value)
