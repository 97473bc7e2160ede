"""The timeline as CSV."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.plugin import Tables, report
from analyzer.times import iso
from plugins.reports import csv_cells
from plugins.reports.machine_names import machine_names
from plugins.reports.source_line import address

COLUMNS = ("datetime", "timestamp_desc", "message", "topic", "table", "vm_id", "vm_name",
           "snapshot_id", "system", "source", "detail", "entry", "offset", "image_offset",
           "layer", "evidence")


@report("timeline", "csv", "timeline.csv")
def timeline_csv(tables: Tables, out: BinaryIO) -> None:
    """One line for each dated moment, in order of time.

    Comma separated after RFC 4180, UTF-8; times in UTC with seven digits. Cells that a
    spreadsheet would run as a formula start with `'`, and the column `escaped` names them.
    """
    csv_cells.write(out, COLUMNS, _rows(tables))


def _rows(tables: Tables) -> Iterator[tuple[Any, ...]]:
    names = machine_names(tables)
    for row in tables.timeline():
        yield (iso(row["at"]), row["what"], row["subject"], row["topic"], row["table"],
               row["vm_id"], names.get(row["vm_id"], ""), row["snapshot_id"], row["system_id"],
               address(row), row["source_detail"], row["source_entry"], row["source_offset"],
               row["source_image_offset"], row["source_layer"], row["source_evidence"])
