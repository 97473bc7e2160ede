"""What NTUSER.DAT of each user says of virtual machines."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive
from analyzer.formats.machine_files import concerns_machines, is_management_program, machine_of
from analyzer.formats.recent_lists import Lost, recent
from analyzer.formats.user_assist import KEY, parse, target_of
from analyzer.plugin import artifact
from analyzer.profiles import Owner, in_profiles
from analyzer.records import Record, UserTrace
from analyzer.registry import open_hive
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME = "user_registry"


@artifact(UserTrace)
def user_registry(system: WindowsSystem) -> Iterator[Record]:
    """Programs for virtual machines that each user started, and files of machines each opened."""
    for owner, item in in_profiles(system, NAME) if system.owns_volumes else ():
        if not item.entry.is_directory:
            yield from map(system.own, _read(system, owner, item))


def _read(system: WindowsSystem, owner: Owner, item: Item) -> Iterator[UserTrace]:
    def lost(error: EvidenceError, place: str) -> None:
        system.problem(error, item.source.at(place), "this trace of the user is missing", NAME)
        system.cover(item.path, "partial", NAME)

    try:
        hive, notices = open_hive(item, lost)
    except EvidenceError as error:
        system.unreadable(error, item, "the traces in this hive are missing", NAME)
        return
    yield from _started(system, owner, item, hive, lost)
    yield from _recent(owner, item, hive, lost)
    system.notices((*notices, *hive.remarks), item.source, NAME)
    if hive.notices:
        system.cover(item.path, "partial", NAME)


def _started(system: WindowsSystem, owner: Owner, item: Item, hive: Hive,
             lost: Lost) -> Iterator[UserTrace]:
    try:
        top = hive.key(KEY)
        keys = list(top.subkeys()) if top is not None else []
        counts = [key for above in keys if (key := hive.key(f"{above.path}\\Count")) is not None]
    except EvidenceError as error:
        lost(error, KEY)
        return
    for key in counts:
        for value in key.values():
            target = target_of(value.name)
            if not is_management_program(target) and not concerns_machines(target):
                continue
            try:
                said = parse(value.name, value.data)
            except EvidenceError as error:
                lost(error, f"{key.path}\\{value.name}")
                continue
            source = item.source.at(f"{key.path}\\{value.name}", value.offset)
            system.notices(said.notices, source, NAME)
            focus = () if said.focus_ms is None else (f"in focus for {said.focus_ms} ms",)
            yield UserTrace(
                source=source, trace="UserAssist", user_sid=owner.sid, account_name=owner.name,
                target=target,
                vm_id=machine_of(target), details=focus, use_count=said.count,
                last_used_at=said.last_run_at)


def _recent(owner: Owner, item: Item, hive: Hive, lost: Lost) -> Iterator[UserTrace]:
    for line in recent(hive, lost):
        if concerns_machines(line.target):
            place = "not in the order of the list" if line.position is None else \
                f"{line.position} from the newest"
            yield UserTrace(
                source=item.source.at(f"{line.key}\\{line.value}"), trace=line.kind,
                user_sid=owner.sid, account_name=owner.name, target=line.target,
                vm_id=machine_of(line.target), details=(place,), last_used_at=line.used_at)
