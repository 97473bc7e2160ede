"""Services of a host that were changed from what the role installs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

PROGRAMS = {"vmms": "vmms.exe", "vmcompute": "vmcompute.exe", "vhdsvc": "svchost.exe",
            "nvspwmi": "svchost.exe", "hvhost": "svchost.exe", "hns": "svchost.exe"}
NEEDED = ("vmms", "vhdsvc", "nvspwmi", "vmcompute")
Row = Mapping[str, Any]


@analysis("host_service", yields=(Finding,))
def service_findings(tables: Tables) -> Iterator[Record]:
    """Disabled services of the role, programs elsewhere or missing, changed start types."""
    rows = list(tables.rows("host_service"))
    older = [row for row in rows if not row["is_current"]]
    for row in rows:
        if row["is_current"]:
            for code, what, basis in _judge(row, older):
                yield Finding.about(row, code, what, basis)


def _judge(row: Row, older: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    name = row["name"].lower()
    if name in NEEDED and row["start_type"].startswith("disabled"):
        yield ("SERVICE-DISABLED", (f"the service {row['name']} is disabled: without it no machine "
               "can be managed"), "direct: Start of its key")
    if row["binary_state"] == "missing" and row["part"] != "guest":
        yield ("SERVICE-NOFILE", (f"the program of {row['name']} is not there: "
               f"{row['binary_path']}"), "derived: ImagePath of its key, looked up")
    folder, _, program = row["binary_path"].lower().rpartition("\\")
    usual = PROGRAMS.get(name)
    if usual is not None and program and not (
            program == usual and folder.endswith("\\system32")):
        yield ("SERVICE-IMAGE", (f"the service {row['name']} starts {row['image_path']}, not "
               f"System32\\{usual}"), "direct: ImagePath of its key")
    for other in older:
        if (other["name"].lower(), other["system_id"], other["snapshot_id"]) == (
                name, row["system_id"], row["snapshot_id"]) \
                and other["start_type"] != row["start_type"]:
            yield ("SERVICE-CHANGED", (f"{row['name']} starts {row['start_type']}; in "
                   f"{other['control_set']} it was {other['start_type']}"),
                   "direct: Start of both keys; which is older is not known from them")
