"""Rows of a table as a file that a page opened from disk can load, without loss.

A page from a disk may load scripts and nothing else, so a chunk is a script with one call:

    vmtrail("event", 12, "eJy...");        name of the table, number of the chunk, base64 of:

    zlib(  u32 length of the header, little endian
           header, JSON: {"rows": n, "columns": [{"name", "kind", ...places of its parts}]}
           parts, each at a multiple of 8 bytes after the header, itself padded to 8  )

    kind text, list   distinct texts: `lengths` u32 in bytes, `blob` UTF-8 (a list is JSON), and
                      `rows`, which of them each row has: u8, u16 or u32 (`width` bytes); absent
                      where all rows have the first
    kind int, time    `values` i64 (times are ticks); where one is missing, `missing` u8: 1 for it
    kind bool         `values` u8: 0, 1, 2 for missing

No evidence text is ever part of a script, and a column of the same word costs nothing.
"""

import base64
import json
import zlib
from typing import Any, Final

import numpy as np
import pyarrow as pa

from plugins.reports.text_columns import pc, text_bytes

LEVEL: Final = 4
"""zlib's; 6 takes half as long again and saves a thirtieth."""


def script(name: str, number: int, data: bytes) -> bytes:
    """The file of one chunk; -1 is the number of the index."""
    packed = base64.b64encode(zlib.compress(data, LEVEL))
    return b'vmtrail("%s",%d,"%s");\n' % (name.encode(), number, packed)


class _Body:
    """The parts of a chunk one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, data: bytes) -> tuple[int, int]:
        """Offset and length of what was added."""
        place = self.size, len(data)
        self.parts += [data, bytes(-len(data) % 8)]
        self.size += len(data) + -len(data) % 8
        return place


class Chunk:
    """Some rows on their way into a file."""

    def __init__(self, rows: pa.Table, times: frozenset[str] = frozenset()) -> None:
        self.rows, self._times = rows, times
        self.texts: dict[str, tuple[list[str], list[int]]] = {}
        """Distinct texts of a column and how many rows have each; filled by `encode`."""

    def encode(self, counted: frozenset[str] = frozenset()) -> bytes:
        """The bytes above, uncompressed; `counted` are columns whose texts are wanted."""
        body = _Body()
        columns = [self._column(name, body, name in counted) for name in self.rows.column_names]
        header = json.dumps({"rows": self.rows.num_rows, "columns": columns},
                            separators=(",", ":")).encode()
        header += b" " * (-(len(header) + 4) % 8)
        return b"".join([len(header).to_bytes(4, "little"), header, *body.parts])

    def _column(self, name: str, body: _Body, is_counted: bool) -> dict[str, Any]:
        values = self.rows.column(name)
        if pa.types.is_boolean(values.type):
            numbers = pc.fill_null(pc.cast(values, pa.uint8()), 2)
            return {"name": name, "kind": "bool",
                    "values": body.add(numbers.to_numpy().tobytes())}
        if pa.types.is_int64(values.type):
            return {"name": name, "kind": "time" if name in self._times else "int",
                    **_integers(values, body)}
        return {"name": name, "kind": "list" if pa.types.is_list(values.type) else "text",
                **self._text(name, values, body, is_counted)}

    def _text(self, name: str, values: Any, body: _Body, is_counted: bool) -> dict[str, Any]:
        found = _as_text(values).combine_chunks().dictionary_encode()
        distinct, rows = found.dictionary, found.indices.to_numpy()
        if is_counted:
            self.texts[name] = (distinct.to_pylist(),
                                np.bincount(rows, minlength=len(distinct)).tolist())
        lengths = pc.binary_length(distinct).to_numpy().astype("<u4")
        column: dict[str, Any] = {"lengths": body.add(lengths.tobytes()),
                                  "blob": body.add(bytes(text_bytes(distinct)))}
        if len(distinct) > 1:
            width = 1 if len(distinct) <= 1 << 8 else 2 if len(distinct) <= 1 << 16 else 4
            column |= {"width": width, "rows": body.add(rows.astype(f"<u{width}").tobytes())}
        return column


def _as_text(values: Any) -> Any:
    if pa.types.is_string(values.type):
        return values
    texts = [json.dumps(value) if isinstance(value, list) else "" if value is None else str(value)
             for value in values.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _integers(values: Any, body: _Body) -> dict[str, Any]:
    column: dict[str, Any] = {}
    if values.null_count:
        column["missing"] = body.add(values.is_null().to_numpy().astype("u1").tobytes())
        values = pc.fill_null(values, 0)
    return column | {"values": body.add(values.to_numpy().astype("<i8").tobytes())}
