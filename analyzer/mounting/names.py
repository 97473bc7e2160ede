"""Names of the evidence as names that a Unix folder can hold.

A name is kept as it is, whatever it does to a shell. Only what cannot stand in a folder changes:
`/` and NUL, `.` and `..`, UTF-16 that is no text, more bytes than the kernel takes.
"""

from collections.abc import Container
from typing import Final

from analyzer.source import escape_name
from analyzer.text import to_storable

UNRESOLVED: Final = "cannot be followed: "
"""What the text of a link begins with that leads nowhere in the mounted disk.

No name shown begins so, and no such text holds a `/`: it leads neither out of its folder nor to
anything in it.
"""
_LONGEST_NAME: Final = 1000
"""Bytes; the kernel refuses a folder with a name of more than 1024."""
_LONGEST_TEXT: Final = 4000
"""Bytes; the kernel takes links of 4095."""


def shown_name(name: str) -> str:
    """The name to show for a name of the evidence."""
    name = _without_separators(name)
    if name in ("", ".", "..") or name.startswith(UNRESOLVED):
        name = f"%{ord(name[0]):02X}{name[1:]}" if name else "%"
    return _cut(to_storable(name), _LONGEST_NAME)


def distinct(name: str, taken: Container[str]) -> str:
    """`name`, or `name~2`, `name~3` ... where it is taken."""
    number, wanted = 1, name
    while wanted in taken:
        number += 1
        wanted = f"{name}~{number}"
    return wanted


def unresolved_text(target: str) -> str:
    """The text of a link to a Windows path that is not among the volumes shown."""
    return _cut(to_storable(UNRESOLVED + _without_separators(target)), _LONGEST_TEXT)


def _without_separators(name: str) -> str:
    if "/" not in name and "\0" not in name:
        return name
    return escape_name(name).replace("\0", "%00")


def _cut(text: str, longest: int) -> str:
    data = text.encode()
    return text if len(data) <= longest else data[:longest].decode(errors="ignore")
