"""Standard output for bytes that may hold evidence text.

Into a file or pipe they go as they are. A terminal gets each line through `text.show`, because
reports are verbatim and evidence can hold escape sequences.
"""

import io
import os
import sys
from typing import BinaryIO, cast

from analyzer.text import show


class ShownLines(io.RawIOBase):
    """A writer that shows whole lines; what is left without line end is shown on closing."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._rest = out, b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        raw = bytes(cast("bytes", data))
        *lines, self._rest = (self._rest + raw).split(b"\n")
        for line in lines:
            self._out.write(f"{show(line.decode('utf-8', 'backslashreplace'))}\n".encode())
        return len(raw)

    def close(self) -> None:
        if not self.closed:
            self._out.write(show(self._rest.decode("utf-8", "backslashreplace")).encode())
            self._rest = b""
            self._out.flush()
        super().close()


def standard_output() -> BinaryIO:
    """Standard output as bytes; closing it leaves the process's own open."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    if not sys.stdout.isatty():
        return out
    return cast("BinaryIO", ShownLines(out))
