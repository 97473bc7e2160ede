"""When a device was installed, last attached and last removed, by its key below `Enum`.

    Properties\\{83DA6326-97A6-4088-9453-A1923F573B29}\\
        0064 installed   0065 first installed   0066 last arrived   0067 last removed

Windows 8 and later: the default value of such a key, of type FFFF0010h; 7 and 2008 R2: the value
`Data` of its subkey `00000000`. Data are a FILETIME. Source: [MS-DEVPROP] names of the set;
docs/formats/attached-disks.md. Arrival and removal are kept since Windows 8.
"""

from typing import Final

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, Notice
from analyzer.formats.hive import Key

_SET: Final = "{83DA6326-97A6-4088-9453-A1923F573B29}"
_NAMES: Final = {"0064": "installed", "0066": "arrived", "0067": "removed"}


def times_of(device: Key) -> tuple[dict[str, int], list[EvidenceError], list[Notice]]:
    """installed, arrived, removed -> ticks, those that are there; and what is wrong with others."""
    found: dict[str, int] = {}
    failures: list[EvidenceError] = []
    notices: list[Notice] = []
    properties = _child(_child(device, "Properties"), _SET)
    for key in properties.subkeys() if properties is not None else ():
        name = _NAMES.get(key.name[-4:])
        if name is None:
            continue
        try:
            at = _time(key, name, notices)
        except EvidenceError as error:
            failures.append(error)
            continue
        if at is not None:
            found[name] = at
    return found, failures, notices


def _time(key: Key, name: str, notices: list[Notice]) -> int | None:
    inner = _child(key, "00000000")
    value = key.value("") if inner is None else inner.value("Data")
    if value is None:
        return None
    if len(value.data) != 8:
        raise Corrupt(f"a device time of {len(value.data)} bytes", value.offset)
    return times.stamp(int.from_bytes(value.data, "little"), f"device {name}", value.offset,
                       notices)


def _child(key: Key | None, name: str) -> Key | None:
    return next((sub for sub in key.subkeys() if sub.name.casefold() == name.casefold()), None) \
        if key is not None else None
