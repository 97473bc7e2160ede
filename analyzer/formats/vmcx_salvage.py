"""What damage leaves of a HyperVStorage file: lost tables, lost indexes, lost containers.

Values are never guessed: a key whose checksum does not hold is lost. Containers are another
matter, because a lost one takes the path of all keys below it: an older copy of it counts, or
the one change of one byte that makes its checksum hold again. Both are said.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from analyzer.formats import vmcx_keys
from analyzer.formats.vmcx_file import PAGE, Pages
from analyzer.formats.vmcx_keys import NODE, Entry, Table
from analyzer.formats.vmcx_log import ReplayLog

MOST_SEARCHED: Final = 1 << 30
"""Bytes of unclaimed space in which key tables are looked for."""
_CHUNK: Final = 1 << 20
_LITTLE: Final = 16 << 20
"""Bytes of unclaimed space that are looked at closely."""
_HEAD = re.compile(rb"(?=\x02\x00)")
_ENTRY: Final = 21
_CRC_AT: Final = 12
_NODE_DATA: Final = 12
_LONGEST: Final = 255


def gaps(claimed: Iterable[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """(start, end) of what no range claims, in [0, size)."""
    rows, at = [], 0
    for start, end in sorted(claimed):
        if start > at:
            rows.append((at, min(start, size)))
        at = max(at, end)
        if at >= size:
            return rows
    return [*rows, (at, size)]


def table_places(pages: Pages, ranges: Sequence[tuple[int, int]], *, wide: bool) -> Iterator[int]:
    """Where in `ranges` key tables begin: at pages, in little space at any byte.

    In little space pages count too that hold keys as a table would, its head being damaged.
    """
    if sum(end - start for start, end in ranges) > _LITTLE:
        yield from _at_pages(pages, ranges)
        return
    for start, end in ranges:
        data = pages.read(start, end - start)
        heads = [match.start() for match in _HEAD.finditer(data)
                 if vmcx_keys.table_header(data, match.start()) is not None]
        yield from (start + at for at in heads)
        for at in range(-start % PAGE, len(data), PAGE):
            if not any(head - PAGE < at < head + PAGE for head in heads) \
                    and _holds_keys(data[at:at + PAGE], wide=wide):
                yield start + at


def _at_pages(pages: Pages, ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    left = MOST_SEARCHED
    for start, end in ranges:
        start = -(-start // PAGE) * PAGE
        end = min(end, start + left)
        left -= max(0, end - start)
        for chunk in range(start, end, _CHUNK):
            data = pages.read(chunk, min(_CHUNK, end - chunk))
            yield from (chunk + at for at in range(0, len(data), PAGE)
                        if vmcx_keys.table_header(data, at) is not None)


def _holds_keys(page: bytes, *, wide: bool) -> bool:
    """Whether two keys follow each other somewhere in the page."""
    if not any(page):
        return False
    work = vmcx_keys.Work(PAGE << 4)
    found = vmcx_keys.find_entries(page, wide=wide, work=work)
    return any(at + entry.size in found for at, entry in found.items())


def fitting_index(table: Table, known: Mapping[int, Table], headless: Iterable[Table],
                  log: ReplayLog | None, *, listed: bool) -> int | None:
    """The index that a table without a valid head must have had.

    By the log, which wrote a table with a head to this place; else the index under which most
    keys have their parent at a place where this table has a container; else, where an object table
    lists it, the one that stands in the damaged head. None where nothing tells.
    """
    for entry in reversed(log.entries if log is not None else ()):
        if entry.destination == table.at and log is not None:
            head = vmcx_keys.table_header(log.content(entry))
            if head is not None and head[0] not in known:
                return head[0]
    votes: Counter[int] = Counter()
    for other in (*known.values(), *headless):
        for key in other.entries.values():
            node = table.entries.get(key.parent[1])
            if key.parent[0] not in known and node is not None and node.is_node:
                votes[key.parent[0]] += 1
    if votes:
        return min(votes, key=lambda index: (-votes[index], index))
    claimed = vmcx_keys.claimed_index(table.data)
    return claimed if listed and claimed and claimed not in known else None


def repaired_node(data: bytes, at: int) -> Entry | None:
    """The container at `at` in a table, where one wrong byte is all that is wrong with it.

    A false repair needs one of some 25,000 candidates to match a 32-bit checksum by chance.
    """
    nul = data.find(b"\0", at + _ENTRY, at + _ENTRY + _LONGEST)
    symbols = {data[at + _ENTRY - 1]} if at + _ENTRY <= len(data) else set()
    if nul >= 0:
        symbols.add(nul + 1 - at - _ENTRY)
    for count in sorted(symbols):
        raw = data[at:at + _ENTRY + count + _NODE_DATA]
        if len(raw) < _ENTRY + count + _NODE_DATA:
            continue
        for candidate in _one_byte_changes(raw):
            entry = vmcx_keys.read_entry(candidate, 0, wide=False)
            if entry is not None and entry.type == NODE and entry.name:
                return entry
    return None


def _one_byte_changes(raw: bytes) -> Iterator[bytes]:
    """`raw` with one byte changed so that its checksum holds; CRC-32 is linear in the change."""
    stored = int.from_bytes(raw[_CRC_AT:_CRC_AT + 4], "little")
    body = raw[:_CRC_AT] + bytes(4) + raw[_CRC_AT + 4:]
    wanted = zlib.crc32(body) ^ stored
    if sum(byte != 0 for byte in wanted.to_bytes(4, "little")) <= 1:
        yield raw[:_CRC_AT] + zlib.crc32(body).to_bytes(4, "little") + raw[_CRC_AT + 4:]
    nothing = zlib.crc32(bytes(len(body)))
    for at in range(len(body)):
        if _CRC_AT <= at < _CRC_AT + 4:
            continue
        effects = [0]
        for bit in range(8):
            one = bytes(at) + bytes((1 << bit,)) + bytes(len(body) - at - 1)
            change = zlib.crc32(one) ^ nothing
            effects += [effect ^ change for effect in effects]
        if wanted in effects[1:]:
            yield raw[:at] + bytes((raw[at] ^ effects.index(wanted),)) + raw[at + 1:]
