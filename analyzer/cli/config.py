"""`vmtrail config`: a configuration file as a tree, on its own or out of an image."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import UsageError
from analyzer.text import show

if TYPE_CHECKING:
    from analyzer.blocks import Blocks
    from analyzer.formats.configuration_file import ConfigurationFile
    from analyzer.formats.vm_settings import Setting

PARTIAL = 4


def config(arguments: Namespace) -> int:
    """Print one file; what is wrong with it goes to standard error, or into the JSON.

    Exit code 4 where damage hides a part of it.
    """
    from analyzer.formats.configuration_file import read

    found = read(_blocks(arguments.address), arguments.address)
    if arguments.json:
        for row in _rows(found):
            sys.stdout.write(json.dumps(row) + "\n")
        return PARTIAL if found.partial else 0
    for line in _lines(found):
        sys.stdout.write(f"{show(line)}\n")
    for notice in found.notices:
        sys.stderr.write(f"vmtrail: {show(f'{notice.code}: {notice.what}; {notice.effect}')}\n")
    return PARTIAL if found.partial else 0


def _blocks(address: str) -> "Blocks":
    path = Path(address)
    if "!/" not in address or path.is_file():
        from analyzer.evidence.segment import look

        if not path.is_file():
            raise UsageError(f"no file {path}; inside an image it is IMAGE!/C:/path")
        return look(path)
    from analyzer.cli.look import located

    return located(address).blocks


def _value(setting: "Setting") -> str:
    """Text on one line; bytes in hexadecimal."""
    if isinstance(setting.value, bytes):
        return setting.value.hex()
    return setting.text if setting.value is None else str(setting.value)


def _lines(found: "ConfigurationFile") -> Iterator[str]:
    """The tree, two spaces a level; a container is named once, before what is in it."""
    hint = " (?: kept as it stands, no fact is taken from it)" if found.understood else ""
    damaged = ", damaged" if found.partial else ""
    yield f"{found.kind}{damaged}: {len(found.settings)} settings{hint}"
    open_: list[str] = []
    for setting in found.settings:
        *above, name = setting.key.split("/")
        same = next((n for n, (a, b) in enumerate(zip(open_, above, strict=False)) if a != b),
                    min(len(open_), len(above)))
        for depth in range(same, len(above)):
            yield f"{'  ' * depth}{above[depth]}"
        open_ = above
        mark = " ?" if found.understood and setting.key not in found.understood else ""
        kind = f" ({setting.type})" if setting.type else ""
        yield f"{'  ' * len(above)}{name}{kind}{mark}: {_value(setting)}"
    if found.former:
        yield "old values that the file no longer uses:"
    for old in found.former:
        now = "gone" if old.is_gone else f"now {old.now}"
        if old.sequence is not None and old.live_sequence is not None:
            now += f"; of state {old.sequence} of its table, which is at {old.live_sequence} now"
        yield f"  {old.key} ({old.type}): {old.text} [{now}; {old.found_in}, {old.basis}]"


def _rows(found: "ConfigurationFile") -> Iterator[dict[str, Any]]:
    yield {"kind": found.kind, "partial": found.partial, "settings": len(found.settings)}
    for setting in found.settings:
        yield {"key": setting.key, "type": setting.type, "value": _value(setting),
               "understood": setting.key in found.understood, "offset": setting.at}
    for old in found.former:
        yield {"former": old.key, "type": old.type, "value": old.text, "now": old.now,
               "is_gone": old.is_gone, "found_in": old.found_in, "basis": old.basis,
               "offset": old.at, "table_sequence": old.sequence,
               "current_sequence": old.live_sequence}
    for notice in found.notices:
        yield {"notice": notice.code, "what": notice.what, "effect": notice.effect,
               "offset": notice.start, "length": notice.length}
