"""Values that a HyperVStorage file no longer uses and still holds.

Three places keep them: images of tables in the replay log, which is not wiped after a commit;
freed and unclaimed space; and the slack of an entry, where the end of a longer former value
stays behind. Keys of an image carry checksums: what they say was written so. Slack carries none:
what it says is inference, and only its end is certain.

An image has the sequence of its table, which grows with every commit: that dates a value against
the present table, not against a clock. Source: FIELD-GUIDE 5.3 and 5.4, from real files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analyzer.formats import vmcx_file, vmcx_keys, vmcx_salvage, vmcx_tree
from analyzer.formats.vmcx_file import PAGE, Pages
from analyzer.formats.vmcx_keys import STRING, Entry, Place, Table
from analyzer.formats.vmcx_log import LogEntry, ReplayLog
from analyzer.formats.vmcx_storage import Storage

MOST_SEARCHED: Final = 16 << 20
"""Bytes outside tables in which former keys are looked for."""
MOST_VALUES: Final = 10_000
_MOST_DEPTH: Final = 128
_KNOWN_VALUES: Final = {
    "type_id": ("Planned Virtual Machines", "Virtual Machines", "Snapshots"),
    "type": ("NONE", "VHD", "ISO", "VFD"),
}
"""What keys of these names are known to have held, for the end of a former value to fit."""


@dataclass(frozen=True, slots=True)
class Image:
    """Former keys: a table as it was, or (index None) keys found alone."""

    table: Table
    found_in: str
    """replay log, free space, unclaimed space, replaced table, before the pending changes."""


@dataclass(frozen=True, slots=True)
class FormerValue:
    """A value that the file no longer has under this key."""

    key: str
    """Path as in `Setting.key`, without numbers; `?` stands for containers that are not known."""
    type: str
    text: str
    now: str
    """What the key says now; "" where it is gone."""
    is_gone: bool
    """True where the file has no such key any more."""
    found_in: str
    basis: str
    """direct, or inferred and from what."""
    at: int
    """Byte offset in the file."""
    sequence: int | None
    """Of the table that held it; None where that is lost."""
    live_sequence: int | None
    """Of the same table now."""


def images(storage: Storage) -> list[Image]:
    """Every former image of a table or key, newest first as far as sequences tell."""
    found = [Image(table, "replaced table") for table in storage.older]
    if storage.log is not None:
        found += _in_log(storage, storage.log)
    found += _beneath_changes(storage)
    free = [(slot.at, slot.at + slot.size) for slot in storage.objects.slots
            if slot.kind == vmcx_file.FREE]
    gaps = vmcx_salvage.gaps([*storage.claimed(), *free,
                              *((table.at, table.at + len(table.data)) for table in storage.older)],
                             storage.pages.size)
    left = MOST_SEARCHED
    for ranges, name in ((free, "free space"), (gaps, "unclaimed space")):
        for start, end in ranges:
            end = min(end, storage.pages.size, start + left)
            left -= max(0, end - start)
            found += _in_space(storage, start, end, name)
    return sorted(found, key=lambda image: -(image.table.sequence or 0))


def _in_log(storage: Storage, log: ReplayLog) -> Iterator[Image]:
    """What old log entries wrote to tables, then keys of still older ones between them."""
    whole: list[tuple[int, int]] = []
    seen: set[int] = set()
    for entry in log.entries:
        if entry.intact:
            whole.append((entry.at, entry.at + entry.size))
        if entry.number < log.current and entry.intact:
            continue
        table = _logged(storage, log, entry)
        if table.entries:
            seen.update(table.at + offset for offset in table.entries)
            yield Image(table, "replay log")
    for start, end in vmcx_salvage.gaps(whole, len(log.data)):
        found = vmcx_keys.find_entries(log.data[start:end], wide=storage.wide, work=storage.work)
        rest = {start + at: entry for at, entry in found.items() if log.at + start + at not in seen}
        if rest:
            yield Image(Table(log.at, None, None, rest, (), b""), "replay log")


def _beneath_changes(storage: Storage) -> Iterator[Image]:
    """Tables as they stand in the file, where pending changes were laid over them."""
    for table in storage.tables.values():
        end = table.at + len(table.data)
        if any(at < end and at + len(new) > table.at for at, new in storage.pages.patches):
            data = Pages(storage.pages.blocks).read(table.at, len(table.data))
            yield Image(vmcx_keys.read_table(data, table.at, wide=storage.wide,
                                             work=storage.work), "before the pending changes")


def _logged(storage: Storage, log: ReplayLog, entry: LogEntry) -> Table:
    """The table, or the part of it, that a log entry wrote."""
    data = log.content(entry)
    table = vmcx_keys.read_table(data, log.at + entry.at, wide=storage.wide, work=storage.work)
    if table.index is not None:
        return table
    target = next(((index, live) for index, live in storage.tables.items()
                   if live.at <= entry.destination < live.at + len(live.data)), None)
    if target is None:
        return Table(table.at, None, None, {}, (), b"")
    shift = entry.destination - target[1].at
    keys = vmcx_keys.find_entries(data, wide=storage.wide, work=storage.work)
    return Table(table.at - shift, target[0], None,
                 {at + shift: key for at, key in keys.items()}, (), b"")


def _in_space(storage: Storage, start: int, end: int, name: str) -> Iterator[Image]:
    """Tables that begin at a page, and keys anywhere else."""
    for at in range(start, end, PAGE):
        data = storage.pages.read(at, min(PAGE, end - at))
        if not any(data):
            continue
        if vmcx_keys.table_header(data) is not None:
            table = vmcx_keys.read_table(data, at, wide=storage.wide, work=storage.work)
        else:
            keys = vmcx_keys.find_entries(data, wide=storage.wide, work=storage.work)
            table = Table(at, None, None, keys, (), b"")
        if table.entries:
            yield Image(table, name)


def former_values(storage: Storage, found: Sequence[Image]) -> list[FormerValue]:
    """Each former value once, at its newest place; those of slack last."""
    live: dict[str, list[tuple[str, str]]] = {}
    paths = _Paths(storage, found)
    for index, table in storage.tables.items():
        for entry in table.entries.values():
            if not entry.is_node:
                live.setdefault(paths.of((index, entry.offset), entry, None)[0], []).append(
                    vmcx_tree.value(entry))
    rows: dict[tuple[str, str, str], FormerValue] = {}
    for image in found:
        for entry in image.table.entries.values():
            if entry.is_node or len(rows) >= MOST_VALUES:
                continue
            key, basis = paths.of((image.table.index or 0, entry.offset), entry, image.table)
            said = vmcx_tree.value(entry)
            if said not in live.get(key, ()):
                now = live.get(key, [])
                rows.setdefault((key, *said), FormerValue(
                    key, *said, now[0][1] if now else "", not now, image.found_in, basis,
                    image.table.at + entry.offset, image.table.sequence,
                    _sequence(storage, image.table.index)))
    return [*rows.values(), *_from_slack(storage, paths)]


def _sequence(storage: Storage, index: int | None) -> int | None:
    table = storage.tables.get(index) if index is not None else None
    return table.sequence if table is not None else None


class _Paths:
    """Key paths of present and former keys; a former parent is looked up beside its key first."""

    def __init__(self, storage: Storage, found: Sequence[Image]) -> None:
        self.storage = storage
        self.former = {(image.table.index, offset): entry for image in reversed(found)
                       for offset, entry in image.table.entries.items() if entry.is_node}

    def of(self, place: Place, entry: Entry, beside: Table | None) -> tuple[str, str]:
        """(path, basis)."""
        names, basis, steps = [entry.name], "direct", 0
        while entry.parent[1] and steps < _MOST_DEPTH:
            steps += 1
            above, sure = self._above(entry.parent, beside)
            if above is None:
                return "/".join(["?", *reversed(names)]), "direct; its container is not known"
            if not sure:
                basis = "direct; its containers by tables of another time"
            entry = above
            names.append(entry.name)
        return "/".join(reversed(names)), basis

    def _above(self, place: Place, beside: Table | None) -> tuple[Entry | None, bool]:
        if beside is None:
            entry = self.storage.entry(place)
        elif beside.index == place[0] and place[1] in beside.entries:
            entry = beside.entries[place[1]]
        else:
            entry = None
        if entry is not None:
            return (entry, True) if entry.is_node else (None, False)
        for entry in (self.storage.entry(place), self.former.get(place)):
            if entry is not None and entry.is_node:
                return entry, False
        return None, False


def _from_slack(storage: Storage, paths: _Paths) -> Iterator[FormerValue]:
    """Former texts whose end outlived them in the slack of a shorter one."""
    for index, table in storage.tables.items():
        for entry in table.entries.values():
            if entry.type != STRING or entry.in_file_object:
                continue
            tail = _tail(entry.slack)
            if tail:
                key, _ = paths.of((index, entry.offset), entry, None)
                text, basis = _former_text(entry, tail)
                at = table.at + entry.offset + entry.size - len(entry.slack)
                yield FormerValue(key, "string", text, vmcx_tree.value(entry)[1], is_gone=False,
                                  found_in="slack", basis=basis, at=at, sequence=None,
                                  live_sequence=table.sequence)


def _tail(slack: bytes) -> str:
    """The text that slack begins with; "" where it begins with none."""
    end = next((at for at in range(0, len(slack) - 1, 2) if slack[at:at + 2] == b"\0\0"),
               len(slack) & ~1)
    text = slack[:end].decode("utf-16-le", "replace")
    return text if text.isprintable() and "\ufffd" not in text else ""


def _former_text(entry: Entry, tail: str) -> tuple[str, str]:
    """(text, basis): the known value that has this length and end, else its end alone."""
    length = len(entry.data) // 2 + len(tail)
    fits = [known for known in _KNOWN_VALUES.get(entry.name, ())
            if len(known) == length and known.endswith(tail)]
    told = f"the end {tail!a} of a text of {length} characters stands behind the present one"
    if len(fits) == 1:
        return fits[0], f"inferred: {told}, and one known value fits"
    return f"\u2026{tail}", f"inferred: {told}"
