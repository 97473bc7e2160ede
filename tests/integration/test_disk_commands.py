"""`vmtrail disk` on the bundled host: against its construction, 7-Zip and qemu-img."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.make import vhd
from tests.integration.conftest import Vmtrail

Truth = dict[str, Any]
XML = "C:/ProgramData/Microsoft/Windows/Hyper-V/InitialStore.xml"
CLI = (sys.executable, "-m", "analyzer.cli")


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Truth:
    loaded: Truth = json.loads((corpus / "truth" / "ws2008.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def address(corpus: Path) -> Callable[[str], str]:
    image = corpus / "ws2008.E01"
    return lambda path: f"{image}!/{path}".replace("\\", "/")


def chains(truth: Truth, machine: str) -> list[Truth]:
    """The chains of a machine, each disk file on top once."""
    found = {c["layers"][0]["path"]: c for c in truth["chains"]
             if c["machine_name"] == machine or not c["machine"]}
    return [c for c in found.values() if machine in c["layers"][0]["path"]]


def test_info_is_what_the_construction_wrote(truth: Truth, address: Callable[[str], str],
                                             vmtrail: Vmtrail) -> None:
    for chain in (*chains(truth, "DC01"), *chains(truth, "SQL01")):
        top = chain["layers"][0]
        done = vmtrail("disk", "info", address(top["path"]), "--json")
        facts = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert facts["path"].lower() == top["path"].lower()
        assert facts["disk_id"].replace("-", "") == top["unique_id"].replace("-", "").upper()
        assert (facts["kind"], facts["size"]) == (top["kind"], chain["media_size"])
        assert facts["verdict"] == facts["chain"]["verdict"] == "complete"
        assert facts["chain"]["layers"] == len(chain["layers"])
        if len(chain["layers"]) > 1:
            parent = chain["layers"][1]["path"].rpartition("\\")[2]
            assert all(text.endswith(parent) for _, text in facts["parent"]["locators"])


def test_info_and_chain_for_people(truth: Truth, address: Callable[[str], str],
                                   vmtrail: Vmtrail) -> None:
    layers = max((c["layers"] for c in chains(truth, "DC01")), key=len)
    assert len(layers) == 4
    info = vmtrail("disk", "info", address(layers[0]["path"])).stdout
    assert "creator_application  " in info
    assert "win" in info
    done = vmtrail("disk", "chain", address(layers[0]["path"]))
    places = [done.stdout.index(layer["path"]) for layer in layers]
    assert places == sorted(places)
    assert "└─ " in done.stdout
    assert "\nchain: complete\n" in done.stdout
    as_json = json.loads(vmtrail("disk", "chain", address(layers[0]["path"]), "--json").stdout)
    assert [layer["path"] for layer in as_json["layers"]] == [layer["path"] for layer in layers]
    assert all(layer["found_by"].startswith("unique id ") for layer in as_json["layers"][1:])


def test_a_missing_parent_is_said(truth: Truth, address: Callable[[str], str],
                                  vmtrail: Vmtrail) -> None:
    (chain,) = chains(truth, "TEST02")
    facts = json.loads(vmtrail("disk", "chain", address(chain["layers"][0]["path"]),
                               "--json").stdout)
    assert facts["broken"] == "parent missing"
    assert facts["unreadable_bytes"] == sum(length for _, length in chain["unreadable"])
    assert facts["unreadable_ranges"] == len(chain["unreadable"])
    assert "E:\\Templates\\w2k3-base.vhd" in facts["notices"][0]["what"]


def test_exports_have_the_media_of_the_construction(truth: Truth, address: Callable[[str], str],
                                                    vmtrail: Vmtrail, tmp_path: Path) -> None:
    for number, chain in enumerate(chains(truth, "DC01")):
        target = tmp_path / f"{number}.raw"
        done = vmtrail("disk", "export", address(chain["layers"][0]["path"]), "-o", target,
                       "--format", "raw")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{chain['media_sha256']}  {target}\n"
        assert hashlib.sha256(target.read_bytes()).hexdigest() == chain["media_sha256"]
        target.unlink()


@pytest.mark.needs_7z
@pytest.mark.needs_qemu
@pytest.mark.parametrize(("format_", "suffix", "qemu"), [
    ("vhd-fixed", "vhd", "vpc"), ("vhd", "vhd", "vpc"), ("vhdx", "vhdx", "vhdx")])
def test_others_read_the_exported_disk(
        truth: Truth, address: Callable[[str], str], vmtrail: Vmtrail, tmp_path: Path,
        format_: str, suffix: str, qemu: str) -> None:
    chain = max(chains(truth, "DC01"), key=lambda c: len(c["layers"]))
    target, raw = tmp_path / f"x.{suffix}", tmp_path / "raw"
    done = vmtrail("disk", "export", address(chain["layers"][0]["path"]), "-o", target,
                   "--format", format_)
    assert done.returncode == 0, done.stderr
    extracted = subprocess.run(["7z", "e", "-so", f"-t{suffix}", target], capture_output=True,
                               check=True)
    assert hashlib.sha256(extracted.stdout).hexdigest() == chain["media_sha256"]
    subprocess.run(["qemu-img", "convert", "-f", qemu, "-O", "raw", target, raw], check=True)
    assert hashlib.sha256(raw.read_bytes()).hexdigest() == chain["media_sha256"]
    info = json.loads(vmtrail("disk", "info", target, "--json").stdout)
    assert (info["verdict"], info["size"]) == ("complete", chain["media_size"])


def test_what_is_missing_is_zeros_listed_and_exit_code_4(
        truth: Truth, address: Callable[[str], str], vmtrail: Vmtrail, tmp_path: Path) -> None:
    (chain,) = chains(truth, "TEST02")
    disk, target = address(chain["layers"][0]["path"]), tmp_path / "x.raw"
    strict = vmtrail("disk", "export", disk, "-o", target, "--format", "raw", "--strict")
    assert strict.returncode == 3
    assert "cannot be read" in strict.stderr
    assert list(tmp_path.iterdir()) == []
    done = vmtrail("disk", "export", disk, "-o", target, "--format", "raw")
    assert done.returncode == 4
    assert done.stdout.startswith(chain["media_sha256"])
    assert "could not be read" in done.stderr
    facts = json.loads((tmp_path / "x.raw.json").read_text())
    assert [[at, length] for at, length, _ in facts["unreadable"]] == chain["unreadable"]
    assert facts["sha256"] == chain["media_sha256"]


def test_a_snapshot_by_its_name(truth: Truth, address: Callable[[str], str], vmtrail: Vmtrail,
                                tmp_path: Path) -> None:
    base = address("C:/Users/Public/Documents/Hyper-V/Virtual Hard Disks/DC01.vhd")
    states = {c["state"]: c["media_sha256"] for c in truth["chains"]
              if c["machine_name"] == "DC01"}
    names = {"Before patch": "5FE89443-6159-4525-A2B7-FAB407AE14BE", "now": "now",
             "{58e33052-16e6-4ab4-a871-5df8a292d704}": "58E33052-16E6-4AB4-A871-5DF8A292D704"}
    for name, state in names.items():
        target = tmp_path / f"{state}.raw"
        done = vmtrail("disk", "export", base, "-o", target, "--format", "raw",
                       "--snapshot", name)
        assert done.stdout == f"{states[state]}  {target}\n", done.stderr
    wrong = vmtrail("disk", "export", base, "-o", tmp_path / "y", "--format", "raw",
                    "--snapshot", "Before patches")
    assert wrong.returncode == 2
    assert "Before patch" in wrong.stderr


def test_usage_errors(address: Callable[[str], str], corpus: Path, vmtrail: Vmtrail,
                      tmp_path: Path) -> None:
    base = address("C:/Users/Public/Documents/Hyper-V/Virtual Hard Disks/DC01.vhd")
    (tmp_path / "there").write_bytes(b"x")
    image = corpus / "ws2008.E01"
    for arguments, words in (
            (("export", base, "-o", tmp_path / "there", "--format", "raw"), "not overwritten"),
            (("export", base, "-o", image, "--format", "raw"), "not overwritten"),
            (("export", base, "-o", tmp_path / "no" / "x", "--format", "raw"), "no folder"),
            (("export", base, "-o", tmp_path / "x", "--format", "vmdk"), "vmdk"),
            (("export", base, "-o", tmp_path / "x", "--format", "raw", "--resume"), "continue"),
            (("info", address(XML)), "no virtual disk"),
            (("info", address("C:/Users")), "no file"),
            (("info", image), "no virtual disk"),
            (("info", base, "--snapshoot", "x"), "unrecognized"),
            (("inf", base), "did you mean 'info'"),
            ((), "compare   show what changed")):
        done = vmtrail("disk", *arguments)
        assert (done.returncode, done.stdout) in ((2, ""), (3, "")), arguments
        assert words in done.stderr, arguments
    assert (tmp_path / "there").read_bytes() == b"x"
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def small_chain(folder: Path) -> bytes:
    """base.vhd and child.avhd in a folder; the media of the child."""
    base = bytes(range(256)) * 8192
    child = b"\x5a" * 4096 + base[4096:]
    (folder / "base.vhd").write_bytes(vhd.dynamic(base, unique_id=b"B" * 16, created=5))
    (folder / "child.avhd").write_bytes(vhd.differencing(
        child, vhd.diff(base, child), unique_id=b"C" * 16, created=6, parent_id=b"B" * 16,
        parent_name="base\x1b[31m.vhd", locators=[(b"W2ru", ".\\base.vhd")]))
    (folder / "other.vhd").write_bytes(vhd.dynamic(base, unique_id=b"O" * 16, created=5))
    return child


def test_disk_files_of_this_computer(vmtrail: Vmtrail, tmp_path: Path) -> None:
    """Parents are those that are named, not those that lie there."""
    media = small_chain(tmp_path)
    child, base = tmp_path / "child.avhd", tmp_path / "base.vhd"
    alone = vmtrail("disk", "info", child)
    assert alone.returncode == 0
    assert "parent missing" in alone.stdout
    assert "\x1b" not in alone.stdout
    assert "base\\x1b[31m.vhd" in alone.stdout
    facts = json.loads(vmtrail("disk", "info", child, "--parent", base, "--json").stdout)
    assert facts["chain"]["verdict"] == "complete"
    wrong = vmtrail("disk", "info", child, "--parent", tmp_path / "other.vhd")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "is no parent here" in wrong.stderr
    done = vmtrail("disk", "export", child, "--parent", base, "-o", tmp_path / "x", "--format",
                   "raw")
    assert done.stdout.startswith(hashlib.sha256(media).hexdigest())
    onto = vmtrail("disk", "export", child, "--parent", base, "-o", base, "--format", "raw")
    assert onto.returncode == 2
    changed = vmtrail("disk", "compare", base, child, "--parent", base, "--ranges")
    assert changed.stdout.split() == ["0", "4,096", "data", str(child)], changed.stderr


def test_no_room_and_then_room(vmtrail: Vmtrail, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    media = small_chain(tmp_path)
    command = ["disk", "export", tmp_path / "child.avhd", "--parent", tmp_path / "base.vhd",
               "-o", tmp_path / "x", "--format", "vhd-fixed"]
    root = Path(__file__).resolve().parents[2]
    limit = len(media) + 100

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([*CLI, *map(str, command)], cwd=root, capture_output=True, text=True,
                          check=False, preexec_fn=small_files)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "--resume continues it" in done.stderr
    assert "more are needed" in done.stderr
    assert (tmp_path / "x.part").exists()
    assert not (tmp_path / "x").exists()
    again = vmtrail(*command, "--resume")
    assert again.stdout == f"{hashlib.sha256(media).hexdigest()}  {tmp_path / 'x'}\n"
    assert not (tmp_path / "x.part").exists()


def test_an_interrupt_ends_with_130_and_a_part(vmtrail: Vmtrail, tmp_path: Path) -> None:
    media = os.urandom(1 << 20) * 300
    (tmp_path / "big.vhd").write_bytes(vhd.fixed(media, unique_id=b"F" * 16, created=1))
    command = ["disk", "export", tmp_path / "big.vhd", "-o", tmp_path / "x", "--format", "vhdx"]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([*CLI, *map(str, command)], cwd=root,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part, until = tmp_path / "x.part", time.monotonic() + 30
    while not part.exists() or part.stat().st_size < 20 << 20:
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "--resume goes on" in err
    assert not (tmp_path / "x").exists()
    done = vmtrail(*command, "--resume")
    assert done.stdout.split()[0] == hashlib.sha256(media).hexdigest(), done.stderr


def listing(chain: Truth) -> dict[str, str]:
    """Path of each file of a guest, and everything that is known of it."""
    return {row["path"]: json.dumps(row, sort_keys=True)
            for row in chain["guest"]["volume"]["files"]}


def rows(done: "subprocess.CompletedProcess[str]") -> list[Truth]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("machine", ["DC01", "WEB01"])
def test_compare_names_every_file_that_changed(truth: Truth, address: Callable[[str], str],
                                               vmtrail: Vmtrail, machine: str) -> None:
    found = [c for c in chains(truth, machine) if "-data" not in c["layers"][0]["path"]]
    pairs = [(a, b) for a in found for b in found if a is not b]
    assert len(pairs) >= 2
    for before, after in pairs if machine == "WEB01" else pairs[::4]:
        old, new = listing(before), listing(after)
        done = rows(vmtrail("disk", "compare", address(before["layers"][0]["path"]),
                            address(after["layers"][0]["path"]), "--json"))
        files = [row for row in done if row["what"] == "file"]
        letter = done[1]["name"]
        by_change: dict[str, set[str]] = {}
        for row in files:
            path = row["path"].removeprefix(letter).replace("\\", "/")
            by_change.setdefault(row["change"], set()).add(path)
        told = set().union(*by_change.values())
        assert by_change.get("added", set()) == set(new) - set(old)
        assert by_change.get("deleted", set()) == set(old) - set(new)
        changed = {path for path in set(old) & set(new) if old[path] != new[path]}
        assert changed <= told, (before["layers"][0], after["layers"][0])
        content = {path for path in changed
                   if json.loads(old[path]).get("sha256") != json.loads(new[path]).get("sha256")}
        assert content <= by_change.get("content", set())
        extra = {path for path in told - changed - (set(old) ^ set(new))
                 if not path.startswith("/$")}
        folders = {path for path, text in new.items() if json.loads(text)["kind"] == "directory"}
        assert extra <= folders | {"/"}, "an index in the record of its folder"


def test_compare_for_people_and_by_bytes(truth: Truth, address: Callable[[str], str],
                                         vmtrail: Vmtrail) -> None:
    found = {len(c["layers"]): c["layers"][0]["path"] for c in chains(truth, "DC01")}
    one, two = address(found[1]), address(found[2])
    table = vmtrail("disk", "compare", one, two)
    assert table.returncode == 0
    assert table.stdout.splitlines()[0].endswith(")")
    assert "bytes outside the volumes" in table.stdout
    coarse = rows(vmtrail("disk", "compare", one, two, "--json"))[0]
    fine = rows(vmtrail("disk", "compare", one, two, "--json", "--bytes"))[0]
    assert 0 < fine["changed_bytes"] <= coarse["changed_bytes"]
    ranges = rows(vmtrail("disk", "compare", one, two, "--json", "--ranges"))
    assert sum(row["length"] for row in ranges) == coarse["changed_bytes"]
    assert {row["layer"] for row in ranges} <= set(found.values())
    same = vmtrail("disk", "compare", one, one)
    assert same.stdout.startswith("0 bytes in 0 ranges\n")
