"""The timeline as CSV."""

from collections.abc import Iterator
from typing import BinaryIO

from analyzer.plugin import Tables, report
from analyzer.zones import UTC_NAME
from plugins.reports import csv_cells
from plugins.reports import text_columns as columns
from plugins.reports.machine_names import machine_names

COLUMNS = ("datetime", "timestamp_desc", "message", "topic", "table", "vm_id", "vm_name",
           "snapshot_id", "system", "source", "detail", "entry", "offset", "image_offset",
           "layer", "evidence")


@report("timeline", "csv", "timeline.csv", zoned=True)
def timeline_csv(tables: Tables, out: BinaryIO) -> None:
    """One line for each dated moment, in order of time.

    Comma separated after RFC 4180, UTF-8; times in UTC with seven digits. Cells that a
    spreadsheet would run as a formula start with `'`, and the column `escaped` names them.
    `--timezone` adds a column `local`, with the offset from UTC, after `datetime`.
    """
    local = () if tables.zone == UTC_NAME else ("local",)
    csv_cells.write_columns(out, (*COLUMNS[:1], *local, *COLUMNS[1:]), _batches(tables))


def _batches(tables: Tables) -> Iterator[list[columns.Column]]:
    names = machine_names(tables)
    for rows in tables.timeline():
        local = () if tables.zone == UTC_NAME else (columns.local_times(rows["at"], tables.zone),)
        yield [columns.iso(rows["at"]), *local, rows["what"], rows["subject"], rows["topic"],
               rows["table"], rows["vm_id"], columns.machine(rows, names), rows["snapshot_id"],
               rows["system_id"], columns.address(rows), rows["source_detail"],
               rows["source_entry"], rows["source_offset"], rows["source_image_offset"],
               rows["source_layer"], rows["source_evidence"]]
