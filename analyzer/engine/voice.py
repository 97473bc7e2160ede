"""How a child reports: lines on a descriptor that no library can write to."""

import os
import time
from typing import Final

from analyzer import attention
from analyzer.engine import limits, messages
from analyzer.engine.messages import Message, Progress
from analyzer.engine.tasks import Limits

_PAUSE: Final = 0.25


class Voice:
    """Writes messages to `handle`; progress at most four times a second.

    Each progress also allows more processor time: a child that gets on may take as long as it
    needs, one that is caught in a loop is ended.
    """

    def __init__(self, handle: int, allowed: Limits) -> None:
        self._handle, self._allowed = handle, allowed
        self._next = 0.0
        self.step = "open"

    def say(self, message: Message) -> None:
        """Write one message at once."""
        line = messages.to_line(message)
        if len(line) > messages.MAX_LINE:
            raise OverflowError(f"message of {len(line)} bytes")
        while line:
            line = line[os.write(self._handle, line):]

    def begin(self, step: str) -> None:
        """From now on `step` is to blame."""
        self.step = step
        attention.forget()
        limits.more_time(self._allowed)
        self.say(Progress(step))

    def alive(self, note: str = "", done: int = 0, total: int = 0) -> None:
        """Something was achieved."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            limits.more_time(self._allowed)
            self.say(Progress(self.step, note[:500], done, total))


def private_output() -> int:
    """A descriptor for messages; what libraries print on standard output goes to error."""
    handle = os.dup(1)
    os.dup2(2, 1)
    return handle
