"""The timeline as a body file of The Sleuth Kit."""

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa

from analyzer.plugin import Tables, report
from analyzer.text import show
from plugins.reports import text_columns as columns
from plugins.reports.machine_names import machine_names
from plugins.reports.text_columns import Column, joined, pc

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
    for rows in tables.files():
        lines, count = _files(rows)
        columns.write(out, lines)
        early += count
    names = machine_names(tables)
    for rows in tables.timeline():
        rows = rows.filter(pc.not_equal(rows["table"], "file_entry"))
        at = columns.unix_seconds(rows["at"])
        entry = pc.fill_null(rows["source_entry"], 0)
        columns.write(out, _lines(_event_names(rows, names), entry, "-/----------",
                                  pc.multiply(entry, 0), [at] * 4))
        early += _early([at])
    if early:
        out.write(f"# {early} times before 1970 are written as 0\n".encode())


def _files(rows: pa.RecordBatch) -> tuple[Column, int]:
    """Both lines of each file, and how many of the times written are before 1970."""
    mode = pc.if_else(rows["is_directory"], "d/drwxrwxrwx", "r/rrwxrwxrwx")
    name = _file_names(rows)
    standard, named = ([columns.unix_seconds(rows[kind + time]) for time in _ORDER]
                       for kind in ("si_", "fn_"))
    lines = _lines(name, rows["entry"], mode, rows["size"], standard)
    second = _lines(joined(name, " ($FILE_NAME)"), rows["entry"], mode, rows["size"], named)
    has_second = pc.is_valid(pc.coalesce(*named))
    return joined(lines, pc.if_else(has_second, second, "")), _early(standard + named)


def _lines(names: Column, entry: Column, mode: Column, size: Column,
           times: Sequence[Column]) -> Column:
    quoted = pc.replace_substring(pc.replace_substring(names, "%", "%25"), "|", "%7C")
    shown = columns.exactly(names, quoted, _shown)
    parts = ["0|", shown, "|", columns.number(entry), "|", mode, "|0|0|", columns.number(size)]
    for seconds in times:
        parts += ["|", columns.number(pc.max_element_wise(seconds, 0))]
    return joined(*parts, "\n")


def _shown(name: str) -> str:
    return show(name).replace("%", "%25").replace("|", "%7C")


def _early(times: Sequence[Column]) -> int:
    return sum(pc.sum(pc.less(seconds, 0)).as_py() or 0 for seconds in times)


def _file_names(rows: pa.RecordBatch) -> Column:
    """Address rather than path: every guest and snapshot has a `C:` of its own."""
    name = pc.if_else(pc.equal(rows["source_path"], ""), rows["path"], columns.address(rows))
    stream, link = joined(":", rows["stream"]), rows["link_target"]
    is_told = pc.or_(pc.equal(rows["stream"], ""), _ends_with(name, stream))
    name = joined(name, pc.if_else(is_told, "", stream))
    name = joined(name, pc.if_else(pc.equal(link, ""), "", joined(" -> ", link)))
    return joined(name, pc.if_else(rows["allocated"], "", " (deleted)"))


def _ends_with(texts: Column, ends: Column) -> Column:
    """Row by row; of names with a stream there are few."""
    return pa.array([end != ":" and text.endswith(end) for text, end
                     in zip(texts.to_pylist(), ends.to_pylist(), strict=True)], pa.bool_())


def _event_names(rows: pa.RecordBatch, names: dict[str, str]) -> Column:
    machine, detail = columns.machine(rows, names), rows["source_detail"]
    about = pc.if_else(pc.equal(machine, ""), "", joined(" [", machine, "]"))
    place = pc.if_else(pc.equal(detail, ""), "", joined("#", detail))
    return joined(rows["what"], ": ", rows["subject"], about, " in ", columns.address(rows), place)
