"""`vmtrail disk compare`."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict

from analyzer.cli.disk_address import Opened, open_either, refuse_unused
from analyzer.disks.compare import ChangedRange, really_changed, shared_files
from analyzer.disks.compare import compare as changed_ranges
from analyzer.disks.ranges import Ranges
from analyzer.machines.changed_files import ChangedFile, VolumeChanges, changed_files
from analyzer.system import build_systems
from analyzer.text import show
from analyzer.volume import MountedVolume


def compare(arguments: Namespace) -> int:
    """Print what changed between two states of a disk."""
    before = open_either(arguments.before, arguments.parent)
    after = open_either(arguments.after, arguments.parent)
    refuse_unused(before.unused & after.unused)
    if not shared_files(before.chain, after.chain):
        sys.stderr.write("vmtrail: the two disks share no file, so that all that is stored counts "
                         "as changed; --bytes leaves out what is equal\n")
    found = changed_ranges(before.chain, after.chain)
    if arguments.bytes:
        found = really_changed(found, before.chain.disk, after.chain.disk)
    if arguments.ranges:
        for one in found:
            sys.stdout.write(_range(one, after, as_json=arguments.json))
        return 0
    kinds: dict[str, int] = {}
    ranges = Ranges(_counted(found, kinds))
    volumes = changed_files(_volumes(before), _volumes(after), ranges)
    if arguments.json:
        _write_json(volumes, kinds, ranges)
    else:
        _write_table(volumes, kinds, ranges)
    return 0


def _counted(found: Iterator[ChangedRange], kinds: dict[str, int]) -> Iterator[tuple[int, int]]:
    for one in found:
        kinds[one.kind] = kinds.get(one.kind, 0) + one.length
        yield one.offset, one.length


def _volumes(opened: Opened) -> list[MountedVolume]:
    return build_systems([opened.medium], depth=1)[0].volumes


def _range(one: ChangedRange, after: Opened, *, as_json: bool) -> str:
    path = after.chain.files[one.layer].path if one.layer >= 0 else ""
    if as_json:
        return json.dumps({"offset": one.offset, "length": one.length, "change": one.kind,
                           "layer": path}) + "\n"
    return f"{one.offset:>16,} {one.length:>14,}  {one.kind:10}  {show(path)}\n"


def _write_json(volumes: list[VolumeChanges], kinds: dict[str, int], ranges: Ranges) -> None:
    sys.stdout.write(json.dumps({"what": "disk", "ranges": len(ranges.start),
                                 "changed_bytes": ranges.total, "by_change": kinds}) + "\n")
    for volume in volumes:
        row = asdict(volume)
        files = row.pop("files")
        sys.stdout.write(json.dumps({"what": "volume", **row}) + "\n")
        for file in files:
            sys.stdout.write(json.dumps({"what": "file", "volume": volume.name, **file}) + "\n")


def _write_table(volumes: list[VolumeChanges], kinds: dict[str, int], ranges: Ranges) -> None:
    parts = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
    sys.stdout.write(f"{ranges.total:,} bytes in {len(ranges.start):,} ranges"
                     f"{f' ({parts})' if parts else ''}\n")
    for volume in volumes:
        sys.stdout.write(f"\n{show(volume.name)} {volume.changed_bytes:,} bytes, of them "
                         f"{volume.other_bytes:,} in no file (metadata, free clusters)\n")
        if volume.note:
            sys.stdout.write(f"   {show(volume.note)}\n")
        for file in volume.files:
            sys.stdout.write(_file(file))
    outside = ranges.total - sum(volume.changed_bytes for volume in volumes)
    sys.stdout.write(f"\n{outside:,} bytes outside the volumes\n")


def _file(file: ChangedFile) -> str:
    was = f"  (was {show(file.old_path)})" if file.old_path else ""
    return f"{file.change:8} {file.changed_bytes:>14,}  {show(file.path)}{was}\n"
