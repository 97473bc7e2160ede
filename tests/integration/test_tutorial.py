"""docs/tutorial.md: its commands run, and print what the page shows."""

import re
import shlex
from pathlib import Path

import pytest

from analyzer.cli.main import main
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
BLOCKS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"),
                    re.MULTILINE | re.DOTALL)


def holds(shown: str, printed: str) -> bool:
    """Whether the lines were printed in that order, `...` is any number of lines; however wide
    the columns are.
    """
    shown, printed = (re.sub(" {2,}", "  ", text) for text in (shown, printed))
    parts = [part.strip("\n") for part in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)]
    pattern = r"(?:.*\n)*?".join(re.escape(f"{part}\n") if part else "" for part in parts)
    text = "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").split("\n"))
    return re.fullmatch(pattern, text) is not None


def test_the_page_shows_commands() -> None:
    assert len(BLOCKS) == 7
    assert all(command.startswith("vmtrail ") for command, _ in BLOCKS)
    assert holds("a\n...\nc\n", "a\nb\nb\nc\n")
    assert holds("a\n\n...\n", "a\n\nb\nc\n")
    assert not holds("a\nc\n", "a\nb\nc\n")


def test_the_analysis_prints_what_is_shown(summary: str, case: Path) -> None:
    (command, shown), *_ = BLOCKS
    assert command == "vmtrail analyze corpus/ws2008.E01 -o case"
    assert holds(shown, summary.replace(str(case), "case"))


@pytest.mark.parametrize(("command", "shown"), BLOCKS[1:], ids=lambda text: text[:30])
def test_a_command_prints_what_is_shown(
        command: str, shown: str, case: Path, corpus: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpus").symlink_to(corpus)
    (tmp_path / "case").symlink_to(case)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0
    assert holds(shown, capfd.readouterr().out)
