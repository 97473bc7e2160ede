"""The timeline as JSON lines, ready for Timesketch."""

from typing import BinaryIO

import pyarrow as pa

from analyzer.plugin import Tables, report
from plugins.reports import text_columns as columns
from plugins.reports.clocks import Clocks, clocks
from plugins.reports.json_lines import lines
from plugins.reports.machine_names import machine_names
from plugins.reports.text_columns import pc


@report("timeline", "jsonl", "timeline.jsonl")
def timeline_jsonl(tables: Tables, out: BinaryIO) -> None:
    """One JSON object a line for each dated moment, as Timesketch imports them.

    `timestamp` is in microseconds since 1970, `ticks` is the FILETIME without loss; all text is
    as in the evidence (ASCII with JSON escapes). Timesketch drops years before 1700.
    """
    names, known = machine_names(tables), clocks(tables)
    for rows in tables.timeline():
        columns.write(out, _lines(rows, names, known))


def _lines(rows: pa.RecordBatch, names: dict[str, str], known: Clocks) -> columns.Column:
    at = rows["at"]
    return lines({
        "message": rows["subject"],
        "datetime": columns.joined(columns.day_and_time(at), "+00:00"),
        "timestamp": pc.cast(columns.microseconds(at), pa.int64()),
        "timestamp_desc": rows["what"],
        "data_type": columns.joined("vmtrail:", rows["table"]),
        "ticks": at,
        "topic": rows["topic"],
        "vm_id": rows["vm_id"],
        "vm_name": columns.machine(rows, names),
        "snapshot_id": rows["snapshot_id"],
        "system": rows["system_id"],
        "source": columns.address(rows),
        "detail": rows["source_detail"],
        "entry": rows["source_entry"],
        "offset": rows["source_offset"],
        "image_offset": rows["source_image_offset"],
        "layer": rows["source_layer"],
        "evidence": rows["source_evidence"],
        "clock": known.clock(rows),
        "clock_offset": known.offset(rows),
    })
