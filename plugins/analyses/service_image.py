"""Services whose ImagePath is not what the role installs."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="SERVICE-IMAGE", severity="high",
    title="A service of the role that starts another program",
    reason="The key was changed so that a program of somebody else runs as SYSTEM at every start.",
    false_positives="None is known.",
    reference="MITRE ATT&CK T1543.003")
PROGRAMS = {"vmms": "vmms.exe", "vmcompute": "vmcompute.exe", "vhdsvc": "svchost.exe",
            "nvspwmi": "svchost.exe", "hvhost": "svchost.exe", "hns": "svchost.exe"}


@rule(RULE, reads=("host_service",))
def service_image(tables: Tables) -> Iterator[Record]:
    """Services whose ImagePath is not what the role installs."""
    for row in tables.rows("host_service"):
        folder, _, program = row["binary_path"].lower().rpartition("\\")
        usual = PROGRAMS.get(row["name"].lower())
        if row["is_current"] and usual is not None and program and not (
                program == usual and folder.endswith("\\system32")):
            yield RULE.found(row, f"the service {row['name']} starts {row['image_path']}, not "
                             f"System32\\{usual}", "direct: ImagePath of its key")
