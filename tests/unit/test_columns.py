"""Columns that grow, and the memory they are in."""

import numpy as np
import pytest

from analyzer.columns import Grown, memory


@pytest.mark.parametrize("room", [0, 1, 5, 1000])
def test_columns_hold_what_was_added_however_often_they_grew(room: int) -> None:
    numbers, flags = np.arange(700), np.arange(700) % 3 == 0
    times = np.arange(700 * 8).reshape(700, 8)
    grown = Grown(["q", "?", "8q", "H"], room)
    for low, high in ((0, 0), (0, 1), (1, 4), (4, 9), (9, 700)):
        grown.add(numbers[low:high], flags[low:high], times[low:high], numbers[low:high])
        assert len(grown) == high
    for items in (grown.items, grown.fitted()):
        for column, whole in zip(items, (numbers, flags, times, numbers), strict=True):
            assert np.array_equal(column, whole)


def test_room_that_was_not_needed_is_let_go_of() -> None:
    grown = Grown("qH", 1000)
    grown.add(np.arange(499), np.arange(499))
    assert all(column.base is None for column in grown.fitted())
    grown.add(np.arange(1), np.arange(1))
    assert [np.shares_memory(*both) for both in zip(grown.fitted(), grown.items, strict=True)] == [
        True, True]


def test_much_memory_begins_where_a_huge_page_can() -> None:
    for size in (0, 1, (2 << 20) - 1):
        assert len(memory(size)) == size
    for size in (2 << 20, (5 << 20) + 3):
        room = memory(size)
        assert (len(room), room.ctypes.data % (2 << 20)) == (size, 0)
