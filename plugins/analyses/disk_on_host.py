"""Virtual disks that were attached to the host itself."""

from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, event_cited

RULE = Rule(
    code="DISK-ONHOST", severity="medium",
    title="A virtual disk was attached on the host",
    reason=(
        "Whoever attaches a disk reads and writes it without the guest and its logs; of a domain "
        "controller that is every password hash."),
    false_positives=(
        "Backups, and administrators who service a disk; VHDMP may log starts of machines; a copy "
        "of a disk of the host has the same partitions."),
    reference="MITRE ATT&CK T1003.003; docs/formats/attached-disks.md")
SURE: Final = {"disk attached to the host": "direct: the host's management service attached it",
               "disk attached": "inferred: the driver says so, which may be of a start"}


@rule(RULE, reads=("attached_disk", "log_event"))
def disk_on_host(tables: Tables) -> Iterator[Record]:
    """Events that say a virtual disk was attached, and volumes of one that the host knows."""
    for row in tables.matching("log_event", "meaning", SURE.keys()):
        where = "in the guest" if "!/" in row["source_path"] else "on the host"
        yield RULE.found(row, f"{row['concerns'] or 'a disk'} was attached {where}",
                         f"{SURE[row['meaning']]} ({event_cited(row)})")
    for row in tables.rows("attached_disk"):
        if row["path"]:
            letter = f" as {row['drive_letter']}:" if row["drive_letter"] else ""
            yield RULE.found(row, f"{row['path']} was attached on the host, which knows a volume "
                             f"of it{letter}",
                             "derived: MountedDevices has the signature and place of its partition")
