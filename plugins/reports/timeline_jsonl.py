"""The timeline as JSON lines, ready for Timesketch."""

import json
from typing import Any, BinaryIO

from analyzer.plugin import Tables, report
from analyzer.times import UNIX_EPOCH, to_datetime
from plugins.reports.machine_names import machine_names
from plugins.reports.source_line import address


@report("timeline", "jsonl", "timeline.jsonl")
def timeline_jsonl(tables: Tables, out: BinaryIO) -> None:
    """One JSON object a line for each dated moment, as Timesketch imports them.

    `timestamp` is in microseconds since 1970, `ticks` is the FILETIME without loss; all text is
    as in the evidence (ASCII with JSON escapes). Timesketch drops years before 1700.
    """
    names = machine_names(tables)
    for row in tables.timeline():
        out.write(json.dumps(_event(row, names)).encode("ascii") + b"\n")


def _event(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    at = row["at"]
    return {
        "message": row["subject"],
        "datetime": to_datetime(at).isoformat(timespec="microseconds"),
        "timestamp": (at - UNIX_EPOCH) // 10,
        "timestamp_desc": row["what"],
        "data_type": f"vmtrail:{row['table']}",
        "ticks": at,
        "topic": row["topic"],
        "vm_id": row["vm_id"],
        "vm_name": names.get(row["vm_id"], ""),
        "snapshot_id": row["snapshot_id"],
        "system": row["system_id"],
        "source": address(row),
        "detail": row["source_detail"],
        "entry": row["source_entry"],
        "offset": row["source_offset"],
        "image_offset": row["source_image_offset"],
        "layer": row["source_layer"],
        "evidence": row["source_evidence"],
    }
