"""Nothing outside of evidence and case is opened, whatever links and locators say (T01, G7)."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.hostile_media import write_media

CANARY = "vmtrail-canary"
LURES = {
    "C:\\Users\\Public\\Documents": f"file:///{CANARY}///",
    "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\Snapshots":
        f"..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\{CANARY}\\",
    "D:\\VMs\\WEB01": f"/{CANARY}"[:12],
    "D:\\VMs\\SQL01": "\\\\127.0.0.1\\"[:12],
    "D:\\VMs\\TEST02": "\\\\?\\UNC\\::1\\x"[:13],
}
"""A file URL, a way up, an absolute path, and shares: in configurations, links and locators."""
CALL = re.compile(r'(?:\d+ +)?(\w+)\((?:AT_FDCWD, )?(?:"((?:[^"\\]|\\.)*)")?(.*)')
SYSTEM = ("/usr/", "/lib", "/etc/ld.so", "/etc/localtime", "/etc/os-release", "/etc/ssl/",
          "/etc/mime.types", "/proc/", "/sys/", "/dev/null", "/dev/urandom", "/dev/shm", "/dev/tty",
          "/bin/")


def pad(lures: dict[str, str]) -> dict[str, str]:
    return {old: new[:len(old)].ljust(len(old), "/") for old, new in lures.items()}


def traced(image: Path, folder: Path) -> list[tuple[str, str, str]]:
    """(call, path, the rest) of every call that names a file or makes a socket."""
    log = folder / "strace.log"
    subprocess.run(
        ["strace", "-f", "-qq", "-s", "4096", "-o", log, "-e",
         "trace=open,openat,creat,connect,socket,unlink,unlinkat,rename,renameat,renameat2",
         sys.executable, "-B", "-m", "analyzer.cli", "-q", "analyze", image, "-o",
         folder / "case"],
        check=False, env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        timeout=500, capture_output=True)
    calls = [CALL.match(line) for line in log.read_text(errors="replace").splitlines()]
    return [(c[1], c[2] or "", c[3]) for c in calls if c is not None]


@pytest.mark.validates("VMT-RO-01")
@pytest.mark.slow
@pytest.mark.needs_strace
def test_a_hostile_host_opens_nothing_of_the_examiner(corpus: Path, tmp_path: Path) -> None:
    image, folder = tmp_path / "evidence" / "host.dd", tmp_path / "out"
    image.parent.mkdir()
    folder.mkdir()
    write_media(corpus / "ws2008.E01", image, pad(LURES))
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    calls = traced(image, folder)
    assert (folder / "case" / "case.json").exists()
    assert sum(path == str(image) for _, path, _ in calls) > 1
    allowed = (*SYSTEM, str(folder), sys.prefix, sys.base_prefix, str(ROOT), str(image.parent))
    for call, path, rest in calls:
        assert call not in ("socket", "connect") or "AF_UNIX" in rest, (call, path, rest)
        assert CANARY not in path
        assert "127.0.0.1" not in path
        if path.startswith(str(image.parent)):
            assert call in ("open", "openat"), call
            assert not re.search("O_(WRONLY|RDWR|CREAT|TRUNC)", rest), rest
        elif "ENOENT" not in rest and path.startswith("/"):
            assert path.startswith(allowed), (call, path)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before
