"""What the bundled hosts' reports are to the programs that load them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.reports.case_uco import case_uco
from tests.integration.conftest import Vmtrail
from tests.plugins.reports.conftest import named
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.test_inventory_schema import PUBLISHED, wrong
from tests.plugins.reports.written import written

__all__ = ["named"]
Named = Callable[[str], FakeTables]

HOSTS = ("ws2008", "ws2012r2", "ws2019", "vs2005")


@pytest.mark.validates("VMT-EXCH-01")
@pytest.mark.parametrize("name", HOSTS)
def test_the_inventory_holds_to_its_published_schema(case_of: Callable[[str], Path],
                                                     name: str) -> None:
    reports = case_of(name) / "reports"
    document = json.loads((reports / "inventory.json").read_bytes())
    assert document["hosts"][0]["machines"]
    assert wrong(document) == []
    shipped = json.loads((reports / "inventory.schema.json").read_bytes())
    assert shipped == PUBLISHED
    assert document["$schema"] == shipped["$id"]


@pytest.mark.validates("VMT-EXCH-01")
def test_case_s_own_validator_accepts_the_graph(
        case_of: Callable[[str], Path], named: Named, vmtrail: Vmtrail, tmp_path: Path) -> None:
    """In one run with a graph of odd texts: loading the ontologies takes seconds."""
    done = vmtrail("inventory", case_of("vs2005"), "--format", "case")
    assert done.returncode == 0, done.stderr
    (tmp_path / "vs2005.jsonld").write_text(done.stdout)
    (tmp_path / "odd.jsonld").write_bytes(written(case_uco, named("\x00\u202e\"<\\>\n")))
    validator = Path(sys.executable).parent / "case_validate"
    checked = subprocess.run([validator, *tmp_path.glob("*.jsonld")], capture_output=True,
                             text=True, check=False, timeout=300)
    assert checked.stdout.split("\n")[1] == "Conforms: True", checked.stdout[:4000]
    assert checked.returncode == 0, checked.stderr
