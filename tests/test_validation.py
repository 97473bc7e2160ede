"""Every assertion of validation.toml is carried by a test, and tests carry no other."""

import ast
import json
import re
from pathlib import Path

from tests.conftest import ROOT
from tests.validation import MUTANTS, PAGE, declared


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


# The page that is shipped


def said_of(counts: dict[str, int]) -> str:
    """The images and how often each was damaged, in words."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())


LINES = PAGE.read_text(encoding="utf-8").splitlines()
ROW = re.compile(r"\| \[(VMT-[\w-]+)\]\(#[\w-]+\) \| .+ \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|")


def test_the_page_has_each_assertion_passed_and_none_failed() -> None:
    rows = {match[1]: tuple(map(int, match.groups()[1:]))
            for match in map(ROW.fullmatch, LINES) if match}
    assert set(rows) == CARRIED
    for assertion, (tests, passed, failed, _) in rows.items():
        assert passed >= tests > 0, assertion
        assert failed == 0, assertion


def test_the_page_names_tests_that_exist() -> None:
    named = [match[1] for match in (re.match(r"- `(tests/[^`]+)`", line) for line in LINES)
             if match]
    assert len(named) >= len(CARRIED)
    for name in named:
        path, _, function = name.partition("::")
        assert re.search(rf"^ *def {function.rpartition('::')[2]}\(",
                         (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_page_has_the_error_rates_of_the_recorded_run() -> None:
    said = json.loads(MUTANTS.read_text(encoding="utf-8"))
    text = "\n".join(LINES)
    assert f"{said['mutants']:,} mutants ({said_of(said['by_subject'])}; `make fuzz`" in text
    for key, words in (("died", "runs that ended early"), ("bugs", "errors of vmtrail itself"),
                       ("with_invention", "mutants with a fact that is not there")):
        assert re.search(rf"\| {words} \| {said['mutants']:,} mutants \| {said[key]:,} \|", text)
