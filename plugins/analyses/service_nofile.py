"""Services of the role and its components whose program cannot be found."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="SERVICE-NOFILE", severity="medium",
    title="A service whose program is not there",
    reason="The program was deleted or moved after it was installed.",
    false_positives="Removing the role leaves keys behind; programs that an image does not hold.",
    reference="MITRE ATT&CK T1489")


@rule(RULE, reads=("host_service",))
def service_nofile(tables: Tables) -> Iterator[Record]:
    """Services of the role and its components whose program cannot be found."""
    for row in tables.rows("host_service"):
        state = {"missing": "not there", "deleted": "deleted"}.get(row["binary_state"], "")
        if row["is_current"] and state and row["part"] != "guest":
            yield RULE.found(row, f"the program of {row['name']} is {state}: "
                             f"{row['binary_path']}", "derived: ImagePath of its key, looked up")
