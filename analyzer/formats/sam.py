"""Values of the SAM hive: the account domain, users, groups and aliases (local groups).

Most are tables of (u32 offset, u32 bytes, u32 number) into what follows the table:

    Account\\V         table of 4 at 0, data from 0x30: [1] SID of the domain, [2] its name
    Users\\RID\\V       table of 17 at 0, data from 0xCC: [1] name, [2] full name, [3] comment
    Users\\RID\\F       8 last logon  24 password set  32 account expires  40 last bad password
                      48 u32 RID  52 u32 primary group  56 u32 flags  64 u16 bad passwords
                      66 u16 logons
    Aliases\\RID\\C     0 u32 RID; table at 0x10, data from 0x34: name, comment, members (SIDs)
    Groups\\RID\\C      4 u32 RID; table at 0x20, data from 0x44: name, comment, members (u32 RIDs)

SECURITY names the account domain and the domain that the computer belongs to.

Password hashes lie in V as well; they are never read.

Sources: libyal winreg-kb, "Security Accounts Manager keys"; measured on seven real hives of
NT 4 ... Windows 10 (docs/formats/sam.md).
"""

import struct
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Corrupt, Notice
from analyzer.formats.sid import decode_sid

MOST_MEMBERS: Final = 100_000
_FLAGS: Final = (
    (0x001, "disabled"), (0x002, "home directory required"), (0x004, "password not required"),
    (0x008, "temporary duplicate"), (0x010, "normal account"), (0x020, "MNS logon account"),
    (0x040, "interdomain trust"), (0x080, "workstation trust"), (0x100, "server trust"),
    (0x200, "password does not expire"), (0x400, "locked out"))


@dataclass(frozen=True, slots=True)
class User:
    """One account. Times are ticks, None for never; the rest as the values have it."""

    rid: int
    name: str
    full_name: str
    comment: str
    flags: tuple[str, ...]
    logon_count: int
    last_logon_at: int | None
    password_set_at: int | None
    bad_password_at: int | None
    notices: tuple[Notice, ...] = ()
    """Places count in F."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group (members are RIDs of its domain, as text) or an alias (members are SIDs).

    partial  True where members are missing
    """

    rid: int
    name: str
    comment: str
    members: tuple[str, ...]
    partial: bool


def domain(v: bytes) -> tuple[str, str]:
    """SID of the domain, and its name ("" since Windows 2000), from its V; raises Corrupt."""
    raw = _part(v, 0, 0x30, 1)
    return decode_sid(raw, 0, len(raw))[0], _text(_part(v, 0, 0x30, 2))


def user(f: bytes, v: bytes) -> User:
    """An account from its F and V; raises Corrupt."""
    if len(f) < 68:
        raise Corrupt(f"F of {len(f)} bytes, where an account has 80")
    notices: list[Notice] = []
    logon, password, bad = (
        times.stamp(int.from_bytes(f[at:at + 8], "little"), f"F: {what}", at, notices)
        for at, what in ((8, "last logon"), (24, "password set"), (40, "last bad password")))
    rid, _, flags = struct.unpack_from("<III", f, 48)
    name, full_name, comment = (_text(_part(v, 0, 0xCC, number)) for number in (1, 2, 3))
    rest = flags & ~sum(bit for bit, _ in _FLAGS)
    said = [name for bit, name in _FLAGS if flags & bit] + [f"{rest:#x}"] * bool(rest)
    return User(rid, name, full_name, comment, tuple(said), struct.unpack_from("<H", f, 66)[0],
                logon, password, bad, tuple(notices))


def alias(c: bytes) -> Group:
    """A local group from its C; raises Corrupt. Members past damage are left out."""
    name, comment = (_text(_part(c, 0x10, 0x34, number)) for number in (0, 1))
    data, count = _members(c, 0x10, 0x34)
    members: list[str] = []
    at = 0
    for _ in range(min(count, MOST_MEMBERS)):
        try:
            sid, length = decode_sid(data, at, len(data))
        except Corrupt:
            break  # `partial` says so
        members.append(sid)
        at += length
    return Group(struct.unpack_from("<I", c)[0], name, comment, tuple(members),
                 len(members) < count)


def group(c: bytes) -> Group:
    """A global group from its C; raises Corrupt. Members past damage are left out."""
    name, comment = (_text(_part(c, 0x20, 0x44, number)) for number in (0, 1))
    data, count = _members(c, 0x20, 0x44)
    known = min(count, len(data) // 4, MOST_MEMBERS)
    members = struct.unpack_from(f"<{known}I", data)
    return Group(struct.unpack_from("<I", c, 4)[0], name, comment, tuple(map(str, members)),
                 known < count)


def counted_text(data: bytes) -> str:
    """Text after its length (u16), room (u16) and offset (u32); raises Corrupt.

    So SECURITY keeps the names of domains in `Policy\\PolAcDmN` and `Policy\\PolPrDmN`.
    """
    if len(data) < 8:
        raise Corrupt(f"a text of {len(data)} bytes, whose head has 8")
    length, _, offset = struct.unpack_from("<HHI", data)
    if offset + length > len(data):
        raise Corrupt(f"a text of {length} bytes at {offset} of {len(data)}")
    return _text(data[offset:offset + length])


def _text(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace")


def _part(data: bytes, table: int, base: int, number: int) -> bytes:
    """Entry `number` of the table; raises Corrupt where it reaches out of the value."""
    at = table + 12 * number
    if len(data) < base:
        raise Corrupt(f"a value of {len(data)} bytes, whose table has {base}")
    offset, length = struct.unpack_from("<II", data, at)
    if base + offset + length > len(data):
        raise Corrupt(f"{length} bytes at {base + offset} of a value of {len(data)}", at)
    return data[base + offset:base + offset + length]


def _members(c: bytes, table: int, base: int) -> tuple[bytes, int]:
    """What there is of the members, and how many there should be."""
    offset, length, count = struct.unpack_from("<III", c, table + 24)
    return c[base + offset:base + offset + length], count
