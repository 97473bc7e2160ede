"""Verbs on an address inside an image: ls, cat, stat, export."""

import hashlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analyzer import times
from analyzer.errors import UsageError
from analyzer.text import show

if TYPE_CHECKING:
    from analyzer.address import Located

_STEP: Final = 1 << 20


def located(address: str) -> "Located":
    """What an address leads to; UsageError with a hint where there is no such image."""
    from analyzer.address import open_address

    image = Path(address.split("!/", 1)[0])
    if not image.exists():
        raise UsageError(f"no image {image}{_hint(image)}; an address is IMAGE!/C:/path")
    if image.is_dir():
        raise UsageError(f"{image} is a folder; an address is IMAGE!/C:/path")
    return open_address(address)


def _hint(image: Path) -> str:
    """What may have been meant by a path that is no image."""
    for parent in image.parents:
        if parent.is_file():
            return f"; {parent} is one: write '{parent}!/{image.relative_to(parent)}'"
    return f"; in {image.parent} there is {_like(image)}" if _like(image) else ""


def _like(image: Path) -> str:
    from difflib import get_close_matches

    with suppress(OSError):
        names = [p.name for p in image.parent.iterdir() if p.is_file()]
        return " or ".join(get_close_matches(image.name, names, n=2))
    return ""


def ls(arguments: Namespace) -> int:
    """List a folder, or the volumes of a disk."""
    found = located(arguments.address)
    rows = found.list()
    if not rows:
        empty = "no volume was found in it" if found.item is None else "an empty folder"
        sys.stderr.write(f"vmtrail: {show(arguments.address)}: {empty}\n")
    for row in rows:
        if arguments.json:
            values = asdict(row) | {"modified_at": times.iso(row.modified_at)}
            sys.stdout.write(json.dumps(values) + "\n")
            continue
        entry = "" if row.entry is None else str(row.entry)
        deleted = "" if row.allocated else "  (deleted)"
        sys.stdout.write(f"{row.kind:9} {row.size:>15,} {entry:>9}  "
                         f"{times.iso(row.modified_at)[:19]:19}  {show(row.name)}{deleted}\n")
    return 0


def _content(found: "Located") -> Iterator[bytes]:
    """The bytes of a file in steps; an unreadable range raises before it is reached."""
    for offset in range(0, found.size, _STEP):
        yield found.read(offset, min(_STEP, found.size - offset))


def _is_text(data: bytes) -> bool:
    """True for what may go to a terminal: no control characters but tab and line ends."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    plain = text.translate(dict.fromkeys(map(ord, "\t\r\n")))
    return show(plain) == plain


def cat(arguments: Namespace) -> int:
    """Print a file byte for byte."""
    found = located(arguments.address)
    is_terminal = sys.stdout.isatty()
    for data in _content(found):
        if is_terminal and not _is_text(data):
            raise UsageError("this is binary data, which can drive a terminal; send it to a "
                             "program or a file (| xxd), or use vmtrail export")
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


def stat(arguments: Namespace) -> int:
    """Print what is known about an address."""
    facts = located(arguments.address).facts()
    if arguments.json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return 0
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        sys.stdout.write(f"{name:{width}}  {show('' if text is None else text)}\n")
    return 0


def export(arguments: Namespace) -> int:
    """Copy a file out of the evidence; prints its SHA-256. With --to, a case as a database."""
    if arguments.to:
        return _database(arguments)
    if (Path(arguments.address) / "case.json").is_file():
        raise UsageError(f"{arguments.address} is a case; say --to sqlite or --to duckdb")
    found, target = located(arguments.address), Path(arguments.output)
    if found.kind != "file":
        raise UsageError(f"{arguments.address} is a {found.kind}; export copies one file")
    digest = hashlib.sha256()
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError as error:
        raise UsageError(f"{target} exists and is not overwritten") from error
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            for data in _content(found):
                digest.update(data)
                file.write(data)
    except BaseException:  # Ctrl-C too: never leave half a file that looks whole; it goes on up
        target.unlink()
        raise
    sys.stdout.write(f"{digest.hexdigest()}  {target}\n")
    return 0


def _database(arguments: Namespace) -> int:
    from analyzer.case.database import write_database
    from analyzer.case.folder import existing

    written = write_database(existing(Path(arguments.address)), arguments.to,
                             Path(arguments.output))
    filled = [count for count in written.values() if count]
    sys.stdout.write(f"{arguments.output}: {sum(filled):,} rows, {len(filled)} tables with rows\n")
    return 0
