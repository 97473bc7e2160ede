"""Timelines through Timesketch's own import client, whose server is played here.

The client comes as source only, which `make` does not install: `.ci/run` puts it into a folder
that VMTRAIL_TIMESKETCH names. Its companion for the server is replaced by a double.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from analyzer.plugin import ReportFunction
from plugins.reports.timeline_csv import timeline_csv
from plugins.reports.timeline_jsonl import timeline_jsonl
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

EPOCH = pd.Timestamp(1601, 1, 1, tz="UTC")


class Server:
    """A sketch, its session, and each event that was sent to it."""

    id = 1

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.api = SimpleNamespace(session=self, api_root="", fetch_resource_data=lambda _: {})

    def post(self, _address: str, data: dict[str, Any], files: Any = None) -> Any:
        text = files["events"][1] if files else data["events"]
        try:
            self.events += json.loads(text)
        except json.JSONDecodeError:
            self.events += map(json.loads, text.splitlines())
        return SimpleNamespace(status_code=200, json=lambda: {"objects": [{"id": 1}], "meta": {}})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module `importer`."""
    folder = os.environ.get("VMTRAIL_TIMESKETCH", "")
    if not folder:
        pytest.skip("timesketch: VMTRAIL_TIMESKETCH names no folder with its client")
    monkeypatch.syspath_prepend(folder)
    package = ModuleType("timesketch_api_client")
    parts: dict[str, dict[str, object]] = {
        "definitions": {"HTTP_STATUS_CODE_20X": (200, 201)}, "timeline": {},
        "error": {"UnableToRunAnalyzer": RuntimeError}}
    monkeypatch.setitem(sys.modules, package.__name__, package)
    for name, content in parts.items():
        module = ModuleType(f"{package.__name__}.{name}")
        vars(module).update(content)
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    from importlib import import_module

    yield import_module("timesketch_import_client.importer")
    for name in [n for n in sys.modules if n.startswith("timesketch_import_client")]:
        del sys.modules[name]


@pytest.mark.validates("VMT-EXCH-01")
@pytest.mark.parametrize(("name", "report"), [("t.jsonl", timeline_jsonl), ("t.csv", timeline_csv)])
def test_its_client_sends_every_row(client: Any, name: str, report: ReportFunction,
                                    tables: FakeTables, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(written(report, tables))
    server, streamer = Server(), client.ImportStreamer()
    streamer._sketch, streamer._resource_url = server, "upload"  # set_sketch asks a server
    streamer.add_file(str(tmp_path / name))
    streamer.flush()
    stated = tables.events()
    assert len(server.events) == len(stated) > 0
    for sent, event in zip(server.events, stated, strict=True):
        since = pd.Timestamp(sent["datetime"]) - EPOCH
        assert since // pd.Timedelta(microseconds=1) == event["at"] // 10
        assert sent["message"]
        assert sent["timestamp_desc"]
        assert not any(key.startswith("_") or key == "label" for key in sent)
