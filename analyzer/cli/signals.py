"""Ctrl-C and a polite `kill` end a run the same way: children ended, a valid partial case.

A second one ends this process at once. Its children die with it, because their nursery does.
"""

import os
import signal
from types import FrameType
from typing import Final

_POLITE: Final = (signal.SIGINT, signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for polite in _POLITE:
        signal.signal(polite, _end)
    raise KeyboardInterrupt(number)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def catch_signals() -> None:
    """From now on each of the two raises KeyboardInterrupt with the number of the signal."""
    for polite in _POLITE:
        signal.signal(polite, _interrupt)


def settle() -> None:
    """The exit code is decided: from now on neither can change it.

    Python gives signals their default meaning again while it shuts down, and a process that had
    finished its work would seem to have been killed; one that ignores them it leaves alone.
    """
    for polite in _POLITE:
        signal.signal(polite, signal.SIG_IGN)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + int(interrupt.args[0] if interrupt.args else signal.SIGINT)
