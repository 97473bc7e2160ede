"""One HyperVStorage file, opened: the tables that count, and what else lies in it.

    headers -> replay log (applied in memory) -> object tables -> key tables
                                                 the higher sequence of one index wins

Only tables are read; values of 2048 bytes and more lie in file objects and are read on demand,
so that a saved state of gigabytes costs what its keys cost. Where object tables are damaged, key
tables are looked for in the space that nothing claims.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from analyzer.errors import Corrupt, Notice
from analyzer.formats import vmcx_file, vmcx_keys, vmcx_log, vmcx_salvage
from analyzer.formats.readable import Readable
from analyzer.formats.vmcx_file import PAGE, Header, Objects, Pages, is_newer
from analyzer.formats.vmcx_keys import Entry, Place, Table, Work
from analyzer.formats.vmcx_log import ReplayLog

MOST_KEYS: Final = 1_000_000
MOST_TABLE_BYTES: Final = 128 << 20
_MOST_NOTICES: Final = 100


@dataclass(slots=True)
class Storage:
    """`tables` by index; those of lost index have negative ones, to which nothing refers."""

    pages: Pages
    header: Header
    log: ReplayLog | None
    objects: Objects
    notices: list[Notice]
    tables: dict[int, Table] = field(default_factory=dict)
    older: list[Table] = field(default_factory=list)
    """Tables of an index that a higher sequence has, and found ones that nothing needs."""
    partial: bool = False
    work: Work = field(default_factory=Work)

    @property
    def wide(self) -> bool:
        """Whether names are UTF-16."""
        return self.header.version == vmcx_file.VERSIONS[0]

    def entry(self, place: Place) -> Entry | None:
        """The key at a place."""
        table = self.tables.get(place[0])
        return table.entries.get(place[1]) if table is not None else None

    def claimed(self) -> list[tuple[int, int]]:
        """(start, end) of all that is in use."""
        rows = [(0, vmcx_file.FIRST_TABLE)]
        rows += [(at, at + size) for at, size in self.objects.tables if self.objects.whole]
        rows += [(slot.at, slot.at + slot.size) for slot in self.objects.slots
                 if slot.kind != vmcx_file.FREE]
        rows += [(table.at, table.at + len(table.data))
                 for index, table in self.tables.items() if index > 0]
        if self.log is not None:
            rows.append((self.log.at, self.log.at + self.header.log_size))
        rows += [extent for table in self.tables.values() for extent in file_objects(table)]
        return rows


def file_objects(table: Table) -> Iterator[tuple[int, int]]:
    """(start, end) of every file object that a table's keys point to."""
    for entry in table.entries.values():
        if entry.in_file_object:
            at = int.from_bytes(entry.data[4:12], "little")
            yield at, at + int.from_bytes(entry.data[:4], "little")


def open_storage(blocks: Readable) -> Storage:
    """Reads the tables; raises NotThisFormat, and Corrupt where not one key is left."""
    notices: list[Notice] = []
    pages = Pages(blocks)
    header = vmcx_file.header(pages, notices)
    if header.version not in vmcx_file.VERSIONS:
        notices.append(Notice("VMCX-VERSION", f"container version {header.version:#06x} is none "
                              "that was published", "read as the latest known one", 10))
    log = vmcx_log.replay_log(pages, header, notices)
    complete = vmcx_log.apply(log, pages, notices) if log is not None else True
    objects = vmcx_file.objects(pages, header.version, notices)
    storage = Storage(pages, header, log, objects, notices)
    storage.partial = not (complete and objects.whole)
    _take(storage, list(_listed(storage)))
    _find_lost(storage)
    _say(storage)
    if not any(table.entries for table in storage.tables.values()):
        raise Corrupt(f"a HyperVStorage file (version {header.version:#06x}) of {pages.size} "
                      "bytes without one whole key")
    return storage


def _listed(storage: Storage) -> Iterator[Table]:
    """The key tables that the object tables list."""
    total = keys = 0
    seen: set[int] = set()
    for slot in storage.objects.slots:
        if slot.kind != vmcx_file.KEY_TABLE or slot.at in seen:
            continue
        seen.add(slot.at)
        size = min(slot.size, vmcx_keys.LARGEST)
        total += size
        if total > MOST_TABLE_BYTES or keys > MOST_KEYS:
            storage.partial = True
            storage.notices.append(Notice("VMCX-LIMIT", f"more than {MOST_KEYS} keys or "
                                          f"{MOST_TABLE_BYTES >> 20} MB of key tables",
                                          "the rest is not read", slot.at))
            return
        table = _read(storage, slot.at, size)
        keys += len(table.entries)
        if len(table.data) < slot.size:
            storage.partial = True
            storage.notices.append(Notice("VMCX-TABLE", f"a key table of {slot.size} bytes, "
                                          f"{len(table.data)} of them in the file",
                                          "the others are not read", slot.at, slot.size))
        yield table


