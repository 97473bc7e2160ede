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
OF_MACHINE: Final = ("SELECT DISTINCT story FROM stored.life_event WHERE story = ? OR "
                     "lower(vm_id) = lower(?) OR lower(vm_name) = lower(?)")
"""Stories by id, name, or as they are called themselves."""


def as_events() -> str:
    """SQL of a relation with the columns of `event`, and `story`, of all lines with a time."""
    columns = (f'{_MADE.get(c.name, f"life_event.{c.name}")} AS "{c.name}"'
               for c in table_columns("event"))
    return (f"(SELECT story, {', '.join(columns)} FROM stored.life_event "  # noqa: S608 - own names only
            "WHERE happened_at IS NOT NULL)")
