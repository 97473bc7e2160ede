"""Event logs and VMCX files inside the committed images, by libevtx and by their checksums."""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.corpus.evidence import media, truth, walk

_LOGS = "/Windows/System32/winevt/Logs"
_SYSTEM = "{*}System/{*}"
HOSTS = ("ws2012r2", "ws2019")


def _files(name: str) -> dict[str, bytes]:
    """Content of every file of the host's volumes by Windows path."""
    return {f"{row['letter']}{path}": seen.content for row in truth(name)["volumes"]
            for path, seen in walk(media(name), row["offset"], row["size"]).items()}


@pytest.mark.parametrize("name", HOSTS)
def test_libevtx_reads_every_event(name: str) -> None:
    pyevtx: Any = importlib.import_module("pyevtx")
    files, stated = _files(name), truth(name)["events"]
    for channel in {row["channel"] for row in stated}:
        log = pyevtx.file()
        log.open_file_object(io.BytesIO(files[f"C:{_LOGS}/{channel.replace('/', '%4')}.evtx"]))
        said = [row for row in stated if row["channel"] == channel]
        rows, bad = [], []
        for number, row in enumerate(said):
            try:
                rows.append(log.get_record(number))
            except OSError:
                bad.append(row)
        assert log.number_of_records == len(said)
        assert bad == [row for row in said if row["flaw"]]
        said = [row for row in said if not row["flaw"]]
        assert [(row.identifier, row.get_written_time_as_integer()) for row in rows] == [
            (row["record_id"], row["at"]) for row in said]
        for row, wanted in zip(rows, said, strict=True):
            event = ElementTree.fromstring(row.xml_string)
            assert event.findtext(f"{_SYSTEM}EventID") == str(wanted["event_id"])
            assert event.findtext(f"{_SYSTEM}Computer") == wanted["computer"]
            provider, security = (event.find(f"{_SYSTEM}{name}") for name in (
                "Provider", "Security"))
            assert provider is not None
            assert provider.get("Name") == wanted["provider"]
            assert security is not None
            assert security.get("UserID", "") == wanted["user_sid"]
            assert wanted["vm_name"] in row.xml_string
            assert wanted["vm_id"] in row.xml_string
        log.close()


@pytest.mark.parametrize("name", HOSTS)
def test_configurations_have_two_headers_that_verify(name: str) -> None:
    """HyperVStorage: CRC-32 over 46 bytes with the field zeroed; sequences differ by one."""
    found = {path: data for path, data in _files(name).items()
             if path.lower().endswith((".vmcx", ".vmrs"))}
    assert len(found) == truth(name)["storage_files"]
    for path, data in found.items():
        heads = [data[at:at + 46] for at in (0, 4096)]
        sequences = [struct.unpack_from("<H", head, 8)[0] for head in heads]
        assert abs(sequences[0] - sequences[1]) == 1, path
        for head in heads:
            assert head[:4] == b"\x14\x20\x28\x01", path
            body = head[:4] + bytes(4) + head[8:]
            assert zlib.crc32(body) == struct.unpack_from("<I", head, 4)[0], path
