"""The timeline's text formats written one row at a time: what the writers by columns must equal."""

import io
import json
from typing import Any

from analyzer.text import show
from analyzer.times import UNIX_EPOCH, iso, to_datetime, to_unix
from plugins.reports import csv_cells
from plugins.reports.clocks import Clocks, clocks
from plugins.reports.machine_names import machine_names
from plugins.reports.source_line import address
from plugins.reports.timeline_csv import COLUMNS
from tests.plugins.reports.tables import FakeTables

_SOURCE = {"detail": "source_detail", "entry": "source_entry", "offset": "source_offset",
           "image_offset": "source_image_offset", "layer": "source_layer",
           "evidence": "source_evidence"}
_TIMES = ("accessed_at", "modified_at", "changed_at", "created_at")


def _named(row: dict[str, Any], names: dict[str, str], known: Clocks) -> dict[str, Any]:
    """Columns that all formats have, by the names they have there."""
    system = row["system_id"]
    clock = f"{known.kinds.get(system, '')} {known.names.get(system, '')}".strip()
    return {"message": row["subject"], "timestamp_desc": row["what"], "topic": row["topic"],
            "table": row["table"], "vm_id": row["vm_id"],
            "vm_name": names.get(row["vm_id"], ""), "snapshot_id": row["snapshot_id"],
            "system": row["system_id"], "source": address(row),
            **{name: row[column] for name, column in _SOURCE.items()},
            "clock": clock, "clock_offset": known.bounds.get(system, "")}


def csv_rows(tables: FakeTables) -> bytes:
    """timeline.csv, by the csv module of Python."""
    names, known, out = machine_names(tables), clocks(tables), io.BytesIO()
    rows = [_named(row, names, known) | {"datetime": iso(row["at"])} for row in tables.events()]
    csv_cells.write(out, COLUMNS, [[row[name] for name in COLUMNS] for row in rows])
    return out.getvalue()


def jsonl_rows(tables: FakeTables) -> bytes:
    """timeline.jsonl, by the json module of Python."""
    names, known, lines = machine_names(tables), clocks(tables), []
    for row in tables.events():
        at, named = row["at"], _named(row, names, known)
        first = {"message": named.pop("message"),
                 "datetime": to_datetime(at).isoformat(timespec="microseconds"),
                 "timestamp": (at - UNIX_EPOCH) // 10,
                 "timestamp_desc": named.pop("timestamp_desc"),
                 "data_type": f"vmtrail:{named.pop('table')}", "ticks": at}
        lines.append(json.dumps(first | named) + "\n")
    return "".join(lines).encode("ascii")


def body_rows(tables: FakeTables) -> bytes:
    """timeline.body."""
    lines = ["# MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime\n"]
    told: list[int | None] = []
    for row in tables.rows("file_entry"):
        mode = "d/drwxrwxrwx" if row["is_directory"] else "r/rrwxrwxrwx"
        for prefix, mark in (("si_", ""), ("fn_", " ($FILE_NAME)")):
            times = [row[prefix + name] for name in _TIMES]
            if prefix == "si_" or any(at is not None for at in times):
                lines.append(_line(_file_name(row) + mark, row["entry"], mode, row["size"], times))
                told += times
    names = machine_names(tables)
    for row in tables.events():
        if row["table"] != "file_entry":
            lines.append(_line(_event_name(row, names), row["source_entry"] or 0, "-/----------", 0,
                               [row["at"]] * 4))
            told.append(row["at"])
    early = sum(at is not None and to_unix(at) < 0 for at in told)
    if early:
        lines.append(f"# {early} times before 1970 are written as 0\n")
    return "".join(lines).encode()


def _line(name: str, entry: int, mode: str, size: int, times: list[int | None]) -> str:
    shown = show(name).replace("%", "%25").replace("|", "%7C")
    seconds = "|".join(str(0 if at is None else max(0, to_unix(at))) for at in times)
    return f"0|{shown}|{entry}|{mode}|0|0|{size}|{seconds}\n"


def _file_name(row: dict[str, Any]) -> str:
    name = address(row) if row["source_path"] else row["path"]
    if row["stream"] and not name.endswith(f":{row['stream']}"):
        name += f":{row['stream']}"
    if row["link_target"]:
        name += f" -> {row['link_target']}"
    return name if row["allocated"] else f"{name} (deleted)"


def _event_name(row: dict[str, Any], names: dict[str, str]) -> str:
    machine = names.get(row["vm_id"], "")
    about = f" [{machine}]" if machine else ""
    detail = f"#{row['source_detail']}" if row["source_detail"] else ""
    return f"{row['what']}: {row['subject']}{about} in {address(row)}{detail}"
