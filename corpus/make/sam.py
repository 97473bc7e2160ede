"""SAM and SECURITY: values as their format describes them, and hives that hold them.

    accounts with F and V, groups and aliases with C, the domain's V: docs/formats/sam.md
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.make import hive

NEVER = 0x7FFF_FFFF_FFFF_FFFF


def encode_sid(text: str) -> bytes:
    """A SID of authority below 2**32 as bytes."""
    authority, *parts = [int(part) for part in text.split("-")[2:]]
    return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts), authority.to_bytes(6, "big"), *parts)


def _table(parts: Sequence[tuple[bytes, int]], entries: int) -> bytes:
    """A table of (offset, bytes, number) and the parts behind it, on multiples of 4."""
    rows, data = b"", b""
    for number in range(entries):
        part, count = parts[number] if number < len(parts) else (b"", 0)
        rows += struct.pack("<III", len(data), len(part), count)
        data += part + bytes(-len(part) % 4)
    return rows + data


def utf16(text: str) -> bytes:
    """As the hive keeps text."""
    return text.encode("utf-16-le")


def user_v(name: str, full_name: str = "", comment: str = "") -> bytes:
    """V of an account; its hashes are left empty."""
    parts = [(b"\1" * 20, 0x10002), (utf16(name), 0), (utf16(full_name), 0), (utf16(comment), 0)]
    return _table(parts, 17)


def user_f(rid: int, flags: int, logons: int, logon: int = 0, password: int = 0,
           bad: int = 0) -> bytes:
    """F of an account: flags, number of logons, times of logon, password and wrong password."""
    return struct.pack("<HHI5QIIIHHHHIII", 3, 1, 0, logon, 0, password, NEVER, bad, rid, 513, flags,
                       0, 0, 2, logons, 0, 0, 0)[:80]


def alias_c(rid: int, name: str, comment: str, members: Sequence[str]) -> bytes:
    """C of an alias with members by SID."""
    sids = b"".join(map(encode_sid, members))
    parts = [(utf16(name), 0), (utf16(comment), 0), (sids, len(members))]
    return struct.pack("<IIII", rid, 0, 0, 0x10002) + _table(parts, 3)


def group_c(rid: int, name: str, comment: str, members: Sequence[int]) -> bytes:
    """C of a group with members by RID; Windows leaves room behind them."""
    parts = [(utf16(name), 0), (utf16(comment), 0),
             (struct.pack(f"<{len(members)}I", *members) + bytes(16), len(members))]
    return struct.pack("<HHIIIIIII", 2, 1, rid, 7, 0, 0, 0, 0, 0x10002) + _table(parts, 3)


def domain_v(sid: str, name: str = "") -> bytes:
    """V of the account domain."""
    return _table([(b"\1" * 20, 0x10002), (encode_sid(sid), 0), (utf16(name), 0)], 4)


def counted(text: str) -> bytes:
    """A name as SECURITY keeps it."""
    raw = utf16(text)
    return struct.pack("<HHI", len(raw), len(raw) + 2, 8) + raw + b"\0\0"


@dataclass(frozen=True, slots=True)
class User:
    """One account. Times are ticks, 0 for never."""

    rid: int
    name: str
    full_name: str = ""
    flags: int = 0x210
    logons: int = 0
    last_logon: int = 0
    password_set: int = 0


@dataclass(frozen=True, slots=True)
class Alias:
    """One built-in group and the SIDs of its members."""

    rid: int
    name: str
    members: Sequence[str]
    comment: str = ""


def sam_hive(computer: str, users: Sequence[User], aliases: Sequence[Alias], at: int) -> hive.Key:
    """SAM of the computer with the SID `computer`; all users are members of the group None."""
    root = hive.Key("ROOT", at)
    account = root.key("SAM\\Domains\\Account", at)
    account.set(hive.binary("V", domain_v(computer)))
    for user in users:
        key = account.key(f"Users\\{user.rid:08X}", max(at, user.last_logon))
        key.set(hive.binary("F", user_f(user.rid, user.flags, user.logons, user.last_logon,
                                        user.password_set)),
                hive.binary("V", user_v(user.name, user.full_name)))
    account.key("Groups\\00000201", at).set(hive.binary(
        "C", group_c(513, "None", "Ordinary users", [user.rid for user in users])))
    builtin = root.key("SAM\\Domains\\Builtin\\Aliases", at)
    builtin.key("Names", at)
    for alias in aliases:
        builtin.key(f"{alias.rid:08X}", at).set(
            hive.binary("C", alias_c(alias.rid, alias.name, alias.comment, alias.members)))
    return root


def security_hive(computer: str, name: str, domain_sid: str, domain: str, at: int) -> hive.Key:
    """Policy of SECURITY: this computer and its domain; `domain_sid` is "" in a work group."""
    root = hive.Key("ROOT", at)
    for key, data in (("PolAcDmS", encode_sid(computer)), ("PolAcDmN", counted(name)),
                      ("PolPrDmS", encode_sid(domain_sid) if domain_sid else b""),
                      ("PolPrDmN", counted(domain))):
        root.key(f"Policy\\{key}", at).set(hive.binary("", data))
    return root
