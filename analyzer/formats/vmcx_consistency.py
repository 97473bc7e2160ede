"""What shows that a key table of a HyperVStorage file is missing or of another time.

A page of a file may stand where another one was, and be whole by every checksum. Then only what
the tables say of each other tells of it:

    two listed tables of one index     one of them stands where another table was
    a table of a higher sequence       the one in use is an older state
    insertion numbers                  a container's next one is one more than its last key's

Source: microsoft/openvmm support/hvs_file/FORMAT.md; in three real files no table stands twice,
none is older than an image of it, and all 195 containers that hold keys number them so.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from analyzer.errors import Notice
from analyzer.formats import vmcx_file, vmcx_keys
from analyzer.formats.vmcx_file import PAGE, is_newer
from analyzer.formats.vmcx_keys import Entry, Place, Table
from analyzer.formats.vmcx_storage import Storage

_NUMBERED_SINCE: Final = 0x0400
"""From this version on keys have insertion numbers."""
_MOST_NOTICES: Final = 100


def check(storage: Storage, former: Iterable[Table]) -> None:
    """Notes what does not fit together; `former` are images of tables as they were."""
    notices = [*_doubled(storage), *_outdated(storage, former)]
    storage.notices += notices[:_MOST_NOTICES]
    if len(notices) > _MOST_NOTICES:
        storage.notices.append(Notice("VMCX-TABLE", f"{len(notices) - _MOST_NOTICES} more tables "
                                      "that stand twice or are outdated", "keys may be missing"))
    storage.partial = storage.partial or bool(notices)
    if not storage.partial:
        _check_numbers(storage)


def _doubled(storage: Storage) -> Iterator[Notice]:
    """Listed tables of an index that another listed one has."""
    listed = {slot.at for slot in storage.objects.slots if slot.kind == vmcx_file.KEY_TABLE}
    for table in storage.older:
        if table.at in listed and table.index is not None:
            other = storage.tables[table.index]
            yield Notice("VMCX-TABLE", f"key table {table.index} is listed twice, here and at "
                         f"{other.at:#x}", "the newer one is read; if this one stands where "
                         "another table was, the keys of that are missing",
                         table.at, len(table.data))


def _outdated(storage: Storage, former: Iterable[Table]) -> Iterator[Notice]:
    """Tables in use that are older than what the file holds of them elsewhere."""
    newest: dict[int, tuple[int, int]] = {}
    for index, sequence, at in _heads(storage, former):
        live = storage.tables.get(index)
        known = newest[index][0] if index in newest else live.sequence if live else None
        if known is not None and is_newer(sequence, known):
            newest[index] = sequence, at
    for index, (sequence, at) in sorted(newest.items()):
        table = storage.tables[index]
        yield Notice("VMCX-TABLE", f"key table {index} has sequence {table.sequence}, and one of "
                     f"its index at {at:#x} the newer {sequence}", "the one that the file lists "
                     "is read; it may be an older state, and newer keys missing",
                     table.at, len(table.data))


def _heads(storage: Storage, former: Iterable[Table]) -> Iterator[tuple[int, int, int]]:
    """(index, sequence, place) of the images, and of tables that stand at a page of the log."""
    for table in former:
        if table.index is not None and table.sequence is not None:
            yield table.index, table.sequence, table.at
    if storage.log is not None:
        for at in range(0, len(storage.log.data), PAGE):
            head = vmcx_keys.table_header(storage.log.data, at)
            if head is not None:
                yield *head, storage.log.at + at


def _check_numbers(storage: Storage) -> None:
    """Notes containers whose next insertion number does not follow that of their last key."""
    if storage.header.version < _NUMBERED_SINCE:
        return
    last: dict[Place, int] = {}
    for table in storage.tables.values():
        for entry in table.entries.values():
            last[entry.parent] = max(entry.sequence, last.get(entry.parent, 0))
    rows = [(table.at + offset, entry, _next_number(entry) - newest - 1)
            for index, table in storage.tables.items() for offset, entry in table.entries.items()
            if entry.is_node and ((newest := last.get((index, offset), 0)) or _next_number(entry))]
    behind = [(at, entry) for at, entry, beyond in rows if beyond < 0]
    ahead = [(at, entry) for at, entry, beyond in rows if beyond > 0]
    storage.partial = bool(behind)
    _note(storage, behind, "are older than keys that they hold",
          "their tables are of different times; keys may be missing")
    _note(storage, ahead, "count newer keys than there are",
          "those were deleted, or their table is lost: the file does not tell which")


def _next_number(entry: Entry) -> int:
    """The insertion number that the next key of a container gets."""
    return int.from_bytes(entry.data[8:12], "little")


def _note(storage: Storage, found: list[tuple[int, Entry]], what: str, effect: str) -> None:
    """One notice of all containers at the places `found`, if there are any."""
    if found:
        at, first = min(found, key=lambda row: row[0])
        storage.notices.append(Notice("VMCX-NODE", f"{len(found)} containers (the first: "
                                      f"{first.name[:80]!a}) {what}", effect, at, first.size))
