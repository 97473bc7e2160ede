"""Every assertion of validation.toml is carried by a test, and tests carry no other."""

import ast
from pathlib import Path

from tests.conftest import ROOT
from tests.validation import declared


def marks(path: Path) -> set[str]:
    """Assertions that a test module names in `pytest.mark.validates(...)`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.validates":
            found |= {str(ast.literal_eval(argument)) for argument in node.args}
    return found


CARRIED: set[str] = set().union(*map(marks, (ROOT / "tests").rglob("test_*.py")))


def test_what_is_declared_is_carried_by_a_test_and_the_other_way_round() -> None:
    assert set(declared()["assertions"]) == CARRIED
