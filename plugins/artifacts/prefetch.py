"""Programs for virtual machines that ran, by Prefetch."""

from collections.abc import Iterator

from analyzer import times
from analyzer.errors import EvidenceError
from analyzer.formats.machine_files import concerns_machines, is_management_program, kind_of
from analyzer.formats.prefetch import LARGEST, Prefetch, parse
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import Record, UserTrace
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME, MOST_LOADED = "prefetch", 50


@artifact(UserTrace)
def prefetch(system: WindowsSystem) -> Iterator[Record]:
    """Programs for virtual machines that ran, and programs that had files of machines open."""
    for folder in there(system, NAME):
        try:
            items = [item for item in folder.children() if item.name.lower().endswith(".pf")]
        except EvidenceError as error:
            system.unreadable(error, folder, "which programs ran is not known", NAME)
            continue
        for item in items:
            try:
                said = parse(item.read(LARGEST))
            except EvidenceError as error:
                system.problem(error, item.source, "that this program ran is missing", NAME)
                system.cover(folder.path, "partial", NAME)
                continue
            system.notices(said.notices, item.source, NAME)
            row = _row(item, said)
            if row is not None:
                yield system.own(row)


def _row(item: Item, said: Prefetch) -> UserTrace | None:
    files = [path for path in said.loaded if kind_of(path) not in ("", "possible configuration")]
    if not files and not concerns_machines(said.program) and \
            not is_management_program(said.program):
        return None
    earlier = tuple(f"ran at {times.iso(at)}" for at in said.ran_at[1:] if at is not None)
    loaded = tuple(f"used {path}" for path in files[:MOST_LOADED])
    return UserTrace(
        source=item.placed(), trace="Prefetch", user_sid="", target=said.program,
        details=("Prefetch does not say who ran it", *earlier, *loaded), use_count=said.run_count,
        last_used_at=said.ran_at[0] if said.ran_at else None, made_at=item.entry.times.si_created)
