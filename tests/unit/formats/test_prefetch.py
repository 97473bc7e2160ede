"""Prefetch files: real ones of each version against what plaso states, made ones, damage."""

import struct
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import NotThisFormat, Unsupported
from analyzer.formats.prefetch import Prefetch, parse
from tests.unit.formats.damage import outcomes
from tests.unit.formats.shell_files import prefetch_17

AT = 128_900_000_000_000_000
DISK = "\\DEVICE\\HARDDISKVOLUME1\\VMS\\WEB.VHD"
MADE = prefetch_17("VMCONNECT.EXE", AT, 3, (DISK, "\\X.DLL"))


def test_a_made_file() -> None:
    assert parse(MADE) == Prefetch(17, "VMCONNECT.EXE", 3, (AT,), (DISK, "\\X.DLL"))


@pytest.mark.parametrize(("name", "version", "runs", "last"), [
    ("CMD.EXE-087B4001.pf", 17, 2, "2013-03-10T10:11:49.2812500Z"),
    ("PING.EXE-B29F6629.pf", 23, 14, "2012-04-06T19:00:55.9329556Z"),
    ("WUAUCLT.EXE-830BCC14.pf", 23, 25, "2012-03-15T21:17:39.8079963Z"),
    ("TASKHOST.EXE-3AE259FC.pf", 26, 4, "2013-10-04T15:40:09.0378333Z"),
    ("BYTECODEGENERATOR.EXE-C1E9BCE6.pf", 30, 7, "2015-05-14T22:11:58.0911341Z"),
    ("ONEDRIVE.EXE-7E152375.pf", 30, 2, "2015-05-14T22:11:05.4852771Z"),
    ("NOTEPAD.EXE-D8414F97.pf", 30, 2, "2019-06-05T19:55:04.8777787Z"),
    ("AM_DELTA_PATCH_1.443.990.0.EX-7037CF86.pf", 31, 1, "")])
def test_real_files(name: str, version: int, runs: int, last: str, plaso: Path) -> None:
    """Values as plaso's own tests state them."""
    got = parse((plaso / "winprefetch" / name).read_bytes())
    assert (got.version, got.run_count, got.notices) == (version, runs, ())
    assert not last or times.iso(got.ran_at[0]) == last
    assert got.loaded[0].endswith("\\NTDLL.DLL")
    assert name.startswith(got.program)


def test_other_files() -> None:
    for data in (b"", b"?" * 100):
        with pytest.raises(NotThisFormat):
            parse(data)
    with pytest.raises(Unsupported, match="version 18"):
        parse(b"\x12" + MADE[1:])
    with pytest.raises(Unsupported, match="uncompressed"):
        parse(b"MAM\4" + struct.pack("<I", 1 << 30) + bytes(64))


def test_damage_ends_in_a_result_or_an_error(plaso: Path) -> None:
    for name in ("TASKHOST.EXE-3AE259FC.pf", "NOTEPAD.EXE-D8414F97.pf"):
        data = (plaso / "winprefetch" / name).read_bytes()
        assert outcomes(parse, data, 200) <= {"result", "Corrupt", "NotThisFormat", "Unsupported"}


def test_damage_of_a_made_file() -> None:
    assert {"result", "Corrupt"} <= outcomes(parse, MADE)
