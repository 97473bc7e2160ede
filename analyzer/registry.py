"""Registry of a system: its hives, and single facts out of them.

A damaged key or value costs that fact and becomes a Problem; a damaged hive costs that hive.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from analyzer import attention
from analyzer.errors import EvidenceError, Notice
from analyzer.formats.hive import Hive, Key, current_control_set
from analyzer.formats.hive_log import Log, is_dirty, replay
from analyzer.formats.hive_value import Value
from analyzer.ledger import Ledger
from analyzer.source import Source
from analyzer.volume import Item

CONFIG = "System32/config"
CONTROL_SET = re.compile(r"ControlSet[0-9]{3}", re.IGNORECASE)
LOGS = (".LOG1", ".LOG2", ".LOG")


class Registry:
    """The hives in `System32\\config` of a Windows folder; none where that is None."""

    def __init__(self, windows: Item | None, ledger: Ledger) -> None:
        self._windows, self._ledger = windows, ledger
        self._hives: dict[str, Hive | None] = {}
        self._items: dict[str, Item | None] = {}
        self._addresses: dict[str, str] = {}
        self._failures: dict[str, EvidenceError] = {}
        self._replayed: dict[str, tuple[Notice, ...]] = {}

    def hive(self, name: str) -> Hive | None:
        """SYSTEM, SOFTWARE ...; None where it is absent or could not be read, said once."""
        if name not in self._hives:
            self._hives[name] = self._open(name)
        attention.touch("file", self._addresses.get(name, ""))  # keys are decoded as asked for
        return self._hives[name]

    def source(self, name: str) -> Source:
        """Where a hive lies."""
        item = self._item(name)
        return item.source if item is not None else self._ledger.source

    def key(self, hive: str, path: str) -> Key | None:
        """A key; None where it is absent or damage hides it, which is said."""
        opened = self.hive(hive)
        if opened is None:
            return None
        try:
            return opened.key(path)
        except EvidenceError as error:
            self._lost(error, hive, path)
            return None

    def has_key(self, hive: str, path: str) -> bool | None:
        """Whether a key is there; None where that cannot be told, which is said."""
        opened = self.hive(hive)
        if opened is None:
            return None
        try:
            return opened.key(path) is not None
        except EvidenceError as error:
            self._lost(error, hive, path)
            return None

    def value(self, hive: str, path: str, name: str) -> Value | None:
        """A value; None where it is absent or damage hides it, which is said."""
        key = self.key(hive, path)
        try:
            return key.value(name) if key is not None else None
        except EvidenceError as error:
            self._lost(error, hive, f"{path}\\{name}")
            return None

    def text(self, hive: str, path: str, name: str) -> str:
        """A text; "" where there is none."""
        value = self.value(hive, path, name)
        try:
            return value.text() if value is not None else ""
        except EvidenceError as error:
            self._lost(error, hive, f"{path}\\{name}")
            return ""

    def integer(self, hive: str, path: str, name: str) -> int | None:
        """A number; None where there is none."""
        value = self.value(hive, path, name)
        try:
            return value.integer() if value is not None else None
        except EvidenceError as error:
            self._lost(error, hive, f"{path}\\{name}")
            return None

    def expect(self, hive: str, path: str, *names: str) -> None:
        """Say which of these values, which every Windows has, a key does not have.

        Nothing checks the name of a value: one that is damaged looks as if there were none.
        """
        if self.has_key(hive, path) is None:
            return
        for name in names:
            if self.value(hive, path, name) is None:
                self._ledger.notice(Notice(
                    "REG-ABSENT", f"no value {name}, which every Windows has",
                    "this fact is missing: the value, or its name, is damaged or was removed"),
                    self.source(hive).at(path))

    @cached_property
    def control_set(self) -> str:
        """Key of the control set in use; "" where that cannot be told."""
        opened = self.hive("SYSTEM")
        try:
            return current_control_set(opened) if opened is not None else ""
        except EvidenceError as error:
            self._lost(error, "SYSTEM", "Select\\Current")
            return ""

    @cached_property
    def control_sets(self) -> tuple[str, ...]:
        """Keys of all control sets of SYSTEM; older ones are kept for repair."""
        opened = self.hive("SYSTEM")
        names = [key.name for key in opened.root.subkeys()] if opened is not None else []
        return tuple(sorted(name for name in names if CONTROL_SET.fullmatch(name)))

    def say(self) -> None:
        """Put what became of the hives, and what they noticed so far, into the ledger.

        Not at opening: the drive letters in the paths come out of a hive themselves.
        """
        for name, hive in self._hives.items():
            if self._windows is None:
                continue
            place = f"{self._windows.path}\\System32\\config\\{name}"
            failure = self._failures.get(name)
            if hive is not None:
                self._ledger.notices((*self._replayed[name], *hive.remarks), self.source(name))
                self._ledger.cover(place, "partial" if hive.notices else "read")
            elif failure is not None:
                self._ledger.problem(failure, self._ledger.source.at(place),
                                     "the facts of this hive are missing")
                self._ledger.cover(place, "unreadable")
            else:
                self._ledger.cover(place, "absent")

    def _item(self, name: str) -> Item | None:
        if name not in self._items:
            self._items[name] = self._windows.child(f"{CONFIG}/{name}") \
                if self._windows is not None else None
        return self._items[name]

    def _open(self, name: str) -> Hive | None:
        """A hive, with its logs applied where it was not written to the end."""
        try:
            item = self._item(name)
            if item is None:
                return None
            self._addresses[name] = item.source.address
            hive, self._replayed[name] = open_hive(
                item, lambda error, log: self._lost(error, name, log))
            return hive
        except EvidenceError as error:
            self._failures[name] = error
            return None

    def _lost(self, error: EvidenceError, hive: str, place: str) -> None:
        self._ledger.problem(error, self.source(hive).at(place), "this fact is missing")


def open_hive(item: Item, lost: Callable[[EvidenceError, str], None]) \
        -> tuple[Hive, tuple[Notice, ...]]:
    """The hive in a file, with the logs beside it applied in memory, and what that noticed.

    `lost` takes the error and name of a log that cannot be read. Raises EvidenceError.
    """
    return recovered_hive(item.read(), _logs(item, lost))


def recovered_hive(data: bytes, logs: Iterable[Log | None]) -> tuple[Hive, tuple[Notice, ...]]:
    """The hive in these bytes, with its logs applied where it is dirty; raises EvidenceError.

    None stands for a log that cannot be read.
    """
    if not is_dirty(data):
        return Hive.open(data), ()
    given = list(logs)
    recovered = replay(data, [log for log in given if log is not None], lacks_one=None in given)
    return Hive.open(recovered.data), recovered.notices


def _logs(item: Item, lost: Callable[[EvidenceError, str], None]) -> Iterator[Log | None]:
    for suffix in LOGS:
        try:
            log = item.beside(f"{item.name}{suffix}")
            if log is not None:
                yield Log(log.name, log.read())
        except EvidenceError as error:
            lost(error, f"{item.name}{suffix}")
            yield None
