"""The timeline as a body file of The Sleuth Kit."""

from typing import Any, BinaryIO

from analyzer.plugin import Tables, report
from analyzer.text import show
from analyzer.times import to_unix
from plugins.reports.machine_names import machine_names
from plugins.reports.source_line import address

_ORDER = ("accessed_at", "modified_at", "changed_at", "created_at")


@report("timeline", "bodyfile", "timeline.body")
def bodyfile(tables: Tables, out: BinaryIO) -> None:
    """Body file, version 3, for `mactime -b`.

    Files have one line with the times of $STANDARD_INFORMATION and one, marked `($FILE_NAME)`,
    with those of $FILE_NAME; every other moment has its time in all four fields. Whole seconds;
    0 is "none" and also what lies before 1970, counted in a comment at the end. `%` and `|` in
    names are percent-encoded, as mactime expects.
    """
    early = 0
    out.write(b"# MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime\n")
    for row in tables.files():
        mode = "d/drwxrwxrwx" if row["is_directory"] else "r/rrwxrwxrwx"
        for prefix, mark in (("si_", ""), ("fn_", " ($FILE_NAME)")):
            times = [row[prefix + name] for name in _ORDER]
            if prefix == "si_" or any(at is not None for at in times):
                out.write(_line(_file_name(row) + mark, row["entry"], mode, row["size"], times))
                early += _early(times)
    names = machine_names(tables)
    for row in tables.timeline():
        if row["table"] != "file_entry":
            times = [row["at"]] * 4
            out.write(_line(_event_name(row, names), row["source_entry"] or 0, "-/----------", 0,
                            times))
            early += _early(times[:1])
    if early:
        out.write(f"# {early} times before 1970 are written as 0\n".encode())


def _line(name: str, entry: int, mode: str, size: int, times: list[int | None]) -> bytes:
    shown = show(name).replace("%", "%25").replace("|", "%7C")
    seconds = "|".join(str(0 if at is None else max(0, to_unix(at))) for at in times)
    return f"0|{shown}|{entry}|{mode}|0|0|{size}|{seconds}\n".encode()


def _early(times: list[int | None]) -> int:
    return sum(at is not None and to_unix(at) < 0 for at in times)


def _file_name(row: dict[str, Any]) -> str:
    """Address rather than path: every guest and snapshot has a `C:` of its own."""
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
