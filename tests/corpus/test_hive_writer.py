"""Every key, value and time the hive writer stores is read back by two independent readers."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path
from typing import Any

import pytest

from corpus.make import hive

TICKS = 128800000000000000  # 2009-02-25
Row = tuple[str, str, int, bytes]


def _tree() -> hive.Key:
    root = hive.Key("CMI-CreateHive{2A7FB991-7BBE-4F9D-B91E-7CB51D4737F5}", TICKS)
    for number in range(120):
        root.key(f"ControlSet001\\Services\\svc{number:03}", TICKS + number * 10**7).set(
            hive.dword("Start", number), hive.expand_sz("ImagePath", f"%x%\\{number}.sys")
        )
    root.key("Größe\\日本", TICKS + 10**9).set(hive.sz("Name é", "Wert ü"), hive.sz("日", "本"))
    root.key("Sizes").set(
        *(hive.binary(f"of {size}", bytes(n % 251 for n in range(size))) for size in SIZES),
        hive.multi_sz("many", ["a", "b c"]),
        hive.qword("wide", 2**63 + 1),
        hive.sz("", "the default value"),
    )
    return root


LIBREGF_WRONG = ("of 2", "of 3", "of 16345")
"""libregf swaps the bytes of small inline data and drops a last db segment of one byte."""
SIZES = (1, 2, 3, 4, 5, 8, 9, 4000, 5000, 16344, 16345, 40000)


def _expected(root: hive.Key) -> list[Row]:
    return sorted(
        (path, value.name, value.kind, value.data)
        for path, key in root.walk()
        for value in key.values
    )


@pytest.fixture(params=[3, 5])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "HIVE"
    path.write_bytes(hive.build(_tree(), file_name="SYSTEM", minor=request.param))
    return path


def test_python_registry_reads_everything_back(written: Path) -> None:
    registry: Any = importlib.import_module("Registry.Registry")
    rows: list[Row] = []
    times: dict[str, datetime.datetime] = {}

    def visit(key: Any, path: str) -> None:
        times[path] = key.timestamp()
        for value in key.values():
            name = "" if value.name() == "(default)" else value.name()
            rows.append((path, name, value.value_type(), value.raw_data()))
        for sub in key.subkeys():
            visit(sub, f"{path}\\{sub.name()}" if path else sub.name())

    visit(registry.Registry(str(written)).root(), "")
    assert sorted(rows) == _expected(_tree())
    for path, key in _tree().walk():
        start = datetime.datetime(1601, 1, 1)  # noqa: DTZ001 - python-registry's times are naive
        assert times[path] == start + datetime.timedelta(microseconds=key.written // 10)


def test_a_second_reader_reads_everything_back(written: Path) -> None:
    """libregf; its two known errors are left out (`LIBREGF_WRONG`)."""
    pyregf = pytest.importorskip("pyregf", reason="libregf-python is not installed")
    rows: list[Row] = []

    def visit(key: Any, path: str) -> None:
        for value in key.values:
            rows.append((path, value.name or "", value.type, value.data or b""))
        for sub in key.sub_keys:
            visit(sub, f"{path}\\{sub.name}" if path else sub.name)
            assert sub.get_last_written_time_as_integer() >= TICKS

    opened = pyregf.file()
    opened.open(str(written))
    try:
        visit(opened.get_root_key(), "")
        assert not opened.is_corrupted()
    finally:
        opened.close()
    assert [row for row in sorted(rows) if row[1] not in LIBREGF_WRONG] == [
        row for row in _expected(_tree()) if row[1] not in LIBREGF_WRONG
    ]


def test_regipy_reads_everything_back(written: Path) -> None:
    regipy = pytest.importorskip("regipy.registry", reason="regipy is not installed")
    opened = regipy.RegistryHive(str(written))
    names = [path for path, _ in _tree().walk() if path and not path.startswith("Größe")]
    seen = [f"{entry.path}".lstrip("\\") for entry in opened.recurse_subkeys(fetch_values=False)]
    assert [path for path in sorted(seen) if path and not path.startswith("Gr")] == sorted(names)
    values = opened.get_key("\\Sizes").iter_values(trim_values=False)
    sizes = {value.name: len(value.value) for value in values if value.name.startswith("of ")}
    assert sizes == {f"of {size}": size for size in SIZES}


def test_base_block_is_clean() -> None:
    data = hive.build(_tree(), file_name="SYSTEM", sequence=7)
    assert data[4:8] == data[8:12] == b"\7\0\0\0"
    assert len(data) % 4096 == 0
    assert int.from_bytes(data[40:44], "little") == len(data) - 4096
