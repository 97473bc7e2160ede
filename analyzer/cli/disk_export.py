"""`vmtrail disk export`."""

import sys
import uuid
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from analyzer import VERSION, times
from analyzer.cli.disk_address import Opened, open_disk_address
from analyzer.disks.describe import chain_facts
from analyzer.disks.export import Export, Exported
from analyzer.disks.export_journal import Plan
from analyzer.disks.export_target import Target
from analyzer.disks.write_output import OutputFull
from analyzer.errors import Unreadable, UsageError
from analyzer.text import show

PARTIAL: Final = 4


def export(arguments: Namespace) -> int:
    """Write the disk to a file; prints the SHA-256 of its content."""
    opened = open_disk_address(arguments.address, arguments.parent, arguments.snapshot)
    target = Path(arguments.output)
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}")
    facts = chain_facts(opened.chain)
    if arguments.strict and facts["unreadable_ranges"]:
        offset, length = opened.chain.unreadable(0)[0]
        raise Unreadable(f"{facts['unreadable_bytes']} bytes of the disk cannot be read "
                         f"({facts['verdict']}); nothing was written", offset, length)
    try:
        with _progress(arguments.quiet) as progress:
            job = Export(opened.chain.disk, _plan(arguments, opened, facts["layers"]),
                         Target(target, opened.evidence),
                         {name: facts[name] for name in ("verdict", "notices")},
                         strict=arguments.strict, progress=progress)
            done = job.run(resume=arguments.resume)
    except OutputFull as error:
        _say(str(error))
        return PARTIAL
    except KeyboardInterrupt:
        _say(f"{target}.part is kept; --resume goes on with it")
        raise
    return _report(done)


def _plan(arguments: Namespace, opened: Opened, layers: list[dict[str, object]]) -> Plan:
    top = opened.chain.files[0]
    return Plan(top.source.address, layers, top.layer.size, top.layer.sector_size,
                arguments.format, str(uuid.uuid4()).upper(),
                times.from_datetime(datetime.now(UTC)), VERSION)


def _report(done: Exported) -> int:
    sys.stdout.write(f"{done.sha256}  {show(done.path)}\n")
    if not done.lost:
        return 0
    _say(f"{done.lost_bytes:,} bytes in {len(done.lost):,} ranges of the disk could not be read; "
         f"they are zeros in {done.path} and listed in {done.path}.json")
    return PARTIAL


def _say(text: str) -> None:
    sys.stderr.write(f"vmtrail: {show(text)}\n")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, size: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
                  console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, size: bar.update(task, completed=done, total=size)
