"""Values of SAM as its format describes them, and a hive that holds them."""

import struct
from collections.abc import Sequence

from analyzer.formats.sid import encode_sid
from corpus.make import hive

NEVER = 0x7FFF_FFFF_FFFF_FFFF
COMPUTER = "S-1-5-21-1482476501-839522115-2147093821"


def _table(parts: Sequence[tuple[bytes, int]], entries: int) -> bytes:
    """A table of (offset, bytes, number) and the parts behind it, on multiples of 4."""
    rows, data = b"", b""
    for number in range(entries):
        part, count = parts[number] if number < len(parts) else (b"", 0)
        rows += struct.pack("<III", len(data), len(part), count)
        data += part + bytes(-len(part) % 4)
    return rows + data


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def user_v(name: str, full_name: str = "", comment: str = "") -> bytes:
    parts = [(b"\1" * 20, 0x10002), (utf16(name), 0), (utf16(full_name), 0), (utf16(comment), 0)]
    return _table(parts, 17)


def user_f(rid: int, flags: int, logons: int, logon: int = 0, password: int = 0,
           bad: int = 0) -> bytes:
    return struct.pack("<HHI5QIIIHHHHIII", 3, 1, 0, logon, 0, password, NEVER, bad, rid, 513, flags,
                       0, 0, 2, logons, 0, 0, 0)[:80]


def alias_c(rid: int, name: str, comment: str, members: Sequence[str]) -> bytes:
    sids = b"".join(map(encode_sid, members))
    parts = [(utf16(name), 0), (utf16(comment), 0), (sids, len(members))]
    return struct.pack("<IIII", rid, 0, 0, 0x10002) + _table(parts, 3)


def group_c(rid: int, name: str, comment: str, members: Sequence[int]) -> bytes:
    parts = [(utf16(name), 0), (utf16(comment), 0),
             (struct.pack(f"<{len(members)}I", *members) + bytes(16), len(members))]
    return struct.pack("<HHIIIIIII", 2, 1, rid, 7, 0, 0, 0, 0, 0x10002) + _table(parts, 3)


def domain_v(sid: str, name: str = "") -> bytes:
    return _table([(b"\1" * 20, 0x10002), (encode_sid(sid), 0), (utf16(name), 0)], 4)


def counted(text: str) -> bytes:
    raw = utf16(text)
    return struct.pack("<HHI", len(raw), len(raw) + 2, 8) + raw + b"\0\0"


def sam_hive(administrators: Sequence[str], hyperv: Sequence[str]) -> hive.Key:
    """SAM of a computer with Administrator, Guest, a user `kb`, and two built-in groups."""
    root = hive.Key("ROOT", 1)
    account = root.key("SAM\\Domains\\Account", 1)
    account.set(hive.binary("V", domain_v(COMPUTER)))
    for rid, name, flags in ((500, "Administrator", 0x210), (501, "Guest", 0x215),
                             (1001, "kb", 0x10)):
        key = account.key(f"Users\\{rid:08X}", 1)
        key.set(hive.binary("F", user_f(rid, flags, 7, 128_900_000_000_000_000 + rid)),
                hive.binary("V", user_v(name, f"{name} in full")))
    account.key("Groups\\00000201", 1).set(
        hive.binary("C", group_c(513, "None", "Ordinary users", [500, 501, 1001])))
    builtin = root.key("SAM\\Domains\\Builtin\\Aliases", 1)
    builtin.key("Names", 1)
    builtin.key("00000220", 1).set(
        hive.binary("C", alias_c(544, "Administratoren", "", administrators)))
    builtin.key("00000242", 1).set(
        hive.binary("C", alias_c(578, "Hyper-V-Administratoren", "", hyperv)))
    return root


def security_hive(computer: str, domain_sid: str, domain: str) -> hive.Key:
    """Policy of SECURITY: this computer and its domain."""
    root = hive.Key("ROOT", 1)
    for name, data in (("PolAcDmS", encode_sid(COMPUTER)), ("PolAcDmN", counted(computer)),
                       ("PolPrDmS", encode_sid(domain_sid) if domain_sid else b""),
                       ("PolPrDmN", counted(domain))):
        root.key(f"Policy\\{name}", 1).set(hive.binary("", data))
    return root
