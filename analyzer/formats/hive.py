"""Registry hives: targeted, bounded reads.

Layout, little-endian; offsets in cells count from 0x1000, where the first bin begins::

    0x0000 "regf" base block: +4 +8 sequence numbers, +12 last written, +36 root cell,
           +40 size of all bins, +508 checksum
    0x1000 bins "hbin" of 4096*n bytes; in them cells: i32 size, negative when in use, then
           nk +2 flags +4 last written +16 parent +20 subkeys +28 their list +36 values
              +40 their list +72 length of the name +76 name
           lf, lh, li, ri lists of subkeys, db data above 16344 bytes: see hive_cells
           vk +2 length of the name +4 size of the data, bit 31: held in +8 +12 type
              +16 flags +20 name

python-registry gives base block, keys and values; it is not asked to walk, because its walk
follows loops for ever, stops a list of values at the first bad one and cuts times to
microseconds. Here every offset is checked before it is read, and the keys form a tree whatever
the hive says: a key is accepted only below the key that its parent field names.

Bounds: LARGEST bytes; MOST_IN_LIST subkeys or values of one key; LARGEST_VALUE bytes of a value,
no more than the hive holds for all of a key; DEEPEST levels; lists one deep; MOST_NOTICES.

Source: M. Suhanov, "Windows registry file format specification"; RELIABILITY 4.2 for the loops.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from Registry import RegistryParse

from analyzer import times
from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported
from analyzer.formats.hive_cells import BINS, FIRST_CELL, Cells, Damage, check_bins
from analyzer.formats.hive_value import Value

__all__ = ["Hive", "Key", "Value", "current_control_set"]

LARGEST: Final = 512 * 2**20
LARGEST_VALUE: Final = 16 * 2**20
MOST_IN_LIST: Final = 100_000
DEEPEST: Final = 512
MOST_NOTICES: Final = 1000
_KEY_HEAD, _VALUE_HEAD = 76, 20


class Hive:
    """One hive in memory; what it notes grows while keys are read."""

    def __init__(self, data: bytes) -> None:
        """Use `Hive.open`."""
        self._data = data
        self._cells = Cells(data)
        self._base = RegistryParse.REGFBlock(data, 0, None)
        self._adopted: dict[int, int] = {}
        self._known: dict[tuple[int, str], Key] = {}  # for the next look-up by path
        self._noted: set[Notice] = set()
        self.notices: list[Notice] = []
        self._odd_times: dict[int, Notice] = {}  # by offset of the key
        self.last_written_at = self._time(self._base.unpack_qword(12), "the hive", 8)
        self.root = self._find_root()

    @classmethod
    def open(cls, data: bytes) -> "Hive":
        """Checks the base block, the bins and the root key.

        Raises NotThisFormat for other files and for transaction logs, Unsupported above LARGEST,
        Corrupt without a root key.
        """
        if data[:4] != b"regf":
            raise NotThisFormat("no registry hive", 0)
        if len(data) > LARGEST:
            raise Unsupported(f"hive of {len(data)} bytes: more than {LARGEST}")
        if len(data) < BINS + FIRST_CELL + 4 + _KEY_HEAD:
            raise Corrupt(f"hive cut after {len(data)} bytes", len(data))
        if struct.unpack_from("<I", data, 28)[0] in (1, 2, 6):
            raise NotThisFormat("transaction log of a hive", 28)
        hive = cls(data)
        hive._check_base()
        hive.notices += check_bins(data, hive._base.hbins_size())
        return hive

    @property
    def data(self) -> bytes:
        """All of it, as opened."""
        return self._data

    def key(self, path: str) -> "Key | None":
        r"""The key at `ControlSet001\Services\vmms`, in any case, from the root; None if absent.

        Raises Corrupt where it is not found and a key on the way could not be read whole.
        """
        here = self.root
        for name in [part for part in path.split("\\") if part]:
            below = self._known.get((here.offset, fold(name))) or self._search(here, name)
            if below is None:
                return None
            here = below
        return here

    def _search(self, above: "Key", name: str) -> "Key | None":
        """The subkey `name`; raises as `key` does."""
        damage, folded = None, fold(name)
        for entry in self._subkeys(above):
            if isinstance(entry, Damage):
                self._note(entry, "subkey", above)
                damage = entry if _may_be(entry, name) else damage
            elif fold(entry.name) == folded:
                if len(self._known) < MOST_IN_LIST:
                    self._known[above.offset, folded] = entry
                return entry
        if damage is not None:
            raise Corrupt(f"{name[:80]!a} not found below {above.path[-200:]!a}, which "
                          f"cannot be read whole: {damage.what}", damage.at)
        return None

    def subkeys(self, key: "Key") -> Iterator["Key"]:
        """Subkeys of `key`; bad ones are noted and left out."""
        for entry in self._subkeys(key):
            if isinstance(entry, Damage):
                self._note(entry, "subkey", key)
            else:
                yield entry

    def values(self, key: "Key") -> Iterator[Value]:
        """Values of `key`; bad ones are noted and left out."""
        for entry in self._values(key):
            if isinstance(entry, Damage):
                self._note(entry, "value", key)
            else:
                yield entry

    def value(self, key: "Key", name: str) -> Value | None:
        """The value `name` of `key`, in any case; None where it is absent.

        Raises Corrupt where it is, or may be, among the values that cannot be read.
        """
        damage = None
        for entry in self._values(key):
            if isinstance(entry, Damage):
                self._note(entry, "value", key)
                damage = entry if _may_be(entry, name) else damage
            elif fold(entry.name) == fold(name):
                return entry
        if damage is not None:
            raise Corrupt(f"value {name[:80]!a} of {key.path[-200:]!a}: {damage.what}", damage.at)
        return None

    # keys

    def _open_key(self, offset: int, parent: "Key | None") -> "Key":
        """The key whose cell is at `offset`; raises Damage."""
        at, size = self._cells.cell(offset, _KEY_HEAD)
        try:
            record = RegistryParse.NKRecord(self._data, at, None)
        except RegistryParse.ParseException as error:
            raise Damage("no key where one should be", at) from error
        length = record.unpack_word(72)
        if _KEY_HEAD + length > size:
            raise Damage("a key's name reaches past its cell", at)
        name = _name(record.unpack_binary(_KEY_HEAD, length), record.has_ascii_name())
        return Key(name, self._time(record.unpack_qword(4), name, at), at,
                   parent.depth + 1 if parent else 0, self, parent)

    def _time(self, raw: int, name: str, at: int) -> int | None:
        """The last write that stands 4 bytes behind `at`; those that cannot be are noted."""
        if raw in times.CLOCK:
            return raw
        odd: list[Notice] = []
        times.stamp(raw, f"last write of {name[-200:]!a}", at + 4, odd)
        if odd and len(self._odd_times) < MOST_NOTICES:
            self._odd_times[at] = odd[0]
        elif odd:
            self._odd_times.setdefault(-1, replace(odd[0], what="more are not counted", start=None))
        return None

    def _find_root(self) -> "Key":
        """The root key: where the base block says, else the first cell."""
        try:
            return self._open_key(self._base.unpack_dword(36), None)
        except Damage as damage:
            try:
                root = self._open_key(FIRST_CELL, None)
            except Damage:
                raise Corrupt(f"no root key: {damage.what}", damage.at) from damage
            self.notices.append(Notice("HIVE-CELL", f"root key: {damage.what}",
                                       "the first cell is taken for it", damage.at))
            return root

    def _subkeys(self, key: "Key") -> Iterator["Key | Damage"]:
        record = RegistryParse.NKRecord(self._data, key.offset, None)
        claimed: int = record.subkey_number()
        if not claimed:
            if self._cells.is_used(record.unpack_dword(28)):
                yield Damage("key says it has no subkeys, and where their list is", key.offset)
            return
        if key.depth >= DEEPEST:
            yield Damage(f"keys nested deeper than {DEEPEST}", key.offset)
            return
        seen: set[int] = set()
        for count, listed in enumerate(self._cells.key_offsets(record.unpack_dword(28))):
            if count >= MOST_IN_LIST:
                yield Damage(f"more than {MOST_IN_LIST} subkeys", key.offset)
                return
            if isinstance(listed, Damage):
                yield listed
            elif listed.offset in seen:
                yield Damage("a subkey listed twice", BINS + listed.offset)
            else:
                seen.add(listed.offset)
                child = self._child(key, listed.offset)
                if isinstance(child, Key) and not listed.fits(child.name):
                    yield Damage(f"its name {child.name[:80]!a} is not the one that was listed",
                                 child.offset)
                yield child
        if len(seen) != claimed:
            yield Damage(f"key says {claimed} subkeys and lists {len(seen)}", key.offset)

    def _child(self, parent: "Key", offset: int) -> "Key | Damage":
        """The key at `offset` if it belongs below `parent`.

        A key names its parent, so that keys form a tree and no walk can go round or multiply.
        Where that field leads to no key at all, the first key that lists it has it.
        """
        try:
            key = self._open_key(offset, parent)
        except Damage as damage:
            return damage
        named: int = struct.unpack_from("<I", self._data, key.offset + 16)[0]
        if BINS + named + 4 == parent.offset and key.offset != self.root.offset:
            return key
        try:
            self._open_key(named, None)
        except Damage:
            if key.offset != self.root.offset and (
                self._adopted.setdefault(key.offset, parent.offset) == parent.offset
            ):
                self._note(Damage("its parent field leads to no key", key.offset), "key", key,
                           "listed where it was found")
                return key
        return Damage("a key that belongs below another", key.offset, key.name)

    # values

    def _values(self, key: "Key") -> Iterator[Value | Damage]:
        record = RegistryParse.NKRecord(self._data, key.offset, None)
        count: int = record.values_number()
        if not count:
            if self._cells.leads_to(record.unpack_dword(40), b"vk"):
                yield Damage("key says it has no values, and where their list is", key.offset)
            return
        try:
            at, size = self._cells.cell(record.unpack_dword(40), 4)
        except Damage as damage:
            yield damage
            return
        listed = min(count, size // 4, MOST_IN_LIST)
        if listed < count:
            yield Damage(f"key says {count} values, of which {listed} are read", key.offset)
        budget = len(self._data)
        seen: set[int] = set()
        for (offset,) in struct.iter_unpack("<I", self._data[at : at + 4 * listed]):
            if offset in seen:
                yield Damage("a value listed twice", BINS + offset)
                continue
            seen.add(offset)
            try:
                value = self._value(offset, budget)
            except Damage as damage:
                yield damage
                continue
            budget -= len(value.data)
            yield value

    def _value(self, offset: int, budget: int) -> Value:
        at, size = self._cells.cell(offset, _VALUE_HEAD)
        try:
            record = RegistryParse.VKRecord(self._data, at, None)
        except RegistryParse.ParseException as error:
            raise Damage("no value where one should be", at) from error
        length = record.unpack_word(2)
        if _VALUE_HEAD + length > size:
            raise Damage("a value's name reaches past its cell", at)
        name = _name(record.unpack_binary(_VALUE_HEAD, length), record.has_ascii_name())
        try:
            data = self._value_data(record.unpack_dword(4), record.unpack_dword(8), at, budget)
        except Damage as damage:
            raise Damage(damage.what, damage.at, name) from damage
        return Value(name, record.unpack_dword(12), data, at)

    def _value_data(self, size: int, where: int, value_at: int, budget: int) -> bytes:
        """`size` bytes from the cell at `where`, or out of the number `where` itself."""
        if size & 0x80000000:
            size &= 0x7FFFFFFF
            if size > 4:
                raise Damage(f"{size} bytes of data in a field of 4", value_at)
            return where.to_bytes(4, "little")[:size]
        if size == 0:
            return b""
        if size > min(LARGEST_VALUE, budget):
            raise Damage(f"{size} bytes of data: more than one value, or all of a key in this "
                         "hive, may have", value_at)
        at, room = self._cells.cell(where, 4)
        if room >= size:
            return self._data[at : at + size]
        if self._data[at : at + 2] != b"db" or room < 8:
            raise Damage(f"{size} bytes of data in a cell of {room}", value_at)
        return self._cells.big_data(at, size)

    @property
    def remarks(self) -> tuple[Notice, ...]:
        """`notices`, and those on last writes that cannot be, which leave a hive whole."""
        return (*self.notices, *self._odd_times.values())

    def _check_base(self) -> None:
        """Notes a hive that was not written to the end; its log files would complete it."""
        effect = ("changes that only the hive's log files hold are not shown; "
                  "what was written last may be half written")
        state = self._base.recovery_required()
        if state.recover_header:
            self.notices.append(Notice("HIVE-DIRTY", "the base block's checksum is wrong", effect,
                                       508, 4))
        first, second = self._base.hive_sequence1(), self._base.hive_sequence2()
        if first != second:
            self.notices.append(Notice(
                "HIVE-DIRTY", f"sequence numbers {first} and {second} differ", effect, 4, 8))

    def _note(self, damage: Damage, kind: str, key: "Key", effect: str = "left out") -> None:
        """Adds a notice once; after MOST_NOTICES one last that says so."""
        if len(self._noted) > MOST_NOTICES:
            return
        notice = Notice("HIVE-CELL", f"{kind} of {key.path[-200:]!a}: {damage.what}", effect,
                        damage.at)
        if len(self._noted) == MOST_NOTICES:
            notice = Notice("HIVE-CELL", "more damage than is listed", effect)
        if notice not in self._noted:
            self._noted.add(notice)
            self.notices.append(notice)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `offset` is the byte offset of its nk in the hive, `depth` 0 for the root."""

    name: str
    last_written_at: int | None
    offset: int
    depth: int
    _hive: Hive = field(repr=False, compare=False)
    _parent: "Key | None" = field(repr=False, compare=False)

    @property
    def path(self) -> str:
        r"""`ControlSet001\Services`: from the root, which has ""."""
        names = []
        key = self
        while key._parent is not None:
            names.append(key.name)
            key = key._parent
        return "\\".join(reversed(names))

    def subkeys(self) -> Iterator["Key"]:
        """In the order of the list; bad ones are noted in the hive and left out."""
        return self._hive.subkeys(self)

    def values(self) -> Iterator[Value]:
        """In the order of the list; bad ones are noted in the hive and left out."""
        return self._hive.values(self)

    def value(self, name: str) -> Value | None:
        """The value `name` ("" for the default), None where absent; Corrupt where unreadable."""
        return self._hive.value(self, name)


def current_control_set(system_hive: Hive) -> str:
    r"""`ControlSet001`, as `Select\Current` of a SYSTEM hive says; Corrupt where nothing says so.

    Offline there is no CurrentControlSet: that is a link made while Windows runs.
    """
    select = system_hive.key("Select")
    current = select.value("Current") if select else None
    if current is None:
        raise Corrupt(r"no value Select\Current: no SYSTEM hive, or a damaged one")
    return f"ControlSet{current.integer():03d}"


def fold(name: str) -> str:
    """As Windows compares names of keys and values: upper case, character by character."""
    upper = name.upper()
    if len(upper) == len(name):
        return upper
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in name)


def _may_be(damage: Damage, name: str) -> bool:
    return damage.name is None or fold(damage.name) == fold(name)


def _name(raw: bytes, compressed: bool) -> str:
    return raw.decode("latin-1") if compressed else raw.decode("utf-16-le", "replace")
