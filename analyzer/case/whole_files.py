"""Files and folders that take their name when they are whole and on the disk, or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def sync(path: Path, kind: int = 0) -> None:
    """Have a file or folder on the disk before going on."""
    handle = os.open(path, os.O_RDONLY | kind)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(path: Path) -> None:
    """Make a rename in `path` survive a power cut."""
    sync(path, os.O_DIRECTORY)


def temporary_for(path: Path) -> Path:
    """A name of its own: on a cluster a task may begin anew while a lost machine still writes."""
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name when it is whole, or leaves nothing."""
    temporary = temporary_for(path)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that takes its name when it is whole, or leaves nothing.

    What had the name before is removed.
    """
    temporary, former = temporary_for(path), temporary_for(path)
    temporary.mkdir()
    try:
        yield temporary
        for below in (*temporary.rglob("*"), temporary):
            sync(below)
        if path.exists():
            path.replace(former)
        temporary.replace(path)
    finally:
        for left in (temporary, former):
            shutil.rmtree(left, ignore_errors=True)
    sync_directory(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    with replacing(path) as file:
        file.write(data)
