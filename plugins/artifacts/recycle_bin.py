"""Recycle Bins of every user on every volume."""

from collections.abc import Iterator
from itertools import islice

from analyzer.accounts import accounts
from analyzer.errors import Corrupt, EvidenceError
from analyzer.formats.machine_files import kind_of, machine_of
from analyzer.formats.recycle_bin import LARGEST, Recycled, parse_item, parse_list
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import Record, RecycledFile
from analyzer.system import WindowsSystem
from analyzer.volume import Item

MOST, DEEPEST = 1_000, 16
"""Items of a deleted folder that are looked at, and levels."""
DELETED = "from a deleted entry: the bin was emptied, or the file restored"


@artifact(RecycledFile)
def recycle_bin(system: WindowsSystem) -> Iterator[Record]:
    """What users moved to the Recycle Bin ($I and INFO2), emptied bins too where entries last."""
    for top in there(system, "recycle_bin") if system.owns_volumes else ():
        try:
            folders = [top, *(item for item in top.children() if item.entry.is_directory
                              and not item.name.startswith("$R"))]
        except EvidenceError as error:
            _lost(system, top, top, error)
            continue
        for folder in folders:
            yield from _bin(system, top, folder)


def _bin(system: WindowsSystem, top: Item, folder: Item) -> Iterator[Record]:
    """One user's bin."""
    try:
        items = folder.children()
    except EvidenceError as error:
        _lost(system, top, folder, error)
        return
    found = {item.name.casefold(): item for item in items}
    for item in items:
        try:
            yield from _read(system, folder, item, found)
        except EvidenceError as error:
            _lost(system, top, item, error)


def _lost(system: WindowsSystem, top: Item, item: Item, error: EvidenceError) -> None:
    system.problem(error, item.source, "what was deleted here is not known", "recycle_bin")
    system.cover(top.path, "partial", "recycle_bin")


def _read(system: WindowsSystem, folder: Item, item: Item,
          found: dict[str, Item]) -> Iterator[Record]:
    if item.entry.is_directory:
        return
    name = item.name.casefold()
    if name.startswith("$i") and len(name) >= 8:
        content = found.get(f"$r{name[2:]}")
        yield _row(system, folder, item, parse_item(item.read(LARGEST)), content)
    elif name == "info2":
        for said in parse_list(item.read(LARGEST)):
            if isinstance(said, Corrupt):
                system.problem(said, item.source, "what this record says is missing",
                               "recycle_bin")
            else:
                yield _row(system, folder, item, said, found.get(said.stored.casefold()))


def _row(system: WindowsSystem, folder: Item, item: Item, said: Recycled,
         content: Item | None) -> Record:
    system.notices(said.notices, item.source, "recycle_bin")
    sid = folder.name if folder.name.startswith("S-") else ""
    notes = [] if item.entry.allocated else [DELETED]
    if said.is_out:
        notes.append("marked as taken out of the bin")
    if content is not None and not content.entry.allocated:
        notes.append("the content is a deleted file")
    return system.own(RecycledFile(
        source=item.source.at(offset=said.offset) if said.offset else item.placed(),
        vm_id=machine_of(said.path), path=said.path, subject=kind_of(said.path), user_sid=sid,
        account_name=accounts(system).name(sid) if sid else "", size=said.size,
        format=said.format, content_path=content.path if content is not None else "",
        contents=tuple(sorted(_machine_files(content))) if content is not None else (),
        note="; ".join(notes), deleted_at=said.deleted_at))


def _machine_files(content: Item) -> list[str]:
    """Files of machines below a deleted folder, relative to it."""
    return [item.path[len(content.path) + 1:] for item in islice(_below(content, 0), MOST)
            if kind_of(item.path)]


def _below(folder: Item, depth: int) -> Iterator[Item]:
    for item in folder.children() if folder.entry.is_directory and depth < DEEPEST else ():
        yield item
        yield from _below(item, depth + 1)
