"""What the supervising process asks of children instead of loading it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzer import plugin
from analyzer.case.folder import Case
from analyzer.engine import asking
from analyzer.engine.catalogue import Catalogue, from_line, to_line
from tests.conftest import ROOT
from tests.unit.engine.fake_child import COMMAND, PLUGINS

HEAVY = {"numpy", "pandas", "pyarrow", "duckdb", "pytsk3", "lxml", "Registry", "pyewf", "evtx",
         "plugins", "analyzer.system", "analyzer.evidence", "analyzer.filesystem",
         "analyzer.formats"}
SCRIPT = """
import json, sys
from analyzer.cli.main import main
code = main(["analyze", sys.argv[1], "-o", sys.argv[2]])
print()
print(json.dumps([code, sorted(sys.modules)]))
"""


def test_the_supervisor_loads_nothing_that_decodes_evidence(tmp_path: Path, corpus: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(corpus / "empty-host.E01"),
                           str(tmp_path / "case")], check=True, capture_output=True, text=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert "Hyper-V hosts (1)" in done.stdout  # the overview, from a child
    assert HEAVY.isdisjoint(modules)
    assert "analyzer.engine.run" in modules


def test_children_know_the_plugins_there_are() -> None:
    told = Catalogue(asking.known_plugins())
    assert told.described() == Catalogue(plugin.discover()).described()
    for kind in ("artifact", "analysis", "report"):
        assert told.names(kind) == Catalogue(plugin.discover()).names(kind)
    assert told.usual_reports() == Catalogue(plugin.discover()).usual_reports()


def test_a_plugin_that_is_told_of_cannot_be_called() -> None:
    told = from_line(to_line(PLUGINS[0]))
    assert (told.name, told.yields, told.path) == (
        PLUGINS[0].name, PLUGINS[0].yields, PLUGINS[0].path)
    with pytest.raises(NotImplementedError):
        told.function(None)


def test_a_case_that_cannot_be_read_has_no_overview(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{}")
    *_, line = asking.overview(Case(tmp_path), COMMAND)
    assert line.startswith("An overview cannot be given (")
    assert "case.json is not a case" in line


def test_a_nursery_that_does_not_start_costs_the_overview_alone(tmp_path: Path) -> None:
    *_, line = asking.overview(Case(tmp_path), (sys.executable, "-c", "raise SystemExit(1)"))
    assert "the process that starts children died twice" in line


def test_a_plugin_of_another_distribution_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> None:
        def of_others() -> None:
            """Found elsewhere."""
        plugin.artifact()(of_others)  # type: ignore[type-var] # it need not look at a system

    point = SimpleNamespace(load=load, value="acme", dist=SimpleNamespace(name="acme-vmtrail"))
    monkeypatch.setattr(plugin, "entry_points", lambda group: [point])
    monkeypatch.setattr(plugin, "_DECLARED", dict(plugin._DECLARED))
    origins = {p.name: p.origin for p in plugin.discover()}
    assert origins.pop("of_others") == "acme-vmtrail"
    assert set(origins.values()) == {"vmtrail"}


def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    about = tmp_path / "acme_vmtrail-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-vmtrail\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vmtrail.plugins]\nacme = acme_plugin\n")
    (tmp_path / "acme_plugin.py").write_text("raise RuntimeError('not today')")
    done = subprocess.run([sys.executable, "-m", "analyzer.cli", "analyze", "x.E01", "-o", "case"],
                          cwd=tmp_path, check=False, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    assert (done.returncode, done.stderr) == (2, (
        "vmtrail: the plugins of acme-vmtrail cannot be loaded (acme_plugin: RuntimeError: not "
        "today); mend or uninstall it\n"))
