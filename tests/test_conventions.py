"""What holds for every module, plugin and table, checked rather than remembered."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.docs import pages
from analyzer.plugin import Plugin, discover
from analyzer.records import TABLES, column_types

ROOT = Path(__file__).resolve().parent.parent
MODULES = [p for folder in ("analyzer", "plugins") for p in (ROOT / folder).rglob("*.py")]
PLUGINS = [p for p in discover() if p.module.startswith("plugins.")]
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "base", "core", "misc",
             "tools", "lib"}


def test_plugins_were_found() -> None:
    assert {p.kind for p in PLUGINS} == {"artifact", "analysis", "report"}
    assert len({p.name for p in PLUGINS}) == len(PLUGINS)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_has_a_docstring_a_test_and_a_line_in_the_docs(plugin: Plugin) -> None:
    assert len(plugin.doc) > 20
    tests = [*(ROOT / "tests").rglob("test_*.py")]
    module = plugin.module.rpartition(".")[2]
    assert any(re.search(rf"\b({plugin.name}|{module})\b", test.read_text()) for test in tests
               if test.name != Path(__file__).name)
    assert f"### {plugin.name}\n" in (ROOT / "docs" / "plugins.md").read_text()


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_declares_what_it_gives(plugin: Plugin) -> None:
    if plugin.kind == "report":
        assert plugin.file
        assert plugin.format
    else:
        assert plugin.yields
        assert set(plugin.yields) <= set(TABLES.values())
    assert set(plugin.reads) <= set(TABLES)


def test_one_column_name_has_one_type_in_all_tables() -> None:
    seen: dict[str, tuple[object, str]] = {}
    for table, record in TABLES.items():
        for name, kind in column_types(record).items():
            known, where = seen.setdefault(name, (kind, table))
            assert known == kind, f"{name} is {known} in {where}, {kind} in {table}"


def test_generated_pages_are_up_to_date() -> None:
    for path, text in pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make docs"


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_small_named_and_described(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert module.stem not in FORBIDDEN
    assert ast.get_docstring(ast.parse(text)) or not text.strip()


def test_functions_are_short() -> None:
    long = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
                lines = (node.end_lineno or 0) - first.lineno + 1
                if lines > 50:
                    long.append(f"{module.name}:{node.name} {lines}")
    assert long == []


def test_imports_keep_their_direction() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command is not None
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_committed_file_names_a_machine_path() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    machine = re.compile(rb"(?<![\w.$}/-])/(work|tmp/v|home/[a-z]+|root)/")
    found = []
    for name in listed.stdout.split(b"\0"):
        path = ROOT / name.decode()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ""} and path.is_file() \
                and machine.search(path.read_bytes()):
            found.append(path.name)
    assert found == []
