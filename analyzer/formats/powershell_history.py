"""PowerShell's history of typed commands: the lines that concern virtual machines.

`AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\ConsoleHost_history.txt` (Windows 10,
2016 and later): UTF-8, one command a line, oldest first, a line that goes on ends in a backtick.
The last 4,096 are kept. Source: documentation of PSReadLine ("HistorySavePath",
"MaximumHistoryCount"); docs/formats/powershell-history.md.
"""

import re
from dataclasses import dataclass
from typing import Final

from analyzer.errors import NotThisFormat
from analyzer.formats.guid import normalise
from analyzer.formats.machine_files import concerns_machines

LARGEST: Final = 64 << 20
MOST: Final = 10_000
"""Commands of one file that are told."""
LONGEST: Final = 4_096
"""Characters of a command that are told."""
COMMANDS: Final = re.compile(
    r"\b[A-Za-z]+-(?:VM(?!ware)|VHD|VFD|DiskImage)[A-Za-z]*\b|\bMsvm_|\bvmms\b|\bhvc\b",
    re.IGNORECASE)
"""What a command that manages virtual machines has in it."""
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `line` counts from 1; `lines` are those of the file; `offset` in bytes.

    vm_id  the GUID in a command with -VMId or -Id and only one; "" for others
    """

    text: str
    line: int
    lines: int
    offset: int
    vm_id: str = ""


def commands(data: bytes) -> list[Command]:
    """Those that concern virtual machines; raises NotThisFormat for binary data."""
    if b"\0" in data:
        raise NotThisFormat("a history with NUL in it", data.index(b"\0"))
    rows = data.split(b"\n")
    total = len(rows) - (not rows[-1])
    found: list[Command] = []
    at = number = 0
    while number < len(rows):
        first, start = number, at
        parts = []
        while number < len(rows):
            row = rows[number]
            parts.append(row.removesuffix(b"\r").decode("utf-8-sig", "backslashreplace"))
            at, number = at + len(row) + 1, number + 1
            if not parts[-1].endswith("`"):
                break
        text = "\n".join(parts)
        if COMMANDS.search(text) or concerns_machines(text):
            found.append(Command(text[:LONGEST], first + 1, total, start, _machine(text)))
    return found


def _machine(text: str) -> str:
    guids = set(map(normalise, _GUID.findall(text)))
    return guids.pop() if len(guids) == 1 and re.search(r"-(?:VM)?Id\b", text, re.I) else ""
