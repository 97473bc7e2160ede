"""User Access Logging: real databases against what plaso states, rows made by hand, damage."""

import struct
from pathlib import Path
from uuid import UUID

import pytest

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat
from analyzer.formats.access_log import Client, Machine, client, machine, roles
from analyzer.formats.ese import Database, Row
from tests.unit.formats.damage import damaged

VM, BIOS = "0AA394FA-7C4A-4070-BA32-773D43B28A68", "11111111-2222-3333-4444-555555555555"
AT = 130_000_000_000_000_000
YEAR = "{C519A76A-D9B5-4F85-B667-5FAC08E0E1B4}.mdb"


def machine_row(vm_id: str = VM, last: int = AT + 5) -> Row:
    """A row as the columns' types have it."""
    return {"VmGuid": UUID(vm_id).bytes_le, "BIOSGuid": UUID(BIOS).bytes_le,
            "CreationTime": struct.pack("<Q", AT), "LastSeenActive": struct.pack("<Q", last),
            "SerialNumber": "1234-5678\0".encode("utf-16-le")}


def client_row(role: str = VM) -> Row:
    return {"RoleGuid": UUID(role).bytes_le, "TotalAccesses": struct.pack("<I", 7),
            "InsertDate": struct.pack("<Q", AT), "LastAccess": struct.pack("<Q", AT + 1),
            "Address": b"\x0a\0\0\7", "AuthenticatedUserName": "hv\\kb\0".encode("utf-16-le"),
            "ClientName": None}


def test_a_machine() -> None:
    assert machine(machine_row()) == Machine(VM, BIOS, "1234-5678", AT, AT + 5)
    assert machine({}) == Machine("", "", "", None, None)
    assert machine({"VmGuid": bytes(16), "CreationTime": bytes(8)}) == machine({})


def test_a_client() -> None:
    assert client(client_row()) == Client(VM, "hv\\kb", "10.0.0.7", "", 7, AT, AT + 1)
    assert client({**client_row(), "Address": bytes(15) + b"\1"}).address == "::1"


@pytest.mark.parametrize(("name", "size"), [("VmGuid", 15), ("CreationTime", 4)])
def test_values_of_another_size(name: str, size: int) -> None:
    with pytest.raises(Corrupt, match=f"{name} has {size} bytes"):
        machine({**machine_row(), name: b"x" * size})
    with pytest.raises(Corrupt, match="Address has 5 bytes"):
        client({**client_row(), "Address": b"x" * 5})


def test_real_databases(plaso: Path) -> None:
    """Values as plaso's own tests state them."""
    names = dict(roles(Database((plaso / "SystemIdentity.mdb").read_bytes()).rows("ROLE_IDS")))
    assert len(names) == 14
    database = Database((plaso / YEAR).read_bytes())
    found = [client(row) for row in database.rows("CLIENTS")]
    assert (len(found), database.notices) == (14, [])
    first = found[0]
    assert (first.user, first.address, first.count) == ("ual\\dc-1$", "::1", 62)
    assert names[first.role_id] == "Active Directory Domain Services"
    assert times.iso(first.first_at) == "2022-07-16T14:50:27.0773450Z"
    assert times.iso(first.last_at) == "2022-07-16T15:02:52.7424758Z"
    assert database.columns("VIRTUALMACHINES") == {
        "VmGuid": 16, "BIOSGuid": 16, "CreationTime": 8, "LastSeenActive": 8, "SerialNumber": 12}
    assert list(database.rows("VIRTUALMACHINES")) == []
    assert (list(database.rows("ABSENT")), database.columns("ABSENT")) == ([], {})


def test_a_database_that_was_not_shut_down(plaso: Path) -> None:
    data = bytearray((plaso / YEAR).read_bytes())
    data[52], data[0] = 2, data[0] ^ 3 ^ 2
    assert [notice.code for notice in Database(bytes(data)).notices] == ["ESE-DIRTY"]


def test_damaged_databases(plaso: Path) -> None:
    """No row is changed by damage, and none is missing without a notice or an error."""
    data = (plaso / YEAR).read_bytes()
    whole = list(Database(data).rows("CLIENTS"))
    page = data.index("dc-1$".encode("utf-16-le")) // 4096 * 4096
    hurt = [data[:page + at] + bytes([data[page + at] ^ 1]) + data[page + at + 1:]
            for at in range(0, 4096, 61)]
    missing = 0
    for copy in (*damaged(data, 60), *hurt):
        try:
            database = Database(copy)
            found = list(database.rows("CLIENTS"))
        except EvidenceError:
            missing += 1
            continue
        assert all(row in whole for row in found)
        if len(found) < len(whole):
            missing += 1
            assert database.notices
    assert missing > len(hurt) // 2


def test_pages_of_another_size_are_not_verified(plaso: Path) -> None:
    data = bytearray((plaso / YEAR).read_bytes())
    data[236:240] = (32768).to_bytes(4, "little")
    with pytest.raises(Corrupt):
        Database(bytes(data))


@pytest.mark.parametrize("data", [b"", b"?" * 300, b"\0\0\0\0\xef\xcd\xab\x88" + bytes(300)])
def test_other_files(data: bytes) -> None:
    with pytest.raises(NotThisFormat):
        Database(data)


def test_a_header_alone() -> None:
    with pytest.raises(Corrupt, match="catalogue"):
        Database(b"\0\0\0\0\xef\xcd\xab\x89" + bytes(8192))
