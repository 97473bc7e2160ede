"""Where the looks at an NTFS volume do not see the same files."""

from collections.abc import Iterator
from typing import Any, Final

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

HIDDEN: Final = "not in the directory index"
CODES: Final = {
    "hidden": ("FILE-HIDDEN", "in use, and not listed by their directory",
               ("direct: each file's $FILE_NAME names the directory, whose index lacks it; "
                "tampering hides files so, a damaged or half-written index does too")),
    "entry reused": ("FILE-SEQUENCE", "listed by their directory for files that are gone",
                     ("direct: the index has another sequence number than the MFT record; "
                      "also after a crash between two writes")),
    "record unreadable": ("FILE-NORECORD", "known from the index of their directory alone",
                          "direct: the MFT record they mean cannot be read; damage, or wiping"),
    "bad parent reference": ("FILE-PARENT", "listed by a directory that their file does not name",
                             "direct: no $FILE_NAME of the MFT record fits; damage, or tampering"),
    "scan": ("FILE-SALVAGED", "known from FILE records outside $MFT alone",
             ("direct: signature, update sequence and $FILE_NAME of the record; of an earlier "
              "format, a moved $MFT, or a file system inside a deleted file")),
}
"""Kind -> code, words, basis with what else looks like it (docs/formats/ntfs.md)."""
WHERE: Final = ("system_id", "vm_id", "snapshot_id")
MOST: Final = 200
NAMES: Final = 5
MACHINE: Final = (".vhd", ".vhdx", ".avhd", ".avhdx", ".vmcx", ".vmrs", ".xml", ".vsv", ".vmc")


@analysis("file_entry", yields=(Finding,))
def file_findings(tables: Tables) -> Iterator[Record]:
    """Names that only one look sees and that none should: by directory, with some of the names."""
    odd = any(HIDDEN in (note or "") for note in tables.counts("file_entry", "note"))
    if not odd and not {"index", "scan"} & set(tables.counts("file_entry", "seen_by")):
        return
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    counts: dict[tuple[str, ...], int] = {}
    for batch in tables.files():
        looks, notes = batch["seen_by"].to_pylist(), batch["note"].to_pylist()
        for number, (seen_by, note) in enumerate(zip(looks, notes, strict=True)):
            kind = _kind(seen_by, note)
            if kind:
                row = batch.slice(number, 1).to_pylist()[0]
                key = (kind, *(str(row[c]) for c in WHERE), _folder(row, kind))
                counts[key] = counts.get(key, 0) + 1
                _keep(groups.setdefault(key, []), row)
    for key in sorted(groups)[:MOST]:
        yield _finding(key, groups[key], counts[key])
    if len(groups) > MOST:
        key = sorted(groups)[MOST]
        yield Finding.about(groups[key][0], "FILE-MORE", f"{len(groups) - MOST} more directories "
                            "have such names", "derived: file_entry.seen_by has all of them")


def _kind(seen_by: Any, note: Any) -> str:
    if seen_by == "scan":
        return "scan"
    if seen_by == "index":
        return next((kind for kind in CODES if kind in note), "")
    return "hidden" if seen_by == "mft" and HIDDEN in note else ""


def _folder(row: dict[str, Any], kind: str) -> str:
    """Salvaged names are told by volume: each has a folder of its own."""
    path: str = row["path"]
    return path.partition("\\")[0] if kind == "scan" else path.rpartition("\\")[0]


def _keep(kept: list[dict[str, Any]], row: dict[str, Any]) -> None:
    """The first few, those that look like files of virtual machines before others."""
    kept.append(row)
    kept.sort(key=lambda one: not one["path"].lower().endswith(MACHINE))
    del kept[NAMES:]


def _finding(key: tuple[str, ...], rows: list[dict[str, Any]], count: int) -> Finding:
    code, words, basis = CODES[key[0]]
    names = ", ".join(row["path"].rpartition("\\")[2] for row in rows)
    more = f" and {count - len(rows)} more" if count > len(rows) else ""
    what = f"{count} names in {key[-1]} are {words}: {names}{more}"
    return Finding.about(rows[0], code, what, basis)
