"""One registry value: raw data as stored, decoded only when asked.

Source: [MS-RRP] 2.2.5 (types); M. Suhanov, "Windows registry file format specification".
"""

from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt

_NAMES: Final = ("NONE", "SZ", "EXPAND_SZ", "BINARY", "DWORD", "DWORD_BIG_ENDIAN", "LINK",
                 "MULTI_SZ", "RESOURCE_LIST", "FULL_RESOURCE_DESCRIPTOR",
                 "RESOURCE_REQUIREMENTS_LIST", "QWORD")
_TEXT: Final = (1, 2, 6)
_MULTI: Final = 7
_INTEGERS: Final = {4: (4, "little"), 5: (4, "big"), 11: (8, "little")}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a key."""

    name: str
    """"" for the default value."""
    type: int
    """As stored, all 32 bits: device properties use 0xFFFFxxxx."""
    data: bytes
    offset: int
    """Byte offset in the hive of the cell that names it."""

    @property
    def type_name(self) -> str:
        """`REG_SZ`; `0xFFFF0012` for types without a name."""
        return f"REG_{_NAMES[self.type]}" if self.type < len(_NAMES) else f"0x{self.type:08X}"

    def text(self) -> str:
        """REG_SZ, REG_EXPAND_SZ, REG_LINK up to the first NUL; Corrupt for any other type.

        UTF-16LE; what is none stands as U+FFFD.
        """
        if self.type not in _TEXT:
            raise self._wrong("a string")
        return _utf16(self.data).partition("\0")[0]

    def strings(self) -> list[str]:
        """REG_MULTI_SZ without the empty strings at its end; Corrupt for any other type."""
        if self.type != _MULTI:
            raise self._wrong("a list of strings")
        strings = _utf16(self.data).split("\0")
        while strings and not strings[-1]:
            strings.pop()
        return strings

    def integer(self) -> int:
        """REG_DWORD of either byte order, REG_QWORD; Corrupt for other types and sizes."""
        size, order = _INTEGERS.get(self.type, (-1, "little"))
        if len(self.data) != size:
            raise self._wrong("a number")
        return int.from_bytes(self.data, "big" if order == "big" else "little")

    def _wrong(self, wanted: str) -> Corrupt:
        return Corrupt(f"value {self.name[:80]!a} is {self.type_name} of {len(self.data)} bytes, "
                       f"not {wanted}", self.offset)


def _utf16(data: bytes) -> str:
    """A lone zero byte at the end is half of the closing NUL and dropped."""
    if len(data) % 2 and data.endswith(b"\0"):
        data = data[:-1]
    return data.decode("utf-16-le", "replace")
