"""One lossless time for everything: 100 ns ticks since 1601-01-01 00:00:00 UTC (FILETIME).

An `int` of ticks is called `..._at` everywhere. "Never", zero and out-of-range values are
None, and whoever met them says so; they are never shown as 1601.

Sources: [MS-DTYP] 2.3.3 (FILETIME); VHD specification 1.0 "Time Stamp" (seconds since 2000).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from analyzer.errors import Notice

TICKS_PER_SECOND: Final = 10_000_000
UNIX_EPOCH: Final = 116_444_736_000_000_000
"""1970-01-01 in ticks."""
VHD_EPOCH: Final = 125_911_584_000_000_000
"""2000-01-01 in ticks."""
LATEST: Final = 2_650_467_743_999_999_999
"""9999-12-31 23:59:59.9999999, the last time that can be written with four year digits."""
ANY: Final = range(1, LATEST + 1)
"""Times that can be written: of a file, which may bring any time from elsewhere."""
CLOCK: Final = range(119_600_064_000_000_000, 157_469_184_000_000_000)
"""1980 to 2100: a clock that was never set shows 1980; byte-swapped times lie outside."""
NEVER: Final = (0, -1, 2**63 - 1, 2**64 - 1)
"""How Windows writes that there is no time."""
TIME_RANGE: Final = "TIME-RANGE"
"""Code of the notices about a time that cannot be."""

_FRACTION = re.compile(r"(.*?)(?:[.,](\d+))?(Z|[+-]\d\d:?\d\d)?", re.DOTALL)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def from_filetime(value: int) -> int | None:
    """Ticks of a FILETIME, or None for 0, all ones ("never") and values past the year 9999."""
    return value if 0 < value <= LATEST else None


def stamp(raw: int, name: str, at: int | None, notices: list[Notice], *,
          span: range = CLOCK, unset: tuple[int, ...] = NEVER) -> int | None:
    """Ticks of a FILETIME at byte `at` of what is read; None for those of `unset`.

    None too for one outside of `span`, which is added to the notices with its raw value.
    """
    if raw in span:
        return raw
    if raw not in unset:
        notices.append(out_of_range(f"{name} is {raw:#018x}", raw, at, span))
    return None


def out_of_range(what: str, raw: int, at: int | None = None, span: range = CLOCK) -> Notice:
    """The notice about a time outside of `span`, with the one its bytes give in reverse order."""
    effect = "the time is left out"
    swapped = int.from_bytes((raw % 2**64).to_bytes(8, "little"), "big")
    if swapped in CLOCK:
        effect += f"; with its bytes in reverse order it would be {iso(swapped)}"
    first, last = (to_datetime(ticks).year for ticks in (span[0], span[-1]))
    return Notice(TIME_RANGE, f"{what}: no time of the years {first} to {last}", effect, at)


def from_unix(seconds: int | float) -> int | None:
    """Ticks of a count of seconds since 1970 (None for 0 and what FILETIME cannot hold)."""
    if seconds == 0:
        return None
    return from_filetime(UNIX_EPOCH + round(seconds * TICKS_PER_SECOND))


def from_vhd(seconds: int) -> int | None:
    """Ticks of a VHD time stamp: whole seconds since 2000-01-01 UTC; 0 is "not set"."""
    return from_filetime(VHD_EPOCH + seconds * TICKS_PER_SECOND) if seconds else None


def from_datetime(value: datetime) -> int:
    """Ticks of an aware datetime."""
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * TICKS_PER_SECOND + delta.microseconds * 10


def to_datetime(ticks: int) -> datetime:
    """Aware datetime of ticks; the 100 ns digit is cut (datetime holds microseconds)."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


def to_unix(ticks: int) -> int:
    """Whole seconds since 1970, rounded down."""
    return (ticks - UNIX_EPOCH) // TICKS_PER_SECOND


def iso(ticks: int | None) -> str:
    """`2008-11-09T05:34:40.4317320Z` with all seven digits; "" for None."""
    if ticks is None:
        return ""
    seconds = f"{to_datetime(ticks):%Y-%m-%dT%H:%M:%S}"
    return f"{seconds}.{ticks % TICKS_PER_SECOND:07d}Z"


def parse_iso(text: str) -> int:
    """Ticks of an ISO 8601 text, to the seventh digit (UTC where no offset is given).

    Raises ValueError.
    """
    whole, fraction, offset = _FRACTION.fullmatch(text.strip()).groups()  # type: ignore[union-attr] # matches any text
    value = datetime.fromisoformat(f"{whole}{offset or ''}")
    ticks = from_datetime(value if value.tzinfo else value.replace(tzinfo=UTC))
    return ticks + int((fraction or "").ljust(7, "0")[:7])
