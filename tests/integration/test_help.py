"""`--help` of every verb: what it says, and that its examples do what they show."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.main import main
from analyzer.cli.parser import build_parser
from analyzer.cli.verb_notes import examples, notes

VERBS = [verb for verb in examples() if verb not in ("analyze", "mount")]


def options(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The help of a verb as it is printed."""
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([*verb.split(), "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def folder(case_of: Callable[[str], Path], corpus: Path,
           tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples speak of: host.E01 and its case."""
    made = tmp_path_factory.mktemp("help")
    (made / "host.E01").symlink_to(corpus / "ws2008.E01")
    (made / "ws2008.E01").symlink_to(corpus / "ws2008.E01")
    for name in ("case", "case-march", "case-may"):
        (made / name).symlink_to(case_of("ws2008"))
    return made


@pytest.mark.parametrize("verb", examples())
def test_help_has_what_a_manual_page_has(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = options(verb, capsys)
    for part in ("usage: vmtrail", "examples:", "writes:", "exit codes:", "  0    "):
        assert part in text
    assert notes(verb) in text
    about = text.split("\n\n")[1]
    assert len(about) > 15


def test_every_verb_of_the_command_line_has_notes() -> None:
    found = re.findall(r"^    (\w+) ", build_parser().format_help(), re.MULTILINE)
    verbs = {verb.split()[0] for verb in examples()}
    assert set(found) - {"help"} == verbs


@pytest.mark.parametrize("line", [*examples()["analyze"], *examples()["mount"]])
def test_examples_that_take_long_are_at_least_accepted(line: str) -> None:
    command, *words = shlex.split(line)
    assert command == "vmtrail"
    assert build_parser().parse_args(words).command


@pytest.mark.parametrize("line", [line for verb in VERBS for line in examples()[verb]
                                  if verb != "report"])
def test_an_example_runs(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
                         capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    command, _, _ = line.partition(" > ")
    assert main(shlex.split(command)[1:]) == 0
    out, err = capfd.readouterr()
    assert len(out) > 30
    assert err == ""


@pytest.mark.parametrize(("line", "said"), [
    ("", "usage: vmtrail"),
    ("analyse x -o y", "did you mean 'analyze'"),
    ("analyze host.E01", "required: -o/--output"),
    ("analyze . -o new", "is a folder; give the image file in it"),
    ("analyze nosuch.E01 -o new", "no image nosuch.E01"),
    ("analyze host.E01 -o new -j x", "give a number of processes from 1 to 1024"),
    ("analyze host.E01 -o new --plugins nosuch", "vmtrail plugins lists them"),
    ("analyze host.E01 -o text", "is a file; -o takes a folder"),
    ("inventory host.E01", "is a file and no case; vmtrail analyze host.E01 -o CASE"),
    ("inventory nosuch", "no such folder"),
    ("inventory .", "it has no case.json"),
    ("inventory case --format xml", "there is case, csv, json, markdown, schema, table"),
    ("timeline case --vm nosuch", "the case knows"),
    ("timeline case --from 2010", "write 2008-11-09"),
    ("timeline case --timezone Europe/Berln", "near: Europe/Berlin"),
    ("timeline case --format jsonl --timezone Asia/Tokyo", "goes with csv, ez"),
    ("query case 'SELECT * FROM snapshots'", 'Did you mean "snapshot'),
    ("query case 'SELECT * FROM qqq'", "Catalog Error"),
    ("query case 'SELECT nam FROM snapshot'", 'Candidate bindings: "name"'),
    ("query case 'DELETE FROM snapshot'", "the case cannot be changed"),
    ("ls host.E01/D:/VMs", "write 'host.E01!/D:/VMs'"),
    (r"ls 'host.E01!/D:\\VMs'", "write / between names"),
    ("ls 'host.E01!/E:/'", "the volumes are C:, D:"),
    ("ls 'host.E01!/D:/VMs/WEB02'", "there is WEB01"),
    ("ls hots.E01", "there is host.E01"),
    ("ls case", "is a folder; an address is"),
    ("cat host.E01", "vmtrail ls"),
    ("export case -o x", "say --to sqlite or --to duckdb"),
    ("disk info text", "is no virtual disk"),
    ("verify case --share 2", "0.1 is a tenth"),
])
def test_a_mistake_is_answered_with_what_to_do(
        line: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    (folder / "text").write_text("hello\n")
    try:
        code: object = main(shlex.split(line))
    except SystemExit as end:
        code = end.code
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert said in err


def test_nothing_is_said_to_be_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                       capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    (folder / "text").write_text("hello\n")
    assert main(["ls", "text"]) == 0
    assert "no volume was found in it" in capfd.readouterr().err
    assert main(["query", "case", "SELECT name FROM snapshot WHERE false"]) == 0
    assert capfd.readouterr().out.endswith("(no rows)\n")
    with pytest.raises(SystemExit):
        main(["help", "disk", "info"])
    assert "usage: vmtrail disk info" in capfd.readouterr().out
