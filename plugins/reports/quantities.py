"""Times, sizes and counts as people read them; the exact value always stands beside or below."""

from typing import Final

from analyzer.times import iso
from analyzer.zones import UTC_NAME, local, zone_named

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def clock(ticks: int | None, zone: str = UTC_NAME) -> str:
    """`2008-11-09 05:34:40` (UTC), to the second; `... +01:00` in another zone; "" for None."""
    if ticks is None or zone == UTC_NAME:
        return iso(ticks)[:19].replace("T", " ")
    time, _, offset = local(ticks, zone_named(zone)).rpartition(" ")
    return f"{time[:19]} {offset}"


def size(count: int | None) -> str:
    """`1.5 GiB`; whole bytes below one KiB; "" for None."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= 1024 and unit + 1 < len(_UNITS):
        value, unit = value / 1024, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 machine`, `2 machines`, `12,345 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def file_name(path: str) -> str:
    """Last part of a Windows path."""
    return path.rpartition("\\")[2]


def byte(offset: int | None) -> str:
    """`4,096 (0x1000)`; "" for None."""
    return "" if offset is None else f"{offset:,} ({offset:#x})"
