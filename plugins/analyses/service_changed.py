"""Services that start in another way in another control set."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, event_cited, event_values

RULE = Rule(
    code="SERVICE-CHANGED", severity="medium",
    title="A service whose start type was changed",
    reason=(
        "It was disabled, or enabled again, since the other control set was written, or as the "
        "service control manager logged it."),
    false_positives="Updates and administrators change start types.",
    reference="MITRE ATT&CK T1562.001")


@rule(RULE, reads=("host_service", "log_event"))
def service_changed(tables: Tables) -> Iterator[Record]:
    """Services that start in another way in another control set, and events that say so."""
    for row in tables.matching("log_event", "meaning", {"service start type changed"}):
        data = event_values(row)
        yield RULE.found(row, f"{data.get('param4') or data.get('param1', 'a service')} was "
                         f"changed from {data.get('param2', '?')} to {data.get('param3', '?')}",
                         f"direct: {event_cited(row)}")
    rows = list(tables.rows("host_service"))
    older: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if not row["is_current"]:
            older.setdefault(_key(row), []).append(row)
    for row in rows:
        for other in older.get(_key(row), ()) if row["is_current"] else ():
            if other["start_type"] != row["start_type"]:
                yield RULE.found(row, f"{row['name']} starts {row['start_type']}; in "
                                 f"{other['control_set']} it was {other['start_type']}",
                                 "direct: Start of both keys; which is older they do not say")


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"].lower(), row["system_id"], row["snapshot_id"]
