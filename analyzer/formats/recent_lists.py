"""Lists of what a user opened or typed last, in NTUSER.DAT, newest first.

    Explorer\\RunMRU                       a, b ...: text with "\\1" at its end; MRUList: order
    Explorer\\TypedPaths                   url1, url2 ...: text, in order
    Explorer\\RecentDocs, RecentDocs\\.vhd  0, 1 ...: name UTF-16LE, NUL, shell item; MRUListEx
    Explorer\\ComDlg32\\OpenSavePidlMRU\\*   0, 1 ...: shell items; MRUListEx (u32 each, -1 ends)
    Explorer\\ComDlg32\\OpenSaveMRU\\*       a, b ...: text; MRUList (up to 2003)
    Explorer\\ComDlg32\\LastVisited[Pidl]MRU[Legacy]: program UTF-16LE, NUL, then items or a folder
    Microsoft Management Console\\Recent File List: File1, File2 ...: text, in order

Only the first of a list has a time: that of the key. Source: libyal winreg-kb, "Most recently
used"; docs/formats/user-traces.md.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, EvidenceError
from analyzer.formats.hive import Hive, Key
from analyzer.formats.hive_value import Value
from analyzer.formats.shell_items import path_of

_EXPLORER: Final = "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer"
_DIALOGS: Final = f"{_EXPLORER}\\ComDlg32"
_NUMBERED: Final = re.compile(r"(?:url|File)(\d{1,3})", re.IGNORECASE)
MOST: Final = 1_000
"""Values of one list."""


@dataclass(frozen=True, slots=True)
class Recent:
    """One line of a list; `position` counts from 1, None where the order does not name it.

    used_at  when the list was last changed, for the first line only: others have no time
    """

    kind: str
    target: str
    key: str
    value: str
    position: int | None
    used_at: int | None


Lost = Callable[[EvidenceError, str], None]
"""Takes what a line or a list costs, and the key."""


def recent(hive: Hive, lost: Lost) -> Iterator[Recent]:
    """Every line of every list; what cannot be read goes to `lost`."""
    for kind, path, is_deep, target in _LISTS:
        try:
            top = hive.key(path)
            keys = [top, *(top.subkeys() if is_deep else ())] if top is not None else []
        except EvidenceError as error:
            lost(error, path)
            continue
        for key in keys:
            yield from _lines(kind, key, target, lost)


def _lines(kind: str, key: Key, target: Callable[[Value], str], lost: Lost) -> Iterator[Recent]:
    values = {value.name: value for value in key.values()}
    order = _order(values)
    for name, value in list(values.items())[:MOST]:
        if name.casefold() in ("mrulist", "mrulistex", ""):
            continue
        try:
            text = target(value)
        except EvidenceError as error:
            lost(error, f"{key.path}\\{name}")
            continue
        position = order.get(name)
        yield Recent(kind, text, key.path, name, position,
                     key.last_written_at if position == 1 else None)
    if len(values) > MOST:
        lost(Corrupt(f"a list of {len(values)} values, of which {MOST} are read", key.offset),
             key.path)


def _order(values: dict[str, Value]) -> dict[str, int]:
    """Name of a value -> its position."""
    extended, plain = values.get("MRUListEx"), values.get("MRUList")
    names: list[str] = []
    if extended is not None:
        whole = extended.data[:len(extended.data) // 4 * 4]
        for (number,) in struct.iter_unpack("<I", whole):
            if number == 0xFFFFFFFF:
                break
            names.append(str(number))
    elif plain is not None:
        names = list(plain.data.decode("utf-16-le", "replace").partition("\0")[0])
    else:
        numbered = [(int(m[1]), name) for name in values if (m := _NUMBERED.fullmatch(name))]
        names = [name for _, name in sorted(numbered)]
    return {name: at for at, name in reversed(list(enumerate(names, 1)))}


def _plain(value: Value) -> str:
    return value.text().removesuffix("\\1")


def _items(value: Value) -> str:
    return path_of(value.data)


def _named(value: Value) -> str:
    """Name and NUL; what follows is an item for the shortcut in Recent."""
    return _split(value)[0]


def _visited(value: Value) -> str:
    """Program, and the folder it was used in."""
    program, rest = _split(value)
    folder = path_of(rest) or rest.decode("utf-16-le", "replace").partition("\0")[0]
    return f"{program}: {folder}" if folder.isprintable() and folder else program


def _split(value: Value) -> tuple[str, bytes]:
    data = value.data
    for end in range(0, len(data) - 1, 2):
        if data[end:end + 2] == b"\0\0":
            return data[:end].decode("utf-16-le", "replace"), data[end + 2:]
    raise Corrupt(f"value {value.name[:80]!a}: a name without end", value.offset)


_LISTS: Final = (
    ("Run dialog", f"{_EXPLORER}\\RunMRU", False, _plain),
    ("path typed in Explorer", f"{_EXPLORER}\\TypedPaths", False, _plain),
    ("recent document", f"{_EXPLORER}\\RecentDocs", True, _named),
    ("file dialog", f"{_DIALOGS}\\OpenSavePidlMRU", True, _items),
    ("file dialog", f"{_DIALOGS}\\OpenSaveMRU", True, _plain),
    ("file dialog of a program", f"{_DIALOGS}\\LastVisitedPidlMRU", False, _visited),
    ("file dialog of a program", f"{_DIALOGS}\\LastVisitedPidlMRULegacy", False, _visited),
    ("file dialog of a program", f"{_DIALOGS}\\LastVisitedMRU", False, _visited),
    ("MMC recent file", "Software\\Microsoft\\Microsoft Management Console\\Recent File List",
     False, _plain),
)
"""(what it is, key, with its subkeys too, how a value is read)."""