def _read(storage: Storage, at: int, size: int) -> Table:
    return vmcx_keys.read_table(storage.pages.read(at, size), at, wide=storage.wide,
                                work=storage.work)


def _take(storage: Storage, tables: Iterable[Table], *, listed: bool = True) -> None:
    """Adds tables: of one index the newest; those without a header get the index that fits.

    A table that is not listed, and that nothing needs, may be one that was freed: it is not used.
    """
    headless = []
    for table in tables:
        if table.index is None:
            headless.append(table)
            continue
        other = storage.tables.get(table.index)
        if other is not None and not is_newer(table.sequence or 0, other.sequence or 0):
            storage.older.append(table)
            continue
        if other is not None:
            storage.older.append(other)
        storage.tables[table.index] = table
    for table in headless:
        storage.partial = True
        _take_headless(storage, table, headless, listed=listed)


def _take_headless(storage: Storage, table: Table, headless: list[Table], *,
                   listed: bool) -> None:
    index = vmcx_salvage.fitting_index(table, storage.tables, headless, storage.log,
                                       listed=listed)
    if index is None and not listed:
        storage.older.append(table)
        return
    basis = f"taken as table {index}, which fits" if index is not None else "its index is lost"
    if table.entries:
        storage.notices.append(Notice("VMCX-TABLE", "the head of a key table is damaged",
                                      f"{len(table.entries)} keys of it are read; {basis}",
                                      table.at, vmcx_keys.HEADER))
    storage.tables[min((*storage.tables, 0)) - 1 if index is None else index] = table


def _find_lost(storage: Storage) -> None:
    """Looks for key tables that damaged object tables no longer list."""
    missing = {entry.parent[0] for table in storage.tables.values()
               for entry in table.entries.values() if entry.parent[1]} - storage.tables.keys()
    if storage.objects.whole and not missing:
        return
    free = [(slot.at, slot.at + slot.size) for slot in storage.objects.slots
            if slot.kind == vmcx_file.FREE]
    ranges = vmcx_salvage.gaps([*storage.claimed(), *free], storage.pages.size)
    found = []
    for at in vmcx_salvage.table_places(storage.pages, ranges, wide=storage.wide):
        table = _read(storage, at, PAGE)
        if table.entries:
            found.append(table)
    known = dict(storage.tables)
    _take(storage, found, listed=False)
    _drop_displaced(storage)
    for index, table in storage.tables.items():
        if known.get(index) is not table:
            storage.partial = True
            storage.notices.append(Notice("VMCX-TABLE", f"key table {index} is in no readable "
                                          "object table", "found by its content; that it is the "
                                          "one in use is inference", table.at, len(table.data)))


def _drop_displaced(storage: Storage) -> None:
    """Takes out tables of lost index over whose bytes one with a head was found."""
    whole = [table for index, table in storage.tables.items() if index > 0]
    for index, table in list(storage.tables.items()):
        if index < 0 and any(abs(other.at - table.at) < PAGE for other in whole):
            del storage.tables[index]


def _say(storage: Storage) -> None:
    """Notices of what is no whole key, and of sectors that could not be read."""
    lost = [(index, table.at + offset, length) for index, table in storage.tables.items()
            for offset, length in table.bad]
    for index, at, length in lost[:_MOST_NOTICES]:
        storage.notices.append(Notice("VMCX-KEY", f"{length} bytes of key table {index} hold no "
                                      "whole key", "the keys there are lost", at, length))
    if len(lost) > _MOST_NOTICES:
        storage.notices.append(Notice("VMCX-KEY", f"{len(lost) - _MOST_NOTICES} more places "
                                      "without whole keys", "the keys there are lost"))
    for at, length in list(storage.pages.lost.items())[:_MOST_NOTICES]:
        storage.notices.append(Notice("VMCX-EIO", "sectors of the file cannot be read",
                                      "what stands there is missing", at, length))
    if storage.work.exhausted:
        storage.notices.append(Notice("VMCX-LIMIT", "the search for keys among damage ran out of "
                                      "its budget", "keys behind the damage may be missing"))
    if lost or storage.pages.lost or storage.work.exhausted:
        storage.partial = True
