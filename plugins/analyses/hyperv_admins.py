"""Members of Hyper-V Administrators."""

from collections.abc import Iterator

from analyzer.formats.sid import HYPERV_ADMINISTRATORS
from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="HYPERV-ADMINS", severity="info",
    title="Who may administer Hyper-V here",
    reason="Members can read every disk and memory of every machine.",
    false_positives="Administrators are put into the group on purpose.",
    reference="MITRE ATT&CK T1098.007; docs/formats/sam.md")


@rule(RULE, reads=("account",))
def hyperv_admins(tables: Tables) -> Iterator[Record]:
    """Members of Hyper-V Administrators."""
    accounts = list(tables.rows("account"))
    names = {(row["system_id"], row["sid"]): f"{row['domain']}\\{row['account_name']}"
             for row in accounts if row["kind"] != "profile"}
    for row in accounts:
        if row["sid"] == HYPERV_ADMINISTRATORS and len(row["members"]):
            members = [names.get((row["system_id"], sid), sid) for sid in row["members"]]
            yield RULE.found(row, f"{row['account_name']} has the members {', '.join(members)}",
                             "direct: alias 578 of SAM")
