"""The watch: what a child notes of the artefact it reads, and what its supervisor makes of it."""

import errno
import struct
from mmap import mmap

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import attention
from analyzer.engine.guard import Overdrawn, Place, guarded
from analyzer.engine.tasks import Limits
from analyzer.engine.watch import PAGE_SIZE, ChildWatch, Noted, kind_and_address, name_of, read_note
from analyzer.errors import Corrupt, Exhausted, Refused
from analyzer.records import Problem
from analyzer.source import Source


def watch(*refused: str) -> tuple[ChildWatch, mmap]:
    page = mmap(-1, PAGE_SIZE)
    made = ChildWatch(page, refused, Limits(open_files=7))
    attention.watch(made)
    return made, page


@pytest.fixture(autouse=True)
def _nobody_watches() -> None:
    attention.watch(None)


def test_the_innermost_artefact_is_noted_and_the_outer_one_again_after_it() -> None:
    _, page = watch()
    with attention.on("volume", "a!/p1"):
        with attention.on("directory", "a!/p1/Windows"):
            assert read_note(page[:]) == Noted("directory a!/p1/Windows", in_use=False)
        assert read_note(page[:]) == Noted("volume a!/p1", in_use=False)
    assert read_note(page[:]) is None


def test_a_file_that_was_read_is_in_use_until_something_else_begins() -> None:
    _, page = watch()
    with attention.on("file", "a!/p1/x.xml"):
        pass
    assert read_note(page[:]) == Noted("file a!/p1/x.xml", in_use=True)
    attention.touch("file", "a!/p1/y")
    assert read_note(page[:]) == Noted("file a!/p1/y", in_use=True)
    attention.forget()
    assert read_note(page[:]) is None


def test_a_refused_artefact_is_refused_and_leaves_no_note() -> None:
    _, page = watch("file a!/p1/x")
    with pytest.raises(Refused), attention.on("file", "a!/p1/x"):
        raise AssertionError("was read")
    assert read_note(page[:]) is None
    with attention.on("directory", "a!/p1/x"):
        assert read_note(page[:]) is not None


@pytest.mark.parametrize(("error", "code"), [
    (MemoryError(), "WRK-OOM"), (OSError(errno.EMFILE, "x"), "WRK-FILES"),
    (OSError(errno.EFBIG, "x"), "WRK-FSIZE"), (duckdb.OutOfMemoryException("x"), "WRK-OOM")])
def test_a_limit_that_is_hit_is_an_error_of_the_artefact(error: Exception, code: str) -> None:
    watch()
    with pytest.raises(Exhausted) as caught, attention.on("file", "a!/p1/x"):
        raise error
    assert caught.value.code == code


def test_a_partition_that_grows_too_large_is_the_fault_of_its_step() -> None:
    made, page = watch()

    def take(record: object) -> None:
        raise OSError(errno.EFBIG, "x")

    place, found = Place(Source("a")), [Problem(source=Source("a"), code="A", what="b", effect="c")]
    attention.touch("file", "a!/p1/innocent")
    with pytest.raises(Overdrawn):
        guarded("step", place, lambda: found, (), take, made)
    assert read_note(page[:]) is None


def test_other_errors_pass() -> None:
    watch()
    for error in (Corrupt("x"), OSError(errno.EIO, "x"), ZeroDivisionError()):
        with pytest.raises(type(error)), attention.on("file", "a!/p1/x"):
            raise error


def test_without_a_watch_nothing_happens() -> None:
    with attention.on("file", "a!/p1/x"):
        attention.touch("file", "y")
        attention.forget()


@given(st.text(max_size=9_000))
def test_any_address_is_noted_whole_or_by_its_hash(address: str) -> None:
    page = mmap(-1, PAGE_SIZE)
    made = ChildWatch(page, (), Limits())
    made.begin("file", address)
    noted = read_note(page[:])
    assert (noted.artefact if noted else "file ") == name_of("file", address)
    refusing = ChildWatch(page, [name_of("file", address)], Limits())
    with pytest.raises(Refused):
        refusing.begin("file", address)


@given(st.binary(max_size=PAGE_SIZE))
def test_any_page_is_read_as_an_artefact_or_not_at_all(page: bytes) -> None:
    for content in (page, b"r" + page, struct.pack("<cH", b"l", len(page)) + b"file " + page):
        noted = read_note(content)
        assert noted is None or all(kind_and_address(noted.artefact))
        assert noted is None or len(noted.artefact) <= PAGE_SIZE


def test_another_artefact_or_a_piece_of_one_allows_more_time() -> None:
    granted: list[int] = []
    made = ChildWatch(mmap(-1, PAGE_SIZE), (), Limits(), lambda: granted.append(1))
    attention.progress()
    attention.watch(made)
    with attention.on("file", "a!/p1/x"):
        assert len(granted) == 1
        attention.progress()
    assert len(granted) == 1  # not more often than four times a second
    made._next = 0.0
    attention.progress()
    assert len(granted) == 2
