"""Self-relative security descriptors: owner, group, and the two lists of who may do what.

    0  u8 revision (1)   1  u8     2  u16 control: 0x0004 DACL present, 0x0010 SACL present,
                                          0x1000 DACL protected from inheritance,
                                          0x8000 self-relative
    4  u32 owner   8  u32 group   12 u32 SACL   16 u32 DACL      offsets; 0 where there is none

    list  0 u8 revision (2, 4)  2 u16 bytes  4 u16 number of entries  8 entries
    entry 0 u8 type  1 u8 flags  2 u16 bytes, itself included
          4 u32 access mask  8 SID                               types 0 ... 3, 9, 10, 13 ... 19
          4 u32 mask  8 u32 flags  12 16s object type  .. 16s inherited type  .. SID
                                                                 types 5 ... 8, 11, 12, 15, 16
          what follows the SID is application data: a condition ("artx") or an attribute

Sources: [MS-DTYP] 2.4.3, 2.4.4 ... 2.4.6; docs/formats/security.md.
"""

import struct
import uuid
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, EvidenceError, Notice
from analyzer.formats.sid import decode_sid

LARGEST: Final = 256 * 1024
"""Bytes; a list of entries has at most 64 KiB."""
SELF_RELATIVE: Final = 0x8000
_DACL_PRESENT, _SACL_PRESENT, _PROTECTED = 0x0004, 0x0010, 0x1000
_INHERITED, _INHERIT_ONLY = 0x10, 0x08
_KINDS: Final = {
    0: "allowed", 1: "denied", 2: "audit", 3: "alarm", 5: "allowed (object)",
    6: "denied (object)", 7: "audit (object)", 8: "alarm (object)", 9: "allowed (callback)",
    10: "denied (callback)", 11: "allowed (callback object)", 12: "denied (callback object)",
    13: "audit (callback)", 14: "alarm (callback)", 15: "audit (callback object)",
    16: "alarm (callback object)", 17: "mandatory label", 18: "resource attribute",
    19: "scoped policy",
}
_OBJECT: Final = {5, 6, 7, 8, 11, 12, 15, 16}
_WHOLE: Final = {0x1F01FF: "full control", 0x1301BF: "modify", 0x1200A9: "read and execute",
                 0x120089: "read", 0x100116: "write", 0x12019F: "read and write"}
_BITS: Final = (
    (0x1, "read data or list"), (0x2, "write data or add file"),
    (0x4, "append data or add folder"), (0x8, "read extended attributes"),
    (0x10, "write extended attributes"), (0x20, "execute or traverse"), (0x40, "delete child"),
    (0x80, "read attributes"), (0x100, "write attributes"), (0x10000, "delete"),
    (0x20000, "read permissions"), (0x40000, "change permissions"), (0x80000, "take ownership"),
    (0x100000, "synchronize"), (0x1000000, "access system security"),
    (0x2000000, "maximum allowed"), (0x10000000, "generic all"), (0x20000000, "generic execute"),
    (0x40000000, "generic write"), (0x80000000, "generic read"))
