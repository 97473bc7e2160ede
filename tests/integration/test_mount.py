"""`vmtrail mount` through the kernel: what other programs see, against the truth of the corpus."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analyzer.mounting.names import UNRESOLVED

pytestmark = pytest.mark.needs_fuse
ROOT = Path(__file__).resolve().parents[2]
TICKS_1970 = 116_444_736_000_000_000
HOSTILE = """
from analyzer.mounting.fuse import serve
from analyzer.mounting.tree import Tree
from pathlib import Path
from tests.dict_system import Link, build
import sys
names = ["$(touch pwned)", "-rf", "a\\nb", "\\x1b[31m", "\\ud800" * 255, "\\u6f22" * 255, "..\\\\x"]
files = {f"C:/{name}": name.encode(errors="replace") for name in names}
files["C:/out"] = Link("/etc/passwd", is_relative=True)
files["C:/up"] = Link("../../../../../etc/passwd", is_relative=True)
serve(Tree(build(files)), Path(sys.argv[1]), lambda: print("ready", flush=True), print)
"""


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Any:
    return json.loads((corpus / "truth" / "ws2008.json").read_text())


@contextmanager
def mounted(address: str, folder: Path) -> Iterator[Path]:
    """The folder while it is mounted; afterwards the process has ended by itself with 0."""
    folder.mkdir()
    command = [sys.executable, "-m", "analyzer.cli", "mount", address, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if "mounted at" in line:
                    break
            assert os.path.ismount(folder), "".join(lines)
            yield folder
            subprocess.run(["fusermount3", "-u", folder], check=True, timeout=30)
            assert process.wait(30) == 0
        finally:
            process.terminate()  # it unmounts
    assert not os.path.ismount(folder)
    assert not list(folder.iterdir())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def host(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """ws2008.E01, mounted."""
    folder = tmp_path_factory.mktemp("mount") / "host"
    with mounted(str(corpus / "ws2008.E01"), folder) as found:
        yield found


def test_the_disk_and_every_file_are_those_of_the_truth(host: Path, truth: Any) -> None:
    assert (host / "disk.raw").stat().st_size == truth["image"]["media_size"]
    assert sha256(host / "disk.raw") == truth["image"]["media_sha256"]
    compared = 0
    for volume in truth["volumes"]:
        top = host / volume["letter"].removesuffix(":")
        for row in volume["files"]:
            path = top / row["path"].lstrip("/")
            status = path.lstat()
            assert status.st_mtime_ns == (row["si"][1] - TICKS_1970) * 100
            assert path.is_symlink() == (row["kind"] not in ("file", "directory"))
            if row["kind"] != "file":
                continue
            assert status.st_size == row["size"]
            assert sha256(path) == row["sha256"]
            for name, expected in row.get("streams", {}).items():
                assert sha256(path.with_name(f"{path.name}:{name}")) == expected
            compared += 1
    assert compared > 60


def test_ls_and_find_go_through_all_of_it(host: Path, truth: Any) -> None:
    listed = subprocess.run(["ls", "-lR", host], capture_output=True, check=False, timeout=60)
    assert listed.returncode == 0, listed.stderr
    found = subprocess.run(["find", host, "-type", "f", "-print0"], capture_output=True,
                           check=True, timeout=60).stdout.split(b"\0")
    files = {row["path"] for v in truth["volumes"] for row in v["files"] if row["kind"] == "file"}
    for path in files:
        assert any(name.endswith(path.encode()) for name in found)
    gone = [row["path"].encode() for v in truth["volumes"] for row in v["deleted"]]
    assert gone
    assert not [name for name in found for path in gone if name.endswith(path)]


def test_links_stay_inside(host: Path, truth: Any) -> None:
    lost = 0
    for volume in truth["volumes"]:
        top = host / volume["letter"].removesuffix(":")
        for row in volume["files"]:
            if "target" not in row:
                continue
            path = top / row["path"].lstrip("/")
            text = str(path.readlink())
            if text.startswith(UNRESOLVED):
                lost += 1
                assert text == f"{UNRESOLVED}{row['target']}"
                assert not path.exists()
            else:
                drive, _, rest = row["target"].partition(":\\")
                assert path.resolve() == (host / drive / rest.replace("\\", "/")).resolve()
                assert path.resolve().is_relative_to(host)
    assert lost == 1  # the one to E:\Lost


def test_nothing_can_be_written(host: Path) -> None:
    file = next((host / "C" / "Windows").rglob("*.exe"))
    for act in (lambda: os.open(file, os.O_WRONLY), (host / "C" / "x").mkdir, file.unlink,
                lambda: file.rename(host / "x"), lambda: file.chmod(0o777),
                lambda: os.truncate(host / "disk.raw", 0), lambda: os.utime(file),
                lambda: (host / "x").symlink_to("y"), lambda: os.open(host / "x", os.O_CREAT)):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is what is tested
            act()
        assert caught.value.errno == errno.EROFS


def test_a_disk_inside_at_a_snapshot(corpus: Path, truth: Any, tmp_path: Path) -> None:
    """DC01 now: three AVHDs on a base. cmp against the bytes that the truth gives for the guest."""
    chain = next(c for c in truth["chains"] if c["machine_name"] == "DC01" and c["state"] == "now")
    path = chain["layers"][0]["path"].replace("\\", "/")
    with mounted(f"{corpus / 'ws2008.E01'}!/{path}", tmp_path / "m") as folder:
        assert sha256(folder / "disk.raw") == chain["media_sha256"]
        copy = tmp_path / "copy.raw"
        subprocess.run(["dd", f"if={folder / 'disk.raw'}", f"of={copy}", "bs=7k", "status=none"],
                       check=True, timeout=60)
        subprocess.run(["cmp", folder / "disk.raw", copy], check=True, timeout=60)
        rows = [row for row in chain["guest"]["volume"]["files"] if row["kind"] == "file"]
        assert rows
        for row in rows:
            assert sha256(folder / "C" / row["path"].lstrip("/")) == row["sha256"]


def test_sectors_of_a_missing_parent_give_errors_and_never_zeros(
        corpus: Path, truth: Any, tmp_path: Path) -> None:
    chain = next(c for c in truth["chains"] if c["machine_name"] == "TEST02")
    lost = [(start, start + length) for start, length in chain["unreadable"]]
    path = chain["layers"][0]["path"].replace("\\", "/")
    data, missed = bytearray(), 0
    with mounted(f"{corpus / 'ws2008.E01'}!/{path}", tmp_path / "m") as folder:
        exact = os.open(folder / "disk.raw", os.O_RDONLY | os.O_DIRECT)
        for start in range(0, chain["media_size"], 512):
            is_lost = any(low <= start < high for low, high in lost)
            if not is_lost:
                data += os.pread(exact, 512, start)
                continue
            missed += 512
            data += bytes(512)
            if missed <= 512 * 200:  # each error takes a turn through the kernel
                with pytest.raises(OSError, match="Input/output"):
                    os.pread(exact, 512, start)
        os.close(exact)
        with (folder / "disk.raw").open("rb", buffering=0) as paged, \
                pytest.raises(OSError, match="Input/output"):
            os.pread(paged.fileno(), 1 << 20, lost[0][0])
    assert missed == sum(high - low for low, high in lost)
    assert hashlib.sha256(data).hexdigest() == chain["media_sha256"]


def test_hostile_names_and_links(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOSTILE, folder], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            found = {os.fsencode(path.name): path for path in (folder / "p1").iterdir()}
            assert len(found) == 9
            assert {b"$(touch pwned)", b"-rf", b"a\nb", b"\x1b[31m", b"..\\x"} < found.keys()
            for name, path in found.items():
                if name in (b"out", b"up"):
                    assert "/" not in str(path.readlink())
                    assert not path.exists()
                else:
                    assert path.stat().st_size == len(path.read_bytes()) > 0
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not os.path.ismount(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_unmounts(corpus: Path, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    command = [sys.executable, "-m", "analyzer.cli", "mount",
               str(corpus / "plain-windows.E01"), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 30
        while not os.path.ismount(folder) and time.monotonic() < end:
            time.sleep(0.05)
        assert list(folder.iterdir())
        process.send_signal(number)
        assert process.wait(30) == 0
    assert not os.path.ismount(folder)


def test_it_is_said_why_nothing_was_mounted(corpus: Path, tmp_path: Path) -> None:
    def refused(address: str, folder: Path) -> str:
        done = subprocess.run([sys.executable, "-m", "analyzer.cli", "mount", address, folder],
                              cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2, done.stderr
        return done.stderr

    image = str(corpus / "plain-windows.E01")
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "file").write_text("x")
    assert "no folder" in refused(image, tmp_path / "file")
    assert "not empty" in refused(image, tmp_path)
    assert "virtual disk file" in refused(f"{image}!/C:/Windows", empty)
    without = {"PYTHONPATH": str(ROOT), "FUSE_LIBRARY_PATH": "/nonexistent.so"}
    done = subprocess.run([sys.executable, "-m", "analyzer.cli", "mount", image, empty], cwd=ROOT,
                          env=os.environ | without, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs libfuse" in done.stderr
