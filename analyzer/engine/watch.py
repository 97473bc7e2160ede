"""The watch: what a child notes about the artefact it is reading, for the case that it dies.

The note is one page of memory that the child shares with its supervisor, who reads it only after
the death: no message, no system call for an artefact. A page is::

    0  state: "r" an artefact is being read; "l" it was the last file read and what came out of
       it is still in use; anything else: none
    1  length of the name, u16 little-endian
    3  the name in UTF-8: kind, a space, address

A child may have been taken over, so that any bytes at all may stand there.
"""

import errno
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from mmap import mmap
from resource import RLIMIT_FSIZE, getrlimit
from typing import Final, get_args

from analyzer import attention
from analyzer.attention import Kind
from analyzer.engine.limits import more_time, used_by_now
from analyzer.engine.tasks import Limits
from analyzer.errors import Exhausted, Refused

OUT_OF_MEMORY: Final = "WRK-OOM"
OUT_OF_FILES: Final = "WRK-FILES"
OUT_OF_SPACE: Final = "WRK-FSIZE"
LIMIT_CODES: Final = (OUT_OF_MEMORY, OUT_OF_FILES, OUT_OF_SPACE)
HANDLE: Final = 3
"""Descriptor of the page in a child."""
PAGE_SIZE: Final = 8_192
_HEAD: Final = struct.Struct("<cH")
_LONGEST: Final = 6_000
_PAUSE: Final = 0.25
"""Seconds between two grants of processor time."""
_KINDS: Final = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class Noted:
    """What a dead child was reading; `in_use`: it had read it, and died of something after."""

    artefact: str
    in_use: bool


def name_of(kind: Kind, address: str) -> str:
    """How an artefact is named in pages, requests and poison lists; bounded, and still its own."""
    name = f"{kind} {address}"
    if len(name) * 4 <= _LONGEST:
        return name
    digest = sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[:_LONGEST // 4 - 80]}... ({digest})"


def kind_and_address(name: str) -> tuple[str, str]:
    """The reverse of `name_of`; ("", name) where it names no kind."""
    kind = next((kind for kind in _KINDS if name.startswith(f"{kind} ")), "")
    return kind, name[len(kind) + 1:] if kind else name


def read_note(page: bytes) -> Noted | None:
    """What a page says, as far as it can be meant so."""
    if len(page) < _HEAD.size or page[:1] not in (b"r", b"l"):
        return None
    state, length = _HEAD.unpack_from(page)
    name = page[_HEAD.size:_HEAD.size + min(length, _LONGEST)]
    try:
        artefact = name.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    kind, address = kind_and_address(artefact)
    return Noted(artefact, state == b"l") if kind and address else None


def exhausted(error: BaseException, limits: Limits) -> Exhausted | None:
    """The limit that an exception hit; None where it is about something else, as a file that a
    lower limit of whoever started the run, or of the file system, keeps small.
    """
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        code, what = OUT_OF_MEMORY, (f"more than {limits.memory_bytes >> 20} MiB of memory wanted "
                                     "(limit of address space)")
    elif type(error).__name__ == "OutOfMemoryException":  # DuckDB's, which is not loaded here
        code, what = OUT_OF_MEMORY, "a query wants more memory than it may have"
    elif number in (errno.EMFILE, errno.ENFILE):
        code, what = OUT_OF_FILES, (f"more than {limits.open_files} open files wanted "
                                    "(limit of open files)")
    elif number == errno.EFBIG and not 0 <= getrlimit(RLIMIT_FSIZE)[0] < limits.file_bytes:
        code, what = OUT_OF_SPACE, (f"more than {limits.file_bytes} bytes in one file wanted "
                                    "(limit of file size)")
    else:
        return None
    return Exhausted(code, what, used_by_now())


class ChildWatch:
    """The `attention.Watch` of a child. `grant` allows it more processor time."""

    def __init__(self, page: mmap, refused: Collection[str], limits: Limits,
                 grant: Callable[[], None] = lambda: None) -> None:
        self._page, self._refused, self._limits = page, frozenset(refused), limits
        self._grant = grant
        self._stack: list[tuple[str, Kind]] = []
        self._next = 0.0

    def begin(self, kind: Kind, address: str) -> None:
        name = name_of(kind, address)
        if name in self._refused:
            raise Refused(f"the {name} killed a process that read it")
        self._stack.append((name, kind))
        self._note(b"r", name)
        self.progress()

    def end(self, error: BaseException | None) -> None:
        name, kind = self._stack.pop()
        if self._stack:
            self._note(b"r", self._stack[-1][0])
        elif kind == "file":
            self._note(b"l", name)
        else:
            self.forget()
        lack = self.lack(error) if error is not None else None
        if lack is not None:
            raise lack from error

    def lack(self, error: BaseException) -> Exhausted | None:
        """The limit of this process that an error tells of."""
        return exhausted(error, self._limits)

    def touch(self, kind: Kind, address: str) -> None:
        if not self._stack:
            self._note(b"l", name_of(kind, address))

    def forget(self) -> None:
        if not self._stack:
            self._page[0:1] = b"-"

    def progress(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            self._grant()

    def last(self) -> str:
        """The artefact that the page names; "" for none."""
        noted = read_note(self._page[:])
        return noted.artefact if noted is not None else ""

    def _note(self, state: bytes, name: str) -> None:
        text = name.encode("utf-8", "surrogatepass")[:_LONGEST]
        self._page[:_HEAD.size + len(text)] = _HEAD.pack(state, len(text)) + text


def begin_watch(refused: Collection[str], limits: Limits) -> ChildWatch:
    """Watch in this process from now on."""
    watch = ChildWatch(mmap(HANDLE, PAGE_SIZE), refused, limits, lambda: more_time(limits))
    attention.watch(watch)
    return watch
