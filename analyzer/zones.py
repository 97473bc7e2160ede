"""Time zones for display. Data is UTC; where a person reads, a zone by its IANA name can stand.

Rules of the zones: IANA time zone database, of the system or of the package tzdata. An offset
stands beside each local time, so that the hour that comes twice in autumn is told apart.
"""

from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from analyzer.errors import UsageError
from analyzer.times import TICKS_PER_SECOND, iso, to_datetime

UTC_NAME: Final = "UTC"


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone `Europe/Berlin`; raises UsageError for what is none, with names that are near."""
    known = available_timezones()
    if name in known:
        return ZoneInfo(name)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise UsageError(f"no time zone {name!r}; write an IANA name, Europe/Berlin or UTC{hint}")


def local(ticks: int, zone: ZoneInfo) -> str:
    """`2009-07-14 23:03:12.4411900 +02:00`; UTC with offset +00:00 where local time has no year."""
    second = ticks // TICKS_PER_SECOND * TICKS_PER_SECOND
    try:
        here = to_datetime(second).astimezone(zone)
    except OverflowError:  # hours before year 1 or after 9999
        return f"{iso(ticks)[:-1].replace('T', ' ')} +00:00"
    offset = here.utcoffset() or timedelta()
    sign, seconds = ("-" if offset < timedelta() else "+"), abs(int(offset.total_seconds()))
    rest = f":{seconds % 60:02d}" if seconds % 60 else ""
    return (f"{here:%Y-%m-%d %H:%M:%S}.{ticks % TICKS_PER_SECOND:07d} "
            f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}{rest}")
