"""The nursery: what a child is given, what is told of its end, and what is left of it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from analyzer.engine import launch
from analyzer.engine.launch import Child

COMMAND = (sys.executable, "-P", "-m", "tests.unit.engine.odd_children")


@pytest.fixture
def child() -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def start(deed: str) -> Child:
        made.append(Child(COMMAND))
        made[-1].tell(f"{deed}\n".encode())
        return made[-1]

    yield start
    for one in made:
        one.close()


def said(child: Child) -> bytes:
    parts = []
    while data := os.read(child.stdout, 1 << 16):
        parts.append(data)
    return b"".join(parts)


def is_there(pid: int) -> bool:
    path = Path(f"/proc/{pid}/stat")
    return path.exists() and path.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_end_of_a_child_is_told(child: Callable[[str], Child]) -> None:
    assert child("nothing").end(10).status == 7
    assert child("segfault").end(10).status == -signal.SIGSEGV
    raised = child("raise")
    assert raised.end(10).status == 1
    assert b"ZeroDivisionError" in os.read(raised.stderr, 8192)


def test_what_a_child_used_is_told(child: Callable[[str], Child]) -> None:
    little, much = child("nothing").end(10), child("use").end(30)
    assert much.peak_bytes > little.peak_bytes + (150 << 20)
    assert much.cpu_seconds > 0.9
    assert much.used.startswith("1 s of processor time and at most ")


def test_a_child_has_its_own_descriptors_and_no_other(child: Callable[[str], Child]) -> None:
    one = child("descriptors")
    assert said(one) == b"0 1 2 3"
    assert one.end(10).status == 0
    assert one.read_page()[:4] == b"page"


def test_a_child_leads_a_session_and_has_the_same_hashes(child: Callable[[str], Child]) -> None:
    first, second = said(child("session")), said(child("session"))
    assert first == second
    assert first.startswith(b"True 1 ")


def test_a_child_is_ended_when_its_time_is_up(child: Callable[[str], Child]) -> None:
    assert child("sleep").end(0).status == -signal.SIGKILL


@pytest.mark.parametrize("deed", ["leave", "leave in a session"])
def test_what_a_child_leaves_behind_ends_with_it(child: Callable[[str], Child],
                                                 deed: str) -> None:
    left = child(deed)
    pid = int(os.read(left.stdout, 100))
    assert left.end(10).status == 0
    wait_for(lambda: not is_there(pid))


def test_a_nursery_that_died_is_replaced(child: Callable[[str], Child]) -> None:
    first = child("nursery")
    number = int(said(first))
    waiting = child("sleep")
    os.kill(number, signal.SIGKILL)
    with pytest.raises(launch.NurseryDied):
        waiting.end(10)
    assert int(said(child("nursery"))) != number


def test_a_nursery_that_cannot_start_is_said() -> None:
    with closing(Child((sys.executable, "-c", "raise SystemExit(3)"))) as one, \
            pytest.raises(launch.NurseryDied):
        one.end(10)


def test_a_nursery_has_one_thread(child: Callable[[str], Child]) -> None:
    assert said(child("threads")) == b"1"
