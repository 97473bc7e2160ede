"""Times are lossless both ways; what is no time is None."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import times


@given(st.integers(1, times.LATEST))
def test_iso_round_trip_to_the_last_digit(ticks: int) -> None:
    assert times.parse_iso(times.iso(ticks)) == ticks


@given(st.integers(1, times.LATEST))
def test_datetime_cuts_only_the_last_digit(ticks: int) -> None:
    assert times.from_datetime(times.to_datetime(ticks)) == ticks // 10 * 10


@pytest.mark.parametrize("value", [0, -1, times.LATEST + 1, (1 << 63) - 1, (1 << 64) - 1])
def test_never_and_nonsense_are_none(value: int) -> None:
    assert times.from_filetime(value) is None


def test_known_moments() -> None:
    assert times.from_unix(0) is None
    assert times.from_vhd(0) is None
    assert times.iso(times.from_unix(1_243_931_507)) == "2009-06-02T08:31:47.0000000Z"
    assert times.iso(times.from_vhd(1)) == "2000-01-01T00:00:01.0000000Z"
    assert times.iso(None) == ""
    assert times.to_unix(times.UNIX_EPOCH - 1) == -1


@pytest.mark.parametrize(("text", "expected"), [
    ("2009-06-02", datetime(2009, 6, 2, tzinfo=UTC)),
    ("2009-06-02T08:31", datetime(2009, 6, 2, 8, 31, tzinfo=UTC)),
    ("2009-06-02 08:31:47+02:00", datetime(2009, 6, 2, 6, 31, 47, tzinfo=UTC)),
    ("2009-06-02T08:31:47.5Z", datetime(2009, 6, 2, 8, 31, 47, 500000, tzinfo=UTC)),
])
def test_spellings(text: str, expected: datetime) -> None:
    assert times.parse_iso(text) == times.from_datetime(expected)


@pytest.mark.parametrize("text", ["", "yesterday", "2009-13-01", "2009-06-02T25:00"])
def test_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.parse_iso(text)
