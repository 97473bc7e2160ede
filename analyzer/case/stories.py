"""Lines of `life_event` as rows of `event`, so that every timeline writer can tell a story."""

from typing import Final

from analyzer.case.schema import table_columns

_MADE: Final = {
    "at": "happened_at", "table": "'life_event'", "topic": "'story'",
    "subject": """concat_ws(' ', coalesce(nullif(vm_name, ''), story) || ':', nullif(subject, ''),
        '[' || certainty || ': ' || basis || ']', CASE WHEN len(contradictions) > 0 THEN
        '[BUT ' || array_to_string(contradictions, '; ') || ']' END,
        '[witnesses: ' || array_to_string(sources, ' | ') || ']')""",
}


def of_machine(stored: str) -> str:
    """SQL of the stories by id, name, or as they are called themselves; `stored` has the lines."""
    return (f"SELECT DISTINCT story FROM {stored} WHERE story = ? OR "  # noqa: S608 - own names only
            "lower(vm_id) = lower(?) OR lower(vm_name) = lower(?)")


def as_events(stored: str) -> str:
    """SQL of a relation with the columns of `event`, and `story`, of all lines with a time."""
    columns = (f'{_MADE.get(c.name, f"life_event.{c.name}")} AS "{c.name}"'
               for c in table_columns("event"))
    return (f"(SELECT story, {', '.join(columns)} FROM {stored} "  # noqa: S608 - own names only
            "WHERE happened_at IS NOT NULL)")
