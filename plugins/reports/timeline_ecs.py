"""The timeline for Elastic, by the Elastic Common Schema."""

from typing import BinaryIO, Final

import pyarrow as pa

from analyzer.plugin import Tables, report
from plugins.reports import text_columns as columns
from plugins.reports.clocks import Clocks, clocks, macb
from plugins.reports.json_lines import lines
from plugins.reports.machine_names import machine_names
from plugins.reports.text_columns import pc

VERSION: Final = "8.11.0"
_TYPES: Final = {"...B": "creation", "M...": "change", ".A..": "access", "..C.": "change"}


@report("timeline", "ecs", "timeline.ecs.ndjson", on_request=True)
def timeline_ecs(tables: Tables, out: BinaryIO) -> None:
    """One JSON object a line, keys as ECS names them (with dots), for Filebeat or an upload.

    `@timestamp` has all seven digits, UTC. `host.name` is the system whose clock it is, what is
    not in ECS stands under `vmtrail.`; `vmtrail.ticks` is the FILETIME without loss.
    """
    names, known = machine_names(tables), clocks(tables)
    for rows in tables.timeline():
        columns.write(out, lines(_values(rows, columns.machine(rows, names), known)))


def _values(rows: pa.RecordBatch, machine: columns.Column, known: Clocks) \
        -> dict[str, columns.Column]:
    is_file = pc.equal(rows["table"], "file_entry")
    return {
        "@timestamp": columns.iso(rows["at"]),
        "message": columns.joined(rows["what"], ": ", rows["subject"]),
        "ecs.version": f'"{VERSION}"',
        "event.kind": '"event"',
        "event.category": _raw(pc.if_else(is_file, '["file"]', "[]")),
        "event.type": _raw(_types(rows)),
        "event.action": rows["what"],
        "event.module": '"vmtrail"',
        "event.dataset": columns.joined("vmtrail.", rows["table"]),
        "host.name": known.name(rows),
        "log.file.path": columns.address(rows),
        "vmtrail.ticks": rows["at"],
        "vmtrail.topic": rows["topic"],
        "vmtrail.vm_id": rows["vm_id"],
        "vmtrail.vm_name": machine,
        "vmtrail.snapshot_id": rows["snapshot_id"],
        "vmtrail.clock": known.clock(rows),
        "vmtrail.clock_time_zone": known.zone(rows),
        "vmtrail.clock_offset": known.offset(rows),
        "vmtrail.system": rows["system_id"],
        "vmtrail.detail": rows["source_detail"],
        "vmtrail.entry": rows["source_entry"],
        "vmtrail.offset": rows["source_offset"],
        "vmtrail.image_offset": rows["source_image_offset"],
        "vmtrail.layer": rows["source_layer"],
        "vmtrail.evidence": rows["source_evidence"],
    }


def _raw(values: columns.Column) -> columns.Column:
    """JSON text of each row, to be taken as it is."""
    return values.dictionary_encode()


def _types(rows: pa.RecordBatch) -> columns.Column:
    marks = macb(rows)
    found: columns.Column = pc.if_else(pc.equal(marks, "...."), "[]", "")
    for mark, word in _TYPES.items():
        found = pc.if_else(pc.equal(marks, mark), f'["{word}"]', found)
    return found
