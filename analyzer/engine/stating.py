"""What the supervisor itself states of a run: deaths, changed files, the run."""

from collections.abc import Sequence

from analyzer.case.folder import Case
from analyzer.records import Record


def state(case: Case, task_id: str, records: Sequence[Record]) -> dict[str, int]:
    """Write records as partitions of a task; rows of each table. Raises OSError.

    Arrow is loaded by the first of them, not before the first task.
    """
    from analyzer.case.store import PartitionWriter

    with PartitionWriter(case.tables, task_id) as writer:
        writer.extend(records)
    return writer.rows
