"""The report as a folder of pages."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analyzer.plugin import Tables, report_folder
from analyzer.text import show
from analyzer.times import iso
from plugins.reports.html.data_pages import page_of
from plugins.reports.html.pages import write_pages
from plugins.reports.quantities import byte, clock, counted, file_name, size

_TEMPLATES = Path(__file__).parent / "templates"


@report_folder("html", "report")
def report_html(tables: Tables, folder: Path) -> None:
    """Pages for people: summary, machines, networks, timeline, findings, problems, all tables.

    Opens from disk, without a network. What concerns the case as a whole and each machine needs no
    script and prints; tables are paged, searched and filtered by a script of each page over the
    files in `data`, and nothing is left out but a list of files that is longer than 200,000, which
    the page then says.
    """
    write_pages(tables, folder, environment())


@cache
def environment() -> Environment:
    """Everything that a template prints is made visible (show) and then escaped."""
    pages = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True,
                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                        finalize=_visible)
    pages.filters |= {"clock": clock, "iso": iso, "binary_size": size, "counted": counted,
                      "file_name": file_name, "byte": byte, "page_of": page_of}
    for name, kind in (("style", "css"), ("script", "js")):
        text = "".join(path.read_text(encoding="utf-8") for path in sorted(
            _TEMPLATES.glob(f"*.{kind}")))
        text = f'"use strict";\n{text}' if kind == "js" else text
        digest = hashlib.sha256(text.encode()).digest()
        pages.globals |= {name: Markup(text),  # noqa: S704 - our own file, no evidence in it
                          f"{name}_hash": base64.b64encode(digest).decode()}
    return pages


def _visible(value: Any) -> Any:
    """Plain text through show; what is already markup (a macro's output) stays."""
    return show(value) if type(value) is str else value
