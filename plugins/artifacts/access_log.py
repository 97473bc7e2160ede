"""User Access Logging of a server."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from analyzer.errors import EvidenceError
from analyzer.formats.access_log import Client, Machine, client, machine, roles
from analyzer.formats.ese import LARGEST, Database, Row
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import AccessLogClient, AccessLogMachine, Record
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME = "access_log"
T = TypeVar("T")


@artifact(AccessLogMachine, AccessLogClient)
def access_log(system: WindowsSystem) -> Iterator[Record]:
    """Machines that User Access Logging saw, deleted ones too, and who used the host's roles."""
    for folder in there(system, NAME):
        found = _databases(system, folder)
        names = {role: name for _, database in found
                 for role, name in _rows(system, folder, database, "ROLE_IDS", _role)}
        for item, database in found:
            for seen in _rows(system, item, database, "VIRTUALMACHINES", machine):
                system.notices(seen.notices, item.source.at("VIRTUALMACHINES"), NAME)
                yield system.own(_machine(item.source.at("VIRTUALMACHINES"), seen))
            for user in _rows(system, item, database, "CLIENTS", client):
                system.notices(user.notices, item.source.at("CLIENTS"), NAME)
                yield system.own(_client(item.source.at("CLIENTS"), user, names))
            system.notices(database.notices, item.source, NAME)
            if database.notices:
                system.cover(folder.path, "partial", NAME)


def _databases(system: WindowsSystem, folder: Item) -> list[tuple[Item, Database]]:
    opened = []
    try:
        items = folder.children()
    except EvidenceError as error:
        _lost(system, folder, folder, error)
        return []
    for item in items:
        if item.entry.is_directory or not item.name.casefold().endswith(".mdb"):
            continue
        try:
            opened.append((item, Database(item.read(LARGEST))))
        except EvidenceError as error:
            _lost(system, folder, item, error)
    return opened


def _rows(system: WindowsSystem, item: Item, database: Database, table: str,
          decode: Callable[[Row], T]) -> Iterator[T]:
    """The decoded rows of a table; what cannot be read is said."""
    try:
        for row in database.rows(table):
            try:
                yield decode(row)
            except EvidenceError as error:
                system.problem(error, item.source.at(table), "this row is missing", NAME)
    except EvidenceError as error:
        system.problem(error, item.source.at(table), "the rows of this table are missing", NAME)


def _role(row: Row) -> tuple[str, str]:
    return next(roles([row]))


def _lost(system: WindowsSystem, folder: Item, item: Item, error: EvidenceError) -> None:
    system.problem(error, item.source, "what this database saw is missing", NAME)
    system.cover(folder.path, "partial" if item is not folder else "unreadable", NAME)


def _machine(source: Source, seen: Machine) -> AccessLogMachine:
    return AccessLogMachine(
        source=source, vm_id=seen.vm_id, bios_guid=seen.bios_guid,
        serial_number=seen.serial_number, made_at=seen.created_at, last_seen_at=seen.last_seen_at)


def _client(source: Source, user: Client, names: dict[str, str]) -> AccessLogClient:
    return AccessLogClient(
        source=source, role=names.get(user.role_id, "") or user.role_id, account_name=user.user,
        address=user.address, client_name=user.client_name, use_count=user.count,
        first_used_at=user.first_at, last_used_at=user.last_at)
