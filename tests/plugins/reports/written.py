"""Running a report plugin."""

import io
import tempfile
from pathlib import Path

from analyzer.plugin import FolderFunction, ReportFunction, Tables


def written(report: ReportFunction, tables: Tables) -> bytes:
    """What the report writes."""
    out = io.BytesIO()
    report(tables, out)
    return out.getvalue()


def written_files(report: FolderFunction, tables: Tables) -> dict[str, bytes]:
    """What a report of many files writes, by path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report(tables, folder)
        return {path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(folder.rglob("*")) if path.is_file()}
