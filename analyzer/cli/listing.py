"""`vmtrail plugins` and `vmtrail help`."""

import json
import sys
from argparse import Namespace


def help_of(arguments: Namespace) -> int:
    """The help of a verb, or of vmtrail."""
    from analyzer.cli.parser import build_parser

    build_parser().parse_args([*arguments.verb, "--help"])
    return 0


def plugins(arguments: Namespace) -> int:
    """One line, or one JSON object, for each plugin."""
    from analyzer.engine.catalogue import catalogue
    from analyzer.plugin import discover
    from analyzer.records import table_name

    found = catalogue(discover())
    for plugin, described in zip(found.plugins, found.described(), strict=True):
        tables = [table_name(record) for record in plugin.yields]
        if arguments.json:
            row = described | {"doc": plugin.doc, "yields": tables, "reads": list(plugin.reads),
                               "format": plugin.format, "file": plugin.file,
                               "on_request": plugin.on_request}
            sys.stdout.write(json.dumps(row) + "\n")
        else:
            gives = ", ".join(tables) or plugin.file
            gives += " (on request)" if plugin.on_request else ""
            sys.stdout.write(f"{plugin.kind:9} {plugin.name:28} {gives}\n"
                             f"{'':10}{plugin.doc.splitlines()[0]}\n")
    return 0
