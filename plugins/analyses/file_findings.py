"""Where the looks at an NTFS volume do not see the same files.

Seven rules in one file: they share one pass over millions of rows.
"""

from collections.abc import Iterator
from typing import Any, Final

from analyzer.plugin import Tables, rule
from analyzer.records import Finding, Record, Rule

HIDDEN: Final = "not in the directory index"
ORPHAN: Final = "orphan"
REFERENCE: Final = "docs/formats/ntfs.md"
RULES: Final = {
    "hidden": Rule(
        code="FILE-HIDDEN", severity="high",
        title="Files in use that their directory does not list",
        reason="Explorer and dir do not show them: tampering with an index hides files so.",
        false_positives="A damaged or half-written index, and an image of a running host.",
        reference=f"MITRE ATT&CK T1564; {REFERENCE}"),
    "entry reused": Rule(
        code="FILE-SEQUENCE", severity="low",
        title="Names whose files are gone",
        reason="The directory lists a file that was deleted: its name and times are left.",
        false_positives="A crash between two writes.", reference=REFERENCE),
    "record unreadable": Rule(
        code="FILE-NORECORD", severity="medium",
        title="Names whose MFT record cannot be read",
        reason="All but the name and the times of the index is gone: damage, or wiping.",
        false_positives="Bad sectors.", reference=f"MITRE ATT&CK T1485; {REFERENCE}"),
    "bad parent reference": Rule(
        code="FILE-PARENT", severity="medium",
        title="Names in a directory that their file does not name",
        reason="The index was changed and not the file: damage, or tampering.",
        false_positives="A half-written index.", reference=f"MITRE ATT&CK T1564; {REFERENCE}"),
    "orphan": Rule(
        code="FILE-ORPHAN", severity="medium",
        title="Files in use whose directory is gone",
        reason="Only their MFT records tell of them: Explorer and dir do not show them.",
        false_positives="A damaged $MFT, and an image of a running host.",
        reference=f"MITRE ATT&CK T1564; {REFERENCE}"),
    "scan": Rule(
        code="FILE-SALVAGED", severity="low",
        title="Files known from FILE records outside $MFT",
        reason="An earlier format, a moved $MFT, or a file system inside a deleted file.",
        false_positives="Volumes are formatted anew before use.", reference=REFERENCE)}
"""Kind -> what it means."""
SAID: Final = {
    "hidden": ("in use, and not listed by their directory",
               "direct: each file's $FILE_NAME names the directory, whose index lacks it"),
    "entry reused": ("listed by their directory for files that are gone",
                     "direct: the index has another sequence number than the MFT record"),
    "record unreadable": ("known from the index of their directory alone",
                          "direct: the MFT record they mean cannot be read"),
    "bad parent reference": ("listed by a directory that their file does not name",
                             "direct: no $FILE_NAME of the MFT record fits"),
    "orphan": ("in use, and in no directory that is there",
               "direct: the directory that each file's $FILE_NAME names is gone or cannot be read"),
    "scan": ("known from FILE records outside $MFT alone",
             "direct: signature, update sequence and $FILE_NAME of the record")}
"""Kind -> words and basis."""
MORE: Final = Rule(
    code="FILE-MORE", severity="low",
    title="More directories with such names",
    reason="Only the first directories are told one by one; the table has all names.",
    false_positives="As of the rules that it counts.", reference=REFERENCE)
WHERE: Final = ("system_id", "vm_id", "snapshot_id")
MOST: Final = 200
NAMES: Final = 5
MACHINE: Final = (".vhd", ".vhdx", ".avhd", ".avhdx", ".vmcx", ".vmrs", ".xml", ".vsv", ".vmc")


@rule(*RULES.values(), MORE, reads=("file_entry",))
def file_findings(tables: Tables) -> Iterator[Record]:
    """Names that only one look sees and that none should: by directory, with some of the names."""
    odd = any(sign in (note or "") for note in tables.counts("file_entry", "note")
              for sign in (HIDDEN, ORPHAN))
    if not odd and not {"index", "scan"} & set(tables.counts("file_entry", "seen_by")):
        return
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    counts: dict[tuple[str, ...], int] = {}
    for batch in tables.files():
        looks, notes = batch["seen_by"].to_pylist(), batch["note"].to_pylist()
        in_use = batch["allocated"].to_pylist()
        for number, seen in enumerate(zip(looks, notes, in_use, strict=True)):
            kind = _kind(*seen)
            if kind:
                row = batch.slice(number, 1).to_pylist()[0]
                key = (kind, *(str(row[c]) for c in WHERE), _folder(row, kind))
                counts[key] = counts.get(key, 0) + 1
                _keep(groups.setdefault(key, []), row)
    for key in sorted(groups)[:MOST]:
        yield _finding(key, groups[key], counts[key])
    if len(groups) > MOST:
        key = sorted(groups)[MOST]
        yield MORE.found(groups[key][0], f"{len(groups) - MOST} more directories have such names",
                         "derived: file_entry.seen_by has all of them")


def _kind(seen_by: Any, note: Any, in_use: Any) -> str:
    if seen_by == "scan":
        return "scan"
    if seen_by == "index":
        return next((kind for kind in RULES if kind in note), "")
    if seen_by != "mft":
        return ""
    return "hidden" if HIDDEN in note else ORPHAN if in_use and ORPHAN in note else ""


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
    words, basis = SAID[key[0]]
    names = ", ".join(row["path"].rpartition("\\")[2] for row in rows)
    more = f" and {count - len(rows)} more" if count > len(rows) else ""
    what = f"{count} names in {key[-1]} are {words}: {names}{more}"
    return RULES[key[0]].found(rows[0], what, basis)
