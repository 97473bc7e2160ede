"""Snapshot disks that were made where their parent lay on a volume that is not here."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import NOT_HERE, Record, Rule, once_each

RULE = Rule(
    code="DISK-ELSEWHERE", severity="low",
    title="A disk that was made on a volume that this host does not have",
    reason="The disk and its parent were carried here from another host, or from another volume.",
    false_positives=(
        "A volume that was formatted anew, was not acquired, or has no entry in MountedDevices."),
    reference="docs/formats/vhdx.md")


@rule(RULE, reads=("disk_layer",))
def disk_elsewhere(tables: Tables) -> Iterator[Record]:
    """VHDX files whose parent locator names a volume that MountedDevices lacks, once each."""
    elsewhere = (row for row in tables.rows("disk_layer")
                 if row["parent_volume"].endswith(f"({NOT_HERE})"))
    for row in once_each(elsewhere, "path"):
        yield RULE.found(row, f"the parent of {row['path']} lay on "
                         f"{row['parent_volume'].partition(' ')[0]}, which this system does not "
                         "know", "direct: volume_path of the parent locator, against "
                         "MountedDevices")