_LABEL: Final = ((1, "no write up"), (2, "no read up"), (4, "no execute up"))


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of a list. `sid` is "" for a type that is not decoded; `at` is its offset.

    object_type, inherited_object_type  GUIDs, "" where there are none
    data                                what follows the SID
    """

    type: int
    flags: int
    mask: int
    sid: str
    at: int
    object_type: str = ""
    inherited_object_type: str = ""
    data: bytes = b""

    @property
    def kind(self) -> str:
        """Its type in words."""
        return _KINDS.get(self.type, f"type {self.type}")

    @property
    def is_inherited(self) -> bool:
        """Whether it came from the folder above."""
        return bool(self.flags & _INHERITED)

    @property
    def is_inherit_only(self) -> bool:
        """Whether it concerns only what lies below, not the thing itself."""
        return bool(self.flags & _INHERIT_ONLY)

    @property
    def rights(self) -> str:
        """Its mask in the words for files and folders; of a label, what it forbids."""
        if self.type == 17:
            return _words(self.mask, _LABEL)
        return file_rights(self.mask)


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """One descriptor. `owner` and `group` are "" where there are none.

    dacl     None where there is none: Windows then lets everyone do everything; empty means no one
    sacl     audits and labels; None where there is none
    notices  what could not be read of it, offsets inside it
    """

    control: int
    owner: str
    group: str
    dacl: tuple[Ace, ...] | None
    sacl: tuple[Ace, ...] | None
    notices: tuple[Notice, ...] = ()

    @property
    def is_protected(self) -> bool:
        """Whether entries of the folder above are kept out."""
        return bool(self.control & _PROTECTED)


def parse(data: bytes) -> SecurityDescriptor:
    """The descriptor at the start of `data`; raises Corrupt where there is none to speak of.

    A SID or list that cannot be read becomes a notice; entries before the damage are kept.
    """
    if len(data) < 20:
        raise Corrupt(f"security descriptor of {len(data)} bytes", 0)
    revision, _, control, owner, group, sacl, dacl = struct.unpack_from("<BBHIIII", data)
    if revision != 1 or not control & SELF_RELATIVE:
        raise Corrupt(f"security descriptor of revision {revision}, control {control:#06x}", 0)
    notices: list[Notice] = []
    return SecurityDescriptor(
        control, _sid(data, owner, "owner", notices), _sid(data, group, "group", notices),
        _acl(data, dacl if control & _DACL_PRESENT else 0, "DACL", notices),
        _acl(data, sacl if control & _SACL_PRESENT else 0, "SACL", notices), tuple(notices))


def file_rights(mask: int) -> str:
    """`full control`, `read data, synchronize` ...: the mask of a file or folder in words."""
    return _WHOLE.get(mask) or _words(mask, _BITS)


def _words(mask: int, names: tuple[tuple[int, str], ...]) -> str:
    said = [name for bit, name in names if mask & bit]
    rest = mask & ~sum(bit for bit, _ in names)
    return ", ".join(said + [f"{rest:#x}"] * bool(rest)) or "nothing"


def _sid(data: bytes, at: int, what: str, notices: list[Notice]) -> str:
    if not at:
        return ""
    try:
        return decode_sid(data, at, len(data))[0]
    except Corrupt as error:
        notices.append(_lost(error, f"the {what} is not known"))
        return ""


def _acl(data: bytes, at: int, what: str, notices: list[Notice]) -> tuple[Ace, ...] | None:
    if not at:
        return None
    aces: list[Ace] = []
    try:
        if at + 8 > len(data):
            raise Corrupt("a list past the end", at)
        _, _, size, count, _ = struct.unpack_from("<BBHHH", data, at)
        end, here = at + size, at + 8
        for _ in range(count):
            ace, length = _ace(data, here, min(end, len(data)))
            aces.append(ace)
            here += length
    except Corrupt as error:
        notices.append(_lost(error, f"entries of the {what} from there on are missing"))
    return tuple(aces)


def _ace(data: bytes, at: int, end: int) -> tuple[Ace, int]:
    if at + 4 > end:
        raise Corrupt("an entry past the end of its list", at)
    kind, flags, length = struct.unpack_from("<BBH", data, at)
    if length < 4 or at + length > end:
        raise Corrupt(f"an entry of {length} bytes", at)
    end = at + length
    if kind not in _KINDS or length < 8:
        return Ace(kind, flags, 0, "", at, data=data[at + 4:end]), length
    mask, here = struct.unpack_from("<I", data, at + 4)[0], at + 8
    types = ["", ""]
    if kind in _OBJECT:
        if here + 4 > end:
            raise Corrupt(f"an object entry of {length} bytes", at)
        present = struct.unpack_from("<I", data, here)[0]
        here += 4
        for number in (0, 1):
            if present & 1 << number:
                if here + 16 > end:
                    raise Corrupt(f"an object entry of {length} bytes", at)
                types[number] = str(uuid.UUID(bytes_le=data[here:here + 16])).upper()
                here += 16
    sid, size = decode_sid(data, here, end)
    return Ace(kind, flags, mask, sid, at, types[0], types[1], data[here + size:end]), length


def _lost(error: EvidenceError, effect: str) -> Notice:
    return Notice("SECURITY", f"security descriptor: {error.what}", effect, error.at)
