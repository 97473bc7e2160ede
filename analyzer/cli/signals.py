"""Ctrl-C and a polite `kill` end a run the same way: children ended, a valid partial case."""

import signal
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def catch_signals() -> None:
    """Treat SIGTERM as SIGINT."""
    signal.signal(signal.SIGTERM, _interrupt)
