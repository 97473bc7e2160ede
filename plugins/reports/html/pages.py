"""Writing the pages of the report, one after the other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment

from analyzer.plugin import Tables
from analyzer.records import TABLES
from plugins.reports.clocks import Clocks, clocks
from plugins.reports.disk_tree import disk_files, disk_tree
from plugins.reports.hosts import Inventory, inventory
from plugins.reports.html.chunks import script
from plugins.reports.html.configuration import KEPT, configurations
from plugins.reports.html.data_pages import EVERYTHING, FILES, PAGES, TIMES, DataPage, shown
from plugins.reports.html.footnotes import Footnotes, image_paths
from plugins.reports.html.sections import ROWS, Sections, gathered, sections, totals
from plugins.reports.html.shipped import ship
from plugins.reports.topology import READ, topologies

SETTINGS: Final = 300
"""Settings of one machine on its page; the rest stands on the page of the table."""


def write_pages(tables: Tables, folder: Path, environment: Environment) -> None:
    """Fill the folder: data first, then the pages, `index.html` last."""
    data = folder / "data"
    data.mkdir()
    left_out = _too_many(tables)
    shipped = {table: 0 if table == "file_entry" and left_out else
               ship(tables, table, data, TIMES.get(table, "")) for table in TABLES}
    case = inventory(tables)
    written = _Pages(folder, environment, case, sections(tables, case), shipped, left_out,
                     clocks(tables))
    names = script("names", -1, json.dumps(written.names()).encode())
    (data / "names.js").write_bytes(names)
    for page in (*PAGES, EVERYTHING):
        written.write(page.file, "data.html.j2", page.title, has_script=True, page=page,
                      columns=shown, files_limit=FILES)
    written.machines(tables)
    written.summary(tables)


def _too_many(tables: Tables) -> int:
    """How many files there are, where that is too many."""
    count = sum(tables.counts("file_entry", "allocated").values())
    return count if count > FILES else 0


class _Pages:
    """What all pages share."""

    def __init__(self, folder: Path, environment: Environment, case: Inventory, all_: Sections,
                 shipped: dict[str, int], left_out: int, known: Clocks) -> None:
        self._clocks = known
        self._folder, self._environment = folder, environment
        self._case, self._all = case, all_
        self._images = image_paths(
            [word for run in case.runs.rows for word in run["arguments"]],
            [row["name"] for row in case.evidence.rows])
        self._shared: dict[str, Any] = {
            "case": case, "all": all_, "shipped": shipped, "left_out": left_out, "rows": ROWS,
            "version": next((run["tool_version"] for run in case.runs.rows), ""),
            "menu": list(self._menu(shipped)), "coverage": gathered(case, "coverage")}

    def _menu(self, shipped: dict[str, int]) -> Iterator[tuple[str, str, int | None]]:
        yield "index.html", "Summary", None
        yield "machines.html", "Machines", len(self._all.machines)
        yield "networks.html", "Networks", None
        for page in (*PAGES, EVERYTHING):
            yield page.file, page.title, _count(page, shipped)

    def write(self, file: str, template: str, title: str, *, has_script: bool = False,
              **values: Any) -> None:
        """One page; it is written as it is made."""
        notes = Footnotes(self._images)
        pieces = self._environment.get_template(template).generate(
            **self._shared, here=file, title=title, has_script=has_script, notes=notes,
            root="../" if "/" in file else "", **values)
        with (self._folder / file).open("wb") as out:
            for piece in pieces:
                out.write(piece.encode())

    def names(self) -> dict[str, Any]:
        """What ids stand for, and where the images were."""
        machines: dict[str, list[tuple[str, str, str]]] = {}
        for section in self._all.machines:
            row = section.machine.row
            machines.setdefault(row["vm_id"], []).append(
                (section.title, section.file, row["system_id"]))
        known = self._clocks
        snapshots = {row["snapshot_id"]: row["name"] for listing in self._case.listings("snapshot")
                     for row in listing.rows}
        return {"machines": machines, "snapshots": snapshots, "images": self._images,
                "clocks": known.bounds,
                "systems": {system: f"{known.kinds[system]} {name}".strip()
                            for system, name in known.names.items()}}

    def machines(self, tables: Tables) -> None:
        """The list of machines, and the page of each."""
        self.write("machines.html", "machines.html.j2", "Machines", has_script=True)
        every = self._all.machines
        if every:
            (self._folder / "machines").mkdir()
        told = configurations(tables, [s.machine for s in every], self._case.homes)
        for place, (section, configuration) in enumerate(zip(every, told, strict=True)):
            configuration.arrange(row["snapshot_id"] for row in section.snapshot_rows)
            self.write(section.file, "machine.html.j2", section.title, section=section,
                       clocks=self._clocks.bounds,
                       configuration=configuration, settings=SETTINGS, kept=KEPT,
                       previous=every[place - 1] if place else None,
                       following=every[place + 1] if place + 1 < len(every) else None)

    def summary(self, tables: Tables) -> None:
        """Networks, and the page to open first."""
        shipped, case = self._shared["shipped"], self._case
        drawn = ("virtual_switch", "vm_network_adapter", "vm_address", "network_interface")
        self.write("networks.html", "networks.html.j2", "Networks", networks=topologies(tables),
                   networks_read=READ, networks_cut=any(shipped[t] > READ for t in drawn))
        finding, problem, volume = (gathered(case, t) for t in ("finding", "problem", "volume"))
        self.write(
            "index.html", "index.html.j2", _title(case), totals=totals(case),
            findings=finding, problems=problem, rules=[
                row for row in tables.rows("finding_rule") if row["code"] in finding.kinds],
            volumes=volume, events=shipped["event"],
            file_times=tables.counts("event", "topic").get("file", 0),
            files=tables.counts("file_entry", "allocated"),
            other_disks=disk_tree(case.others), other_files=disk_files(
                case.others["disk_layer"].rows),
            silent=[row for row in case.others["finding"].rows if row["code"] == "LOG-SILENT"],
            names={s.machine.row["vm_id"]: s.machine.row["name"] for s in self._all.machines},
            machine_files={s.machine.row["vm_id"]: s.file for s in self._all.machines})


def _count(page: DataPage, shipped: dict[str, int]) -> int | None:
    """Rows of the tables that a page is counted by; "All tables" has no number."""
    return None if page is EVERYTHING else sum(shipped[table] for table in page.counted)


def _title(case: Inventory) -> str:
    """Names of the hosts."""
    names = [(host.row["host_name"] if host.row else "") or host.system_id for host in case.hosts]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) + more) or "No Hyper-V host"
