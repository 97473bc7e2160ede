"""The committed images: hashes, file systems and disk chains, told by libewf, TSK and 7-Zip."""

from __future__ import annotations

import hashlib
import ntpath
import re
import shutil
import struct
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import naive_vhd
from tests.corpus.evidence import CORPUS, Seen, media, truth, walk

NAMES = ("vs2005", "ws2008", "ws2012r2", "ws2019", "empty-host", "plain-windows")
HOSTS = ("vs2005", "ws2008", "ws2012r2", "ws2019")
SEVEN_ZIP = shutil.which("7z") or shutil.which("7zz")
Json = dict[str, Any]


def _manifest() -> list[Json]:
    rows: list[Json] = tomllib.loads((CORPUS / "manifest.toml").read_text("utf-8"))["image"]
    return rows


@cache
def _volume(name: str, letter: str) -> dict[str, Seen]:
    row = next(row for row in truth(name)["volumes"] if row["letter"] == letter)
    return walk(media(name), row["offset"], row["size"])


def _content(path: str, name: str = "ws2008") -> bytes:
    return _volume(name, path[:2])[path[2:].replace("\\", "/")].content


@pytest.mark.parametrize("row", _manifest(), ids=lambda row: row["name"])
def test_images_are_those_of_the_manifest(row: Json) -> None:
    data = (CORPUS / row["file"]).read_bytes()
    assert len(data) == row["size"] <= 20 << 20
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert (CORPUS / row["truth"]).stat().st_size <= 2 << 20


def test_manifest_names_every_image() -> None:
    assert {row["file"] for row in _manifest()} == {path.name for path in CORPUS.glob("*.E01")}


@pytest.mark.parametrize("name", NAMES)
def test_media_are_those_of_the_truth(name: str) -> None:
    stated = truth(name)["image"]
    assert len(media(name)) == stated["media_size"]
    assert hashlib.sha256(media(name)).hexdigest() == stated["media_sha256"]
    assert struct.unpack_from("<I", media(name), 440)[0] == stated["disk_signature"]


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_the_building_machine_is_in_the_truth(name: str) -> None:
    text = (CORPUS / "truth" / f"{name}.json").read_text("utf-8")
    assert not re.search(r'"/(tmp|work|home|root)/', text)


def _assert_listing(rows: list[Json], seen: dict[str, Seen]) -> None:
    assert sorted(seen) == [row["path"] for row in rows]
    for row in rows:
        found = seen[row["path"]]
        assert found.si == row["si"], row["path"]
        assert found.streams == row.get("streams", {}), row["path"]
        assert bool(found.reparse) == ("target" in row), row["path"]
        if "target" not in row:
            assert found.is_directory == (row["kind"] == "directory"), row["path"]
        assert found.fn == row["fn"], row["path"]
        if row["kind"] == "file":
            assert len(found.content) == row["size"], row["path"]
            assert hashlib.sha256(found.content).hexdigest() == row["sha256"], row["path"]


@pytest.mark.parametrize(
    ("name", "letter"),
    [(name, row["letter"]) for name in NAMES for row in truth(name)["volumes"]],
)
def test_volumes_hold_what_the_truth_lists(name: str, letter: str) -> None:
    row = next(row for row in truth(name)["volumes"] if row["letter"] == letter)
    _assert_listing(row["files"], _volume(name, letter))
    boot = media(name)[row["offset"] : row["offset"] + 512]
    assert f"{struct.unpack_from('<Q', boot, 0x48)[0]:016X}" == row["serial"]
    assert struct.unpack_from("<I", boot, 0x1C)[0] * 512 == row["offset"]


def test_links_point_where_the_truth_says() -> None:
    for volume in truth("ws2008")["volumes"]:
        for row in volume["files"]:
            if "target" in row:
                data = _volume("ws2008", volume["letter"])[row["path"]].reparse
                assert ("\\??\\" + row["target"]).encode("utf-16-le") in data


def _chains(name: str = "ws2008") -> list[Json]:
    rows: list[Json] = truth(name)["chains"]
    return rows


def _name(chain: Json | str) -> str:
    if isinstance(chain, str):
        return chain
    stem = ntpath.basename(chain["layers"][0]["path"])[:14]
    return f"{chain['machine_name']}-{chain['state'][:8]}-{stem}"


