"""A service in the registry: `Services\\<name>` of a control set.

    Start  0 boot, 1 system, 2 automatic, 3 manual, 4 disabled
    Type   1 kernel driver, 2 file system driver, 16 own process, 32 shared process (bits)
    ImagePath  with or without quotes and arguments; drivers relative to the Windows folder

Source: Microsoft, "CreateService" and "HKLM\\SYSTEM\\CurrentControlSet\\Services registry tree".
"""

import re
from typing import Final

START: Final = {0: "boot", 1: "system", 2: "automatic", 3: "manual", 4: "disabled"}
TYPE: Final = {1: "kernel driver", 2: "file system driver", 16: "own process",
               32: "shared process"}
_PROGRAM = re.compile(r'"([^"]+)".*|(.+?\.(?:exe|sys|dll))(?:[\s"].*)?|(\S+).*',
                      re.IGNORECASE | re.DOTALL)
_ROOT = re.compile(r"(?:%systemroot%|%windir%|\\?systemroot)\\", re.IGNORECASE)
LONGEST: Final = 4096


def in_words(words: dict[int, str], number: int | None) -> str:
    """`automatic (2)`; "" for None."""
    return "" if number is None else f"{words.get(number, 'unknown')} ({number})"


def program_path(image_path: str, windows: str) -> str:
    """Windows path of the program, `windows` being the folder of Windows; "" where none is named.

    `%systemroot%\\system32\\svchost.exe -k x`, `system32\\drivers\\x.sys`, `\\??\\C:\\x.sys`.
    """
    match = _PROGRAM.fullmatch(image_path[:LONGEST].strip())
    if match is None:
        return ""
    path = (match[1] or match[2] or match[3]).replace("/", "\\").removeprefix("\\??\\")
    root = _ROOT.match(path)
    if root is not None:
        return f"{windows}\\{path[root.end():]}"
    if re.match(r"[A-Za-z]:", path) or path.startswith("\\"):
        return path
    return f"{windows}\\{path}"
