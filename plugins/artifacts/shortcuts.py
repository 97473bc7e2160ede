"""Shortcuts of each user to files and tools of virtual machines."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats import shell_link
from analyzer.formats.machine_files import concerns_machines, machine_of
from analyzer.plugin import artifact
from analyzer.profiles import Owner, in_profiles
from analyzer.records import Record, UserTrace
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME, LARGEST, MOST = "shortcuts", 1 << 20, 10_000


@artifact(UserTrace)
def shortcuts(system: WindowsSystem) -> Iterator[Record]:
    """Shortcuts (.lnk) in Recent and on the desktop that lead to virtual machines, deleted too."""
    for owner, folder in in_profiles(system, NAME) if system.owns_volumes else ():
        try:
            items = [item for item in folder.children() if item.name.lower().endswith(".lnk")]
        except EvidenceError as error:
            _lost(system, folder, folder, error, "unreadable")
            continue
        if len(items) > MOST:
            system.cover(folder.path, "skipped by limit", NAME)
        for item in items[:MOST]:
            try:
                link = shell_link.parse(item.read(LARGEST))
            except EvidenceError as error:
                _lost(system, folder, item, error, "partial")
                continue
            system.notices(link.notices, item.source, NAME)
            row = _row(owner, item, link)
            if row is not None:
                yield system.own(row)


def _lost(system: WindowsSystem, folder: Item, item: Item, error: EvidenceError,
          state: str) -> None:
    system.problem(error, item.source, "what the user opened by it is not known", NAME)
    system.cover(folder.path, state, NAME)


def _row(owner: Owner, item: Item, link: shell_link.ShellLink) -> UserTrace | None:
    target = link.target or link.item_path or link.relative_path
    if not concerns_machines(f"{target}\n{link.item_path}\n{link.arguments}\n{item.name}"):
        return None
    about = {"arguments": link.arguments, "volume": link.volume, "computer": link.computer,
             "size of the target": str(link.target_size) if link.target_size else "",
             "note": "" if item.entry.allocated else "the shortcut is deleted"}
    return UserTrace(
        source=item.placed(), trace="shortcut", user_sid=owner.sid, account_name=owner.name,
        target=target or item.name, vm_id=machine_of(target),
        details=tuple(f"{name}: {text}" for name, text in about.items() if text),
        made_at=item.entry.times.si_created, written_at=item.entry.times.si_modified)
