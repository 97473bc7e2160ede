"""The report page."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analyzer.plugin import Tables, report
from analyzer.text import show
from analyzer.times import iso
from plugins.reports.page import page
from plugins.reports.quantities import clock, counted, file_name, size
from plugins.reports.source_line import place, stat_command


@report("page", "html", "report.html")
def report_html(tables: Tables, out: BinaryIO) -> None:
    """One self-contained page: machines, snapshot trees, disk chains, findings, problems.

    Opens from disk without a network and without script; prints. Lists are cut with a line that
    says how many rows stand in which file beside it.
    """
    pages = _environment()
    style = pages.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = pages.get_template("report.html.j2")
    for piece in template.generate(page(tables), style_hash=digest):
        out.write(piece.encode())


@cache
def _environment() -> Environment:
    """Everything that a template prints is made visible (show) and then escaped."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"),
                        autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                        lstrip_blocks=True, finalize=_visible)
    pages.filters |= {"clock": clock, "iso": iso, "binary_size": size, "counted": counted,
                      "file_name": file_name, "stat": stat_command, "place": place}
    return pages


def _visible(value: Any) -> Any:
    """Plain text through show; what is already markup (a macro's output) stays."""
    return show(value) if type(value) is str else value
