"""Jump lists of each user."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats.jump_list import LARGEST, Destination, automatic, custom
from analyzer.formats.machine_files import concerns_machines, machine_of
from analyzer.plugin import artifact
from analyzer.profiles import Owner, in_profiles
from analyzer.records import Record, UserTrace
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME = "jump_lists"
SUFFIXES = {".automaticdestinations-ms": automatic, ".customdestinations-ms": custom}


@artifact(UserTrace)
def jump_lists(system: WindowsSystem) -> Iterator[Record]:
    """What users opened by or with programs for virtual machines, as jump lists keep it."""
    for owner, folder in in_profiles(system, NAME) if system.owns_volumes else ():
        try:
            items = folder.children()
        except EvidenceError as error:
            _lost(system, folder, folder, error)
            continue
        for item in items:
            parse = SUFFIXES.get(f".{item.name.casefold().rpartition('.')[2]}")
            if parse is None or item.entry.is_directory:
                continue
            try:
                for found in parse(item.read(LARGEST)):
                    if isinstance(found, EvidenceError):
                        _lost(system, folder, item, found)
                        continue
                    system.notices(found.notices, item.source, NAME)
                    if _matters(found):
                        yield system.own(_row(owner, item, found))
            except EvidenceError as error:
                _lost(system, folder, item, error)


def _lost(system: WindowsSystem, folder: Item, item: Item, error: EvidenceError) -> None:
    system.problem(error, item.source, "what the user opened is not known whole", NAME)
    system.cover(folder.path, "partial" if item is not folder else "unreadable", NAME)


def _texts(found: Destination) -> tuple[str, ...]:
    link = found.link
    return (found.path,) if link is None else (
        found.path, link.target, link.item_path, link.arguments)


def _matters(found: Destination) -> bool:
    return any(concerns_machines(text) for text in _texts(found))


def _row(owner: Owner, item: Item, found: Destination) -> UserTrace:
    target = next(filter(None, _texts(found)), "")
    link = found.link
    about = {
        "list of application": item.name.partition(".")[0], "computer": found.computer,
        "arguments": link.arguments if link else "", "volume": link.volume if link else "",
        "note": ("" if link else "its link is missing or damaged"),
        "pinned": "yes" if found.is_pinned else ""}
    return UserTrace(
        source=item.source.at(offset=found.offset) if found.offset is not None else item.placed(),
        trace="jump list", user_sid=owner.sid, account_name=owner.name, target=target,
        vm_id=machine_of(target), use_count=found.use_count, last_used_at=found.used_at,
        details=tuple(f"{name}: {text}" for name, text in about.items() if text))
