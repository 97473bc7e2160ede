"""`vmtrail disk info` and `vmtrail disk chain`."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from analyzer.cli.disk_address import open_disk_address
from analyzer.disks.describe import chain_facts, layer_facts
from analyzer.text import show


def info(arguments: Namespace) -> int:
    """Everything that one disk file says of itself, and what its chain amounts to."""
    chain = open_disk_address(arguments.address, arguments.parent).chain
    facts = layer_facts(chain)
    whole = chain_facts(chain)
    facts["chain"] = {name: whole[name] for name in (
        "verdict", "broken", "unreadable_ranges", "unreadable_bytes", "notices")}
    facts["chain"]["layers"] = len(chain.files)
    if arguments.json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return 0
    rows = list(_lines(facts))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        sys.stdout.write(f"{name:{width}}  {show(value)}".rstrip() + "\n")
    return 0


def _lines(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names and texts, values inside values with the names of both."""
    for name, value in facts.items():
        name = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _lines(value, f"{name} ")
        elif isinstance(value, list):
            for row in value:
                yield name, _row(row)
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, int) and name.endswith(("size", "bytes")):
            yield name, f"{value:,} bytes"
        else:
            yield name, "" if value is None else str(value)


def _row(row: Any) -> str:
    if isinstance(row, dict):
        return f"{row['code']}: {row['what']}: {row['effect']}"
    return ": ".join(row) if isinstance(row, list) else str(row)


def chain(arguments: Namespace) -> int:
    """The layers, top first, each under the one that it is the parent of."""
    facts = chain_facts(open_disk_address(arguments.address, arguments.parent).chain)
    if arguments.json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return 0
    for depth, layer in enumerate(facts["layers"]):
        mark = "" if not depth else "   " * (depth - 1) + "└─ "
        space = "   " * depth
        size = f"{layer['size']:,} bytes"
        lines = [f"{mark}{show(layer['path'])}",
                 f"{space}{layer['format']} {layer['kind']}, {size}, id {show(layer['disk_id'])}"]
        if layer["found_by"]:
            lines.append(f"{space}found by {show(layer['found_by'])}")
        lines.append(f"{space}{show(layer['verdict'])}")
        sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.write(f"\nchain: {show(facts['broken'] or facts['verdict'])}\n")
    if facts["unreadable_ranges"]:
        sys.stdout.write(f"unreadable: {facts['unreadable_bytes']:,} bytes in "
                         f"{facts['unreadable_ranges']:,} ranges\n")
    for notice in facts["notices"]:
        sys.stdout.write(f"{show(_row(notice))}\n")
    return 0