def _flat(image: bytes) -> bytes:
    """The layer with its relative locator naming a file in its own folder, for 7-Zip."""
    if image.startswith(b"vhdxfile") or naive_vhd.kind(image) != 4:
        return image
    out = bytearray(image)
    header = bytearray(out[512:1536])
    for row in range(576, 768, 24):
        code, _, length, _, at = struct.unpack_from(">4sIIIQ", header, row)
        if code == b"W2ru":
            text = bytes(out[at : at + length]).decode("utf-16-le")
            name = (".\\" + ntpath.basename(text)).encode("utf-16-le")
            out[at : at + len(name)] = name
            struct.pack_into(">I", header, row + 8, len(name))
    header[36:40] = bytes(4)
    struct.pack_into(">I", header, 36, ~sum(header) & 0xFFFFFFFF)
    out[512:1536] = header
    return bytes(out)


@pytest.mark.needs_7z
@pytest.mark.skipif(SEVEN_ZIP is None, reason="7z is not installed")
@pytest.mark.parametrize(
    ("name", "chain"),
    [(name, chain) for name in HOSTS for chain in _chains(name) if not chain["missing_parent"]],
    ids=_name,
)
def test_7z_decodes_every_chain_to_the_media_of_the_truth(
    name: str, chain: Json, tmp_path: Path
) -> None:
    paths = [tmp_path / ntpath.basename(layer["path"]) for layer in chain["layers"]]
    for path, layer in zip(paths, chain["layers"], strict=True):
        path.write_bytes(_flat(_content(layer["path"], name)))
    kind = "vhdx" if "link_id" in chain["layers"][0] else "vhd"
    command = [str(SEVEN_ZIP), "x", "-so", f"-t{kind}", str(paths[0])]
    decoded = subprocess.run(command, capture_output=True, check=True).stdout
    assert len(decoded) == chain["media_size"]
    assert hashlib.sha256(decoded).hexdigest() == chain["media_sha256"]
    if chain["guest"] is None:
        return
    volume = chain["guest"]["volume"]
    seen = walk(decoded, volume["offset"], volume["size"])
    _assert_listing(volume["files"], seen)


def test_the_child_without_parent_has_exactly_the_unreadable_ranges_of_the_truth() -> None:
    chain = next(chain for chain in _chains() if chain["missing_parent"])
    image = _content(chain["layers"][0]["path"])
    sectors = [naive_vhd.read_sector(image, number) for number in range(chain["media_size"] // 512)]
    missing = {number for number, data in enumerate(sectors) if data is None}
    stated = {
        number
        for at, size in chain["unreadable"]
        for number in range(at // 512, (at + size) // 512)
    }
    assert missing == stated
    zeroed = b"".join(data or bytes(512) for data in sectors)
    assert hashlib.sha256(zeroed).hexdigest() == chain["media_sha256"]


def test_chains_have_bitmap_bytes_that_mix_present_and_absent_sectors() -> None:
    image = _content(
        next(chain for chain in _chains() if chain["state"] == "now")["layers"][0]["path"]
    )
    header = struct.unpack_from(">Q", image, 16)[0]
    bat, entries = struct.unpack_from(">Q", image, header + 16)[0], 20
    blocks = [at for at in struct.unpack_from(f">{entries}I", image, bat) if at != 0xFFFFFFFF]
    assert blocks != sorted(blocks)
    bits = b"".join(image[at * 512 : at * 512 + 512] for at in blocks)
    assert sum(byte not in (0, 255) for byte in bits) > 5


def test_the_deleted_configuration_can_still_be_carved() -> None:
    row = truth("ws2008")["volumes"][0]["deleted"][0]
    guid = ntpath.splitext(ntpath.basename(row["path"].replace("/", "\\")))[0]
    assert row["path"] not in _volume("ws2008", "C:")
    leaf = f'<logical_id type="string">{guid}</logical_id>'.encode("utf-16-le")
    assert leaf in media("ws2008")


def test_recipes_know_nothing_of_the_analyzer() -> None:
    for module in (CORPUS / "make").glob("*.py"):
        assert not re.search(r"^\s*(from|import) (analyzer|plugins)\b", module.read_text(), re.M)
