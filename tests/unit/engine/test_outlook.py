"""How far a run is, and the time that it may still take."""

import pytest

from analyzer.engine.messages import Progress
from analyzer.engine.outlook import Left, Outlook, in_words
from analyzer.engine.tasks import Task


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def guest(number: int, image: str = "a.E01") -> Task:
    return Task(f"{image}@p1.0-g{number}", "system", f"g{number}", ("x", "y"),
                guests=({"state": {}, "inside": 0},), image=image)


def seconds(outlook: Outlook, image: str = "") -> float | None:
    left = outlook.left(image)
    assert left is None or not left.is_least
    return None if left is None else left.seconds


def test_the_least_is_told_while_more_may_be_found() -> None:
    clock = Clock()
    outlook, host = Outlook(clock), Task("a.E01@p1", "system", "host", ("x", "y"), image="a.E01")
    outlook.planned(host)
    outlook.started(host)
    clock.now += 5
    assert outlook.left() is outlook.left("a.E01") is None
    outlook.heard(host, Progress("y"))
    assert outlook.left() == outlook.left("a.E01") == Left(5, is_least=True)
    clock.now += 5
    outlook.planned(guest(1))
    outlook.ended(host)
    assert seconds(outlook) == pytest.approx(10)
    assert outlook.tasks("a.E01") == outlook.tasks() == (1, 2)


def test_images_are_told_apart_and_the_share_of_a_task_counts() -> None:
    clock = Clock()
    outlook = Outlook(clock)
    for task in (guest(1), guest(2), guest(3, "b.E01")):
        outlook.planned(task)
    outlook.started(guest(1))
    clock.now += 6
    outlook.heard(guest(1), Progress("y", "", 1, 2))
    assert seconds(outlook, "a.E01") == pytest.approx(6 * 1.25 / 0.75)
    assert seconds(outlook, "b.E01") is None
    outlook.ended(guest(1))
    outlook.started(guest(2))
    clock.now += 6
    outlook.ended(guest(2))
    assert seconds(outlook, "a.E01") is None
    assert seconds(outlook) == pytest.approx(6)


def test_what_an_earlier_run_did_is_no_measure_of_speed() -> None:
    clock = Clock()
    outlook = Outlook(clock)
    for number in range(10):
        outlook.planned(guest(number))
    for number in range(8):
        outlook.ended(guest(number), kept=True)
    outlook.started(guest(8))
    clock.now += 5
    outlook.ended(guest(8))
    assert seconds(outlook) == pytest.approx(5)


def test_odd_progress_does_no_harm() -> None:
    outlook = Outlook(Clock())
    outlook.heard(guest(1), Progress("none of its steps", "", 9, 3))
    outlook.planned(guest(1))
    outlook.started(guest(1))
    outlook.heard(guest(1), Progress("y", "", 1 << 62, 1))
    assert seconds(outlook) == 0


@pytest.mark.parametrize(("left", "words"), [
    (None, ""), (Left(0, is_least=False), "0 s left"), (Left(59, is_least=False), "59 s left"),
    (Left(150, is_least=True), "at least 2 min left"), (Left(9_000, is_least=False), "2.5 h left")])
def test_words(left: Left | None, words: str) -> None:
    assert in_words(left) == words
