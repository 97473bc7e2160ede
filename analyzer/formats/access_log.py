"""User Access Logging: machines that a host saw, and clients that used its roles.

`Windows\\System32\\LogFiles\\Sum` (2012 and later), ESE:

    Current.mdb, {GUID}.mdb (a year each)
        VIRTUALMACHINES  VmGuid, BIOSGuid (GUID), CreationTime, LastSeenActive, SerialNumber
        CLIENTS          RoleGuid, TotalAccesses, InsertDate, LastAccess, Address (4 or 16 bytes),
                         AuthenticatedUserName, ClientName
    SystemIdentity.mdb
        ROLE_IDS         RoleGuid, ProductName, RoleName

Times are FILETIMEs although their column type is a date. Sources: FIELD-GUIDE 1.2; columns and
CLIENTS of a real file of Server 2019 (docs/formats/access-log.md); no real row of VIRTUALMACHINES
was seen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from analyzer import times
from analyzer.errors import Corrupt, Notice
from analyzer.formats.ese import Row

ZERO: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class Machine:
    """One row of VIRTUALMACHINES; ids upper case, "" where there is none."""

    vm_id: str
    bios_guid: str
    serial_number: str
    created_at: int | None
    last_seen_at: int | None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """One row of CLIENTS."""

    role_id: str
    user: str
    address: str
    client_name: str
    count: int | None
    first_at: int | None
    last_at: int | None
    notices: tuple[Notice, ...] = ()


def machine(row: Row) -> Machine:
    """Raises Corrupt where a value has another size than its column's type."""
    vm_id, notices = _guid(row, "VmGuid"), list[Notice]()
    return Machine(vm_id, _guid(row, "BIOSGuid"), _text(row, "SerialNumber"),
                   _time(row, "CreationTime", vm_id, notices),
                   _time(row, "LastSeenActive", vm_id, notices), tuple(notices))


def client(row: Row) -> Client:
    """Raises Corrupt where a value has another size than its column's type."""
    user, notices = _text(row, "AuthenticatedUserName"), list[Notice]()
    return Client(_guid(row, "RoleGuid"), user, _address(row), _text(row, "ClientName"),
                  _number(row, "TotalAccesses"), _time(row, "InsertDate", user, notices),
                  _time(row, "LastAccess", user, notices), tuple(notices))


def roles(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """(id, name) of ROLE_IDS."""
    for row in rows:
        yield _guid(row, "RoleGuid"), _text(row, "RoleName")


def _value(row: Row, name: str, *sizes: int) -> bytes:
    """b"" where the row has no value; Corrupt for any other size."""
    data = row.get(name)
    if data is None or not data:
        return b""
    if len(data) not in sizes:
        raise Corrupt(f"{name} has {len(data)} bytes")
    return data


def _guid(row: Row, name: str) -> str:
    data = _value(row, name, 16)
    return str(UUID(bytes_le=data)).upper() if data and data != ZERO else ""


def _time(row: Row, name: str, whose: str, notices: list[Notice]) -> int | None:
    """None where the row has none; a row has no place, so the notice says whose it is."""
    raw = int.from_bytes(_value(row, name, 8), "little")
    return times.stamp(raw, f"{name} of {whose!a}", None, notices)


def _number(row: Row, name: str) -> int | None:
    data = _value(row, name, 4)
    return int.from_bytes(data, "little") if data else None


def _text(row: Row, name: str) -> str:
    data = row.get(name) or b""
    return data[:len(data) // 2 * 2].decode("utf-16-le", "backslashreplace").partition("\0")[0]


def _address(row: Row) -> str:
    data = _value(row, "Address", 4, 16)
    return str(ip_address(data)) if data else ""
