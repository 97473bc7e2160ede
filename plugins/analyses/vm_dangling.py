"""Links of the register whose target cannot be found."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-DANGLING", severity="medium",
    title="The register leads to a configuration that is not there",
    reason=(
        "The machine was on this host and its files were taken away or lie where the image does "
        "not reach."),
    false_positives="Volumes that were not acquired, cluster disks, removable disks.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_dangling(tables: Tables) -> Iterator[Record]:
    """Links of the register whose target cannot be found."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "dangling link":
            yield RULE.found(row, f"the register links to {row['configuration_path']}, "
                             "which cannot be found",
                             "direct: the target of the link")
