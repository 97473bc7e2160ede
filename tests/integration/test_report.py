"""The report of the bundled host: complete, and its commands read again what they say."""

import html
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli.main import main
from tests.plugins.reports.markup import Markup

LINKED = "leads to E:\\Lost"
"""A link of the register that leads out of the evidence cannot be followed, as its page says."""


def commands(case: Path) -> list[str]:
    pages = (case / "reports" / "report").rglob("*.html")
    found = {html.unescape(code) for page in pages
             for code in re.findall(r"<code>(vmtrail .*?)</code>", page.read_text("utf-8"))}
    return sorted(command for command in found if "$'" not in command and "CASE" not in command)


def test_commands_of_the_pages_find_what_they_cite(case: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    stats = [command for command in commands(case) if command.startswith("vmtrail stat")]
    assert len(stats) > 60
    for command in stats[::len(stats) // 8]:
        code = main(shlex.split(command)[1:])
        said = capsys.readouterr()
        assert code == 0 or LINKED in said.err, command
        assert said.out or LINKED in said.err


def test_a_command_for_bytes_prints_them_as_it_stands(case: Path) -> None:
    cats = [command for command in commands(case) if command.startswith("vmtrail cat")]
    command = next(c for c in cats if "DC01.vhd'" in c and "tail" not in c)
    done = subprocess.run(
        ["bash", "-c", f'vmtrail() {{ "{sys.executable}" -m analyzer.cli "$@"; }}; {command}'],
        capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert b">conectix" in done.stdout
    assert not done.stderr


def test_each_machine_of_the_inventory_has_a_page(case: Path) -> None:
    folder = case / "reports" / "report"
    pages = sorted((folder / "machines").iterdir())
    assert len(pages) == 12
    text = Markup((folder / "machines" / "0004.html").read_text("utf-8")).text
    for wanted in ("DC01", "Before patch", "10 of 111 settings differ", "CORP\\Administrator",
                   "DC01_E34BC264-A6C8-4B90-BCFF-8F68816C7904.avhd"):
        assert wanted in text, wanted
