"""The timeline as log2timeline's CSV."""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from analyzer.plugin import Tables, report
from plugins.reports import csv_cells
from plugins.reports import text_columns as columns
from plugins.reports.clocks import Clocks, clocks, macb
from plugins.reports.machine_names import machine_names
from plugins.reports.text_columns import pc

COLUMNS = ("date", "time", "timezone", "MACB", "source", "sourcetype", "type", "user", "host",
           "short", "desc", "version", "filename", "inode", "notes", "format", "extra")


@report("timeline", "l2tcsv", "timeline.l2t.csv", on_request=True)
def timeline_l2tcsv(tables: Tables, out: BinaryIO) -> None:
    """The seventeen columns of l2tcsv, version 2, for tools that read plaso's older format.

    Whole seconds, always UTC; `-` is "none". `host` is whose clock it is, `user` is not told
    here. Cells with commas are quoted (RFC 4180); those that a spreadsheet would run as a formula
    start with `'`. `extra` has the exact time, the place, and of a guest the bounds of its clock
    against its host's.
    """
    names, known = machine_names(tables), clocks(tables)

    def batches() -> Iterator[list[columns.Column]]:
        for rows in tables.timeline():
            yield _columns(rows, columns.machine(rows, names), known)

    csv_cells.write_columns(out, COLUMNS, batches(), is_marked=False, empty="-")


def _columns(rows: pa.RecordBatch, machine: columns.Column, known: Clocks) \
        -> list[columns.Column]:
    iso = columns.iso(rows["at"])
    year, month, day = (pc.utf8_slice_codeunits(iso, a, b) for a, b in ((0, 4), (5, 7), (8, 10)))
    about = pc.if_else(pc.equal(machine, ""), rows["subject"],
                       columns.joined(rows["subject"], " [", machine, "]"))
    extra = columns.joined("exact: ", iso, "; vm_id: ", rows["vm_id"], "; snapshot_id: ",
                           rows["snapshot_id"], "; detail: ", rows["source_detail"],
                           "; clock_offset: ", known.offset(rows))
    is_file = pc.equal(rows["table"], "file_entry")
    return [columns.joined(month, "/", day, "/", year), pc.utf8_slice_codeunits(iso, 11, 19),
            _all(rows, "UTC"), macb(rows), pc.if_else(is_file, "FILE", "HYPERV"), rows["table"],
            rows["what"], _all(rows, ""), known.clock(rows), rows["subject"], about,
            _all(rows, "2"), columns.address(rows), columns.number(rows["source_entry"]),
            _all(rows, ""), columns.joined("vmtrail:", rows["topic"]), extra]


def _all(rows: pa.RecordBatch, text: str) -> columns.Column:
    return pa.repeat(pa.scalar(text, pa.string()), rows.num_rows)
