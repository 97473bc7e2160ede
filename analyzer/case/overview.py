"""What `vmtrail analyze` prints of a case at the end: what was found and what was not."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from analyzer import times
from analyzer.case.folder import Case
from analyzer.case.manifest import load
from analyzer.case.query import CaseTables
from analyzer.records import gravity

_DEEPEST: Final = 40
"""Levels of the tree that are indented: a row of thousands stays readable."""
_MOST: Final = 12
"""Lines of one section; the rest is counted."""


def overview(case: Case) -> Iterator[str]:
    """Its lines, as yet unescaped."""
    tables = CaseTables(case)
    yield from _section("Evidence", _evidence(load(case.manifest).images))
    systems = list(tables.rows("system"))
    inside = [r for r in systems if "!/" in r["source_path"]]
    hosts = [r for r in systems if r not in inside and r["role"] == "Hyper-V host"]
    others = [r for r in systems if r not in inside and r not in hosts]
    yield from _section("Hyper-V hosts", [_system(r) for r in hosts])
    if others:
        yield from _section("Other Windows installations", [_system(r) for r in others])
    yield from _machines(tables)
    disks = {r["source_path"]: r for r in tables.rows("disk_layer")}
    yield from _section("Virtual disks", [
        f"{r['path']}  {r['layer']} {r['format']}, {r['size']:,} bytes, {r['verdict']}"
        for r in disks.values()])
    names = {r["vm_id"]: _machine(r) for r in tables.rows("virtual_machine")}
    snapshots = {r["snapshot_id"]: r["name"] for r in tables.rows("snapshot")}
    yield from _section("Guests", [_guest(r, names, snapshots) for r in inside])
    yield from _section("Findings", *_findings(tables))
    yield from _problems(tables)
    yield from _coverage(tables)
    if not systems:
        yield ""
        yield "No Windows was found in it; if it should hold one, see the problems above."


def _evidence(images: list[dict[str, Any]]) -> list[str]:
    """A line for each image, those first of which something is missing."""
    lines = []
    for image in sorted(images, key=lambda image: image["state"] == "finished"):
        media = image["media"]
        line = f"{image['name']}  " + (
            f"{media['format']}, {media['size']:,} bytes" if media else "not read")
        if media and media["verified"]:
            line += f", hash: {media['verified']}"
        lines.append(line if image["state"] == "finished" else f"{line}  ({image['state']})")
    return lines


def _section(title: str, lines: list[str], count: int | None = None) -> Iterator[str]:
    """A title with how many there are, each of them a line unless `count` says otherwise."""
    yield ""
    yield f"{title} ({len(lines) if count is None else count})"
    yield from (f"  {line}" for line in lines[:_MOST])
    if len(lines) > _MOST:
        yield f"  ... and {len(lines) - _MOST} more in the report"
    if not lines:
        yield "  none found"


def _system(row: dict[str, Any]) -> str:
    parts = [row["host_name"] or "(no name)", row["product"], row["service_pack"],
             f"build {row['build']}" if row["build"] else "", row["role"]]
    return "  ".join(part for part in parts if part)


def _guest(row: dict[str, Any], names: dict[str, str], snapshots: dict[str, str]) -> str:
    if not row["vm_id"]:
        return f"{_system(row)}  on {row['source_path'].rpartition('!/')[0]}"
    at = snapshots.get(row["snapshot_id"], row["snapshot_id"]) or "now"
    return f"{_system(row)}  in {names.get(row['vm_id'], row['vm_id'])} @ {at}"


def _findings(tables: CaseTables) -> tuple[list[str], int]:
    """A line for each rule that found something, the gravest first; and how many it found."""
    counts = Counter((gravity(row), row["severity"], row["code"], row["title"])
                     for row in tables.rows("finding"))
    return [f"{count:>5} × {severity:<6} {code}: {title}"
            for (_, severity, code, title), count in sorted(counts.items())], counts.total()


def _machines(tables: CaseTables) -> Iterator[str]:
    """Machines with their snapshots below them, children under their parents."""
    machines = sorted(tables.rows("virtual_machine"),
                      key=lambda row: (not row["name"], row["name"], row["vm_id"]))
    snapshots = sorted(tables.rows("snapshot"),
                       key=lambda row: (row["created_at"] or 0, row["snapshot_id"]))
    trees: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for snapshot in snapshots:
        trees[snapshot["system_id"], snapshot["vm_id"]].append(snapshot)
    lines = []
    for machine in machines:
        created = times.iso(machine["created_at"])[:19].replace("T", " ")
        lines.append(f"{_machine(machine)}  {', '.join((machine['state'], *machine['traits']))}"
                     + (f", created {created}" if created else ""))
        lines += _tree(trees[machine["system_id"], machine["vm_id"]])
    yield ""
    yield f"Virtual machines ({len(machines)}), snapshots ({len(snapshots)})"
    yield from (f"  {line}" for line in lines)
    if not lines:
        yield "  none found"


def _machine(row: dict[str, Any]) -> str:
    """Its name, else its id, else the file that its registration leads to."""
    file = str(row["configuration_path"]).rpartition("\\")[2]
    return str(row["name"] or row["vm_id"] or file)


def _tree(snapshots: list[dict[str, Any]]) -> list[str]:
    """Snapshots indented below their parents; each once, whatever the parents say."""
    ids = {s["snapshot_id"] for s in snapshots}
    children: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for snapshot in reversed(snapshots):
        children[snapshot["parent_id"] if snapshot["parent_id"] in ids else ""].append(snapshot)
    waiting = [(s, 1) for s in children[""]]
    lines, seen = [], set()
    while waiting:
        node, depth = waiting.pop()
        if node["snapshot_id"] in seen:
            continue
        seen.add(node["snapshot_id"])
        taken = times.iso(node["created_at"])[:19].replace("T", " ")
        mark = "  <- current" if node["is_current"] else ""
        odd = "" if node["state"] == "complete" else f"  ({node['state']})"
        margin = "   " * min(depth, _DEEPEST)
        lines.append(f"{margin}└ {node['name'] or node['snapshot_id']}  {taken}{odd}{mark}")
        waiting += [(s, depth + 1) for s in children.get(node["snapshot_id"], ())
                    if node["snapshot_id"]]
    rest = [s for s in snapshots if s["snapshot_id"] not in seen]
    return lines + [f"   └ {s['name'] or s['snapshot_id']}  ({s['state']})" for s in rest]


def _coverage(tables: CaseTables) -> Iterator[str]:
    """How many places were read or are absent, and by name what was not read."""
    looked: Counter[str] = Counter()
    unread: Counter[tuple[str, str]] = Counter()
    for row in tables.rows("coverage"):
        looked[row["state"]] += 1
        if row["state"] not in ("read", "absent"):
            unread[row["state"], row["place"]] += 1
    if looked:
        yield ""
        yield "Looked at: " + ", ".join(f"{n:,} {s}" for s, n in sorted(looked.items()))
    for (state, place), count in sorted(unread.items())[:_MOST]:
        yield f"  {state}: {place}" + (f" (in {count} systems)" if count > 1 else "")
    if len(unread) > _MOST:
        yield f"  ... and {len(unread) - _MOST} more in the report"


def _problems(tables: CaseTables) -> Iterator[str]:
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for row in tables.rows("problem"):
        counts[row["code"]] += 1
        place = f"{row['source_evidence']}{'!' if row['source_path'] else ''}{row['source_path']}"
        first.setdefault(row["code"], f"{row['what']}; {row['effect']} [{place}]")
    yield ""
    yield f"Problems ({counts.total()})"
    for code, count in sorted(counts.items()):
        text = first[code]
        yield f"  {count:>5} × {code}: {text[:240]}{'…' if len(text) > 240 else ''}"
    if not counts:
        yield "  none"
