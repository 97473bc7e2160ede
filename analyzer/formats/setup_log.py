"""Logs of Windows' set-up tools: what they name that has Hyper-V in its name.

Text, one event a line, that begins with `2013-05-20 09:21:03, Info  DISM ...` (DISM, CBS) or
`1234: 2009-01-01 10:00:00.123 [...]` (Server Manager of 2008): the local time of that computer,
without its zone. UTF-8, or UTF-16 with a mark. Source: Microsoft's documentation of the logs;
docs/formats/setup-logs.md.
"""

import re
from dataclasses import dataclass
from typing import Final

HYPERV: Final = re.compile(r"hyper-?v|windows-virtualization", re.IGNORECASE)
LARGEST: Final = 64 << 20
"""Bytes of a log that is read; Windows puts CBS.log aside at 50 MiB."""
MOST: Final = 500
"""Names of one log that are told."""
_NAME: Final = re.compile(r"[\w.-]{0,100}", re.ASCII)
_TIME: Final = re.compile(r"(?:^|\s)(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_AROUND: Final = 400
"""Characters of a line that are looked at on either side of a name."""


@dataclass(slots=True)
class Mention:
    """A component or feature that a log names.

    line    the first line that does, cut; offset in bytes of the name in it
    local   the time of that line as it stands, local and without zone; "" where it has none
    count   how often the log names it
    """

    name: str
    line: str
    local: str
    offset: int
    count: int = 1


def mentions(data: bytes) -> list[Mention]:
    """In order of the first mention, at most MOST + 1; any bytes give a result."""
    width = 2 if data[:2] == b"\xff\xfe" else 1
    text = data.decode("utf-16-le", "replace") if width == 2 else data.decode("latin-1")
    found: dict[str, Mention] = {}
    at = 0
    while (match := HYPERV.search(text, at)) is not None and len(found) <= MOST:
        before = _NAME.match(text[max(0, match.start() - 100):match.start()][::-1])
        after = _NAME.match(text, match.end())
        assert before is not None  # both match the empty text
        assert after is not None
        start, at = match.start() - before.end(), after.end()
        name = text[start:at]
        known = found.get(name.casefold())
        if known is not None:
            known.count += 1
        else:
            line = _line(text, start, at) if width == 2 else \
                _line(text, start, at).encode("latin-1").decode("utf-8", "replace")
            line = line.removeprefix("\ufeff")
            time = _TIME.search(line[:100])
            found[name.casefold()] = Mention(name, line, time[1] if time else "", start * width)
    return list(found.values())


def _line(text: str, start: int, end: int) -> str:
    """The line around a name, at most _AROUND characters on either side."""
    first = max(text.rfind("\n", max(0, start - _AROUND), start) + 1, start - _AROUND, 0)
    lasts = [at for mark in "\r\n" if (at := text.find(mark, end, end + _AROUND)) >= 0]
    return text[first:min(lasts, default=end + _AROUND)]
