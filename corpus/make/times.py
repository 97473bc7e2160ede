"""Times of the corpus: FILETIME ticks (100 ns since 1601-01-01 UTC) and sets of file times."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

TICKS = 10_000_000
"""Ticks in a second."""
DAY = 24 * 3600 * TICKS
_START = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)
_UNIX = 11644473600
_VHD = 12591158400
"""Seconds from 1601 to 1970 and to 2000."""


def ticks(text: str) -> int:
    """FILETIME of "2009-02-25 08:13:21[.1234567]" UTC."""
    whole, _, part = text.partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.UTC)
    return (moment - _START) // datetime.timedelta(seconds=1) * TICKS + int(part.ljust(7, "0") or 0)


def iso(at: int) -> str:
    """ISO 8601 with all seven digits and Z."""
    moment = _START + datetime.timedelta(seconds=at // TICKS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % TICKS:07}Z"


def unix(at: int) -> int:
    """Whole seconds since 1970 (InstallDate)."""
    return at // TICKS - _UNIX


def vhd_seconds(at: int) -> int:
    """Whole seconds since 2000 (VHD time stamps)."""
    return at // TICKS - _VHD


def spread(key: str, within: int) -> int:
    """A repeatable pseudo-random number of ticks in [0, within) for `key`."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big") % within


@dataclass(frozen=True, slots=True)
class Stamp:
    """The eight times of one file: $STANDARD_INFORMATION and $FILE_NAME, in ticks."""

    created: int
    modified: int
    changed: int
    accessed: int
    fn_created: int
    fn_modified: int
    fn_changed: int
    fn_accessed: int

    @property
    def si(self) -> tuple[int, int, int, int]:
        """Created, modified, MFT changed, accessed as $STANDARD_INFORMATION orders them."""
        return self.created, self.modified, self.changed, self.accessed

    @property
    def fn(self) -> tuple[int, int, int, int]:
        """The same four of $FILE_NAME."""
        return self.fn_created, self.fn_modified, self.fn_changed, self.fn_accessed


def born(created: int, modified: int | None = None, *, key: str = "") -> Stamp:
    """Times of a file made at `created` and last written at `modified`.

    As Windows leaves them: $FILE_NAME keeps the moment of creation, the MFT entry changes just
    after the last write, last access follows the write. `key` spreads the parts of a second.
    """
    created += spread(key + "/born", TICKS)
    written = created if modified is None else modified + spread(key + "/written", TICKS)
    changed = max(created, written) + spread(key + "/changed", TICKS // 50)
    return Stamp(created, written, changed, max(created, written), *(created,) * 4)


def copied(created: int, modified: int, *, key: str = "") -> Stamp:
    """Times of a file copied onto the volume at `created` with its old `modified` kept."""
    return born(created, modified, key=key)
