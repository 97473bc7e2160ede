"""Running a report plugin."""

import io

from analyzer.plugin import ReportFunction, Tables


def written(report: ReportFunction, tables: Tables) -> bytes:
    """What the report writes."""
    out = io.BytesIO()
    report(tables, out)
    return out.getvalue()
