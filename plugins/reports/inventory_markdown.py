"""The inventory as Markdown."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from analyzer.plugin import Tables, report
from analyzer.text import show
from analyzer.times import iso
from analyzer.zones import UTC_NAME, local, zone_named
from plugins.reports.hosts import Host, Machine, inventory
from plugins.reports.source_line import address

_ACTIVE: Final = re.compile(r"(^-|(?<=www)\.|[\\`*_{}\[\]()<>#+!|~&:@$])", re.IGNORECASE)
"""`$` begins a formula on GitHub and GitLab: two of them took the text between as one."""


@report("inventory", "markdown", "inventory.md", zoned=True)
def inventory_markdown(tables: Tables, out: BinaryIO) -> None:
    """A heading for each host, and a table of its machines, for tickets and wikis.

    CommonMark with GitHub's tables. All that Markdown or HTML would act upon in evidence text is
    escaped, and what cannot be shown is written `\\xNN`; times in UTC, or in the zone of
    `--timezone` with their offset.
    """
    for line in _lines(tables):
        out.write(f"{line}\n".encode())


def _lines(tables: Tables) -> Iterator[str]:
    case = inventory(tables)
    yield "# Virtual machines"
    yield ""
    yield from _table(("image", "format", "bytes", "MD5 stored", "SHA-1 stored", "verified"), [
        (row["name"], row["format"], row["size"], row["stored_md5"], row["stored_sha1"],
         row["verified"] or "not asked") for row in case.evidence.rows])
    for host in case.hosts:
        yield from _host(host, tables.zone)
    problems = sum(tables.counts("problem", "code").values())
    not_read = {state: count for state, count in tables.counts("coverage", "state").items()
                if state not in ("read", "absent")}
    unread = ", ".join(f"{count} {_text(state)}" for state, count in not_read.items())
    yield f"Problems: {problems}. Places not read: {unread or 'none'}."


def _host(host: Host, zone: str) -> Iterator[str]:
    name = host.row["host_name"] if host.row else ""
    yield f"## {_text(name or host.system_id)}"
    yield ""
    if host.row:
        yield f"{_text(host.row['product'])}, {_text(host.row['role'])}; {_text(host.system_id)}"
        yield ""
    head = ("machine", "id", "state", "memory (MB)", "processors", f"created ({zone})",
            "snapshots", "disks", "problems", "source")
    yield from _table(head, [_machine(machine, zone) for machine in host.machines])


def _machine(machine: Machine, zone: str) -> tuple[Any, ...]:
    row, parts = machine.row, machine.parts
    tops = [layer["path"] for layer in parts["disk_layer"].rows
            if layer["depth"] == 0 and not layer["snapshot_id"]]
    return (row["name"], row["vm_id"], ", ".join((row["state"], *row["traits"])),
            row["memory_mb"], row["processor_count"], _time(row["created_at"], zone),
            parts["snapshot"].total, "; ".join(dict.fromkeys(tops)), parts["problem"].total,
            address(row))


def _time(ticks: int | None, zone: str) -> str:
    return iso(ticks) if ticks is None or zone == UTC_NAME else local(ticks, zone_named(zone))


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_text(value) for value in row)} |"
    yield ""


def _text(value: Any) -> str:
    return "" if value is None else _ACTIVE.sub(r"\\\1", show(value))
