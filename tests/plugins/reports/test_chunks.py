"""Tables beside the pages, read back after the layout that chunks.py states."""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plugins.reports.html.chunks import Chunk
from plugins.reports.html.shipped import ship
from tests.plugins.reports import case
from tests.plugins.reports.tables import FakeTables


def opened(file: bytes) -> tuple[str, int, bytes]:
    """Name, number and content of a file of data."""
    found = re.fullmatch(rb'vmtrail\("([a-z_]+)",(-?\d+),"([A-Za-z0-9+/=]*)"\);\n', file)
    assert found is not None
    return found[1].decode(), int(found[2]), zlib.decompress(base64.b64decode(found[3]))


def columns(data: bytes) -> dict[str, list[Any]]:
    """The columns of a chunk."""
    length = int.from_bytes(data[:4], "little")
    header = json.loads(data[4:4 + length])
    body = data[4 + length:]
    assert (4 + length) % 8 == 0

    def part(place: list[int], kind: str) -> list[int]:
        assert place[0] % 8 == 0
        found: list[int] = np.frombuffer(body[place[0]:sum(place)], f"<{kind}").tolist()
        return found

    return {column["name"]: list(values(column, header["rows"], body, part))
            for column in header["columns"]}


def values(column: dict[str, Any], rows: int, body: bytes, part: Any) -> Iterator[Any]:
    if column["kind"] == "bool":
        yield from ({0: False, 1: True, 2: None}[n] for n in part(column["values"], "u1"))
    elif "values" in column:
        missing = part(column["missing"], "u1") if "missing" in column else [0] * rows
        yield from (None if gone else n
                    for n, gone in zip(part(column["values"], "i8"), missing, strict=True))
    else:
        texts, at = [], column["blob"][0]
        for length in part(column["lengths"], "u4"):
            texts.append(body[at:at + length].decode())
            at += length
        which = part(column["rows"], f"u{column['width']}") if "rows" in column else [0] * rows
        yield from (json.loads(texts[n]) if column["kind"] == "list" else texts[n] for n in which)


@pytest.mark.parametrize("distinct", [1, 2, 256, 257, 65_537])
def test_every_value_comes_back(distinct: int) -> None:
    count = distinct + 3
    rows: dict[str, list[Any]] = {
        "text": [f"漢{n % distinct}\x00\ufeff" for n in range(count)],
        "number": ([None, -1 << 63, (1 << 63) - 1, 0] * count)[:count],
        "seen_at": list(range(count)),
        "flag": ([None, True, False] * count)[:count],
        "names": ([["a", '"</script>'], [], ["é"]] * count)[:count]}
    types: dict[str, pa.DataType] = {
        "text": pa.string(), "number": pa.int64(), "seen_at": pa.int64(), "flag": pa.bool_(),
        "names": pa.list_(pa.string())}
    chunk = Chunk(pa.table(rows, pa.schema(types)), frozenset({"seen_at"}))
    data = chunk.encode(frozenset({"text"}))
    assert columns(data) == rows
    texts, counts = chunk.texts["text"]
    assert dict(zip(texts, counts, strict=True)) == {
        text: rows["text"].count(text) for text in texts[:3]} | dict(
        zip(texts[3:], counts[3:], strict=True))
    assert sum(counts) == count


def test_all_rows_are_shipped_and_the_index_says_where(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.reports.html.shipped.ROWS", 10)
    tables = FakeTables([*case.records(), *case.files(30)])
    assert ship(tables, "event", tmp_path, "at") == len(tables.records["event"])
    _, _, data = opened((tmp_path / "event.js").read_bytes())
    index = json.loads(data)
    rows: list[dict[str, Any]] = []
    for number, (count, first, last) in enumerate(index["chunks"]):
        name, stated, data = opened((tmp_path / f"event-{number}.js").read_bytes())
        assert (name, stated) == ("event", number)
        found = columns(data)
        assert len(found["at"]) == count
        assert (str(min(found["at"])), str(max(found["at"]))) == (first, last)
        for column, facet in index["facets"].items():
            texts = [facet["values"][place][0] for place in facet["chunks"][number]]
            assert sorted(texts) == sorted(set(found[column]))
        rows += [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    assert rows == tables.events()
    for column, facet in index["facets"].items():
        assert dict(facet["values"]) == tables.counts("event", column)


def test_rows_that_are_long_make_smaller_chunks(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.reports.html.shipped.BYTES", 4_000)
    assert ship(FakeTables([*case.files(100)]), "event", tmp_path, "at") > 500
    sizes = [len(opened(path.read_bytes())[2]) for path in tmp_path.glob("event-*.js")]
    assert len(sizes) > 10
    assert max(sizes) < 12_000


def test_a_filter_with_too_many_values_is_none(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.reports.html.shipped._VALUES", 2)
    ship(FakeTables([*case.records()]), "event", tmp_path, "at")
    index = json.loads(opened((tmp_path / "event.js").read_bytes())[2])
    assert "vm_id" in index["facets"]
    assert "what" not in index["facets"]


def test_an_empty_table_leaves_no_file(tmp_path: Path) -> None:
    assert ship(FakeTables([]), "event", tmp_path, "at") == 0
    assert not list(tmp_path.iterdir())
