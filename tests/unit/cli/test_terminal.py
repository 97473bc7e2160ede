"""What reaches a terminal, and what reaches a pipe."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from analyzer.cli.terminal import ShownLines
from analyzer.text import show

ESCAPES = b"name,\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\xe2\x80\xae\nnext,\xff\xfe\nlast"


def shown(*pieces: bytes) -> bytes:
    out = io.BytesIO()
    writer = ShownLines(out)
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return out.getvalue()


@given(st.lists(st.binary(max_size=20)))
def test_no_line_keeps_what_acts_however_it_is_cut(pieces: list[bytes]) -> None:
    text = shown(*pieces).decode()
    assert all(line == show(line) for line in text.split("\n"))
    assert shown(b"".join(pieces)) == shown(*pieces)


def test_escapes_become_visible() -> None:
    assert shown(ESCAPES) == (
        b"name,\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202e\nnext,\\xff\\xfe\nlast")


def test_a_pipe_gets_the_bytes_and_a_terminal_does_not() -> None:
    code = ("from analyzer.cli.terminal import standard_output\n"
            f"with standard_output() as out: out.write({ESCAPES!r})")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env=environment, capture_output=True,
                          check=True).stdout == ESCAPES
    master, slave = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=slave) as process:
        os.close(slave)
        seen = b""
        while b"last" not in seen:
            seen += os.read(master, 4096)
        assert process.wait() == 0
    os.close(master)
    assert b"\x1b" not in seen
    assert b"\\x1b[2J" in seen
