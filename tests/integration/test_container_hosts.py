"""The bundled host inside other containers: the same bytes and the same places as in its E01."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.address import chain_at
from analyzer.evidence import open_evidence
from analyzer.source import Source
from analyzer.system import WindowsSystem, open_systems
from analyzer.volume import Item

FORMATS = {"qcow2": ["-c"], "vmdk": ["-o", "subformat=twoGbMaxExtentSparse"],
           "vpc": ["-o", "force_size"], "vhdx": []}
_STEP = 1 << 20


@pytest.fixture(scope="module")
def chain(corpus: Path) -> Any:
    truth = json.loads((corpus / "truth" / "ws2008.json").read_text())
    return next(c for c in truth["chains"] if c["machine_name"] == "DC01" and c["state"] == "now")


@pytest.fixture(scope="module")
def raw(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The media of ws2008.E01 as a sparse file."""
    (image,) = open_evidence([corpus / "ws2008.E01"])
    path = tmp_path_factory.mktemp("raw") / "ws2008.raw"
    with path.open("wb") as file:
        file.truncate(image.blocks.size)
        for offset in range(0, image.blocks.size, _STEP):
            data = image.blocks.read_at(offset, _STEP)
            if any(data):
                file.seek(offset)
                file.write(data)
    return path


def host_and_disk(image: Path, path: str) -> tuple[WindowsSystem, Item]:
    (system,) = open_systems(open_evidence([image]))
    item = system.find(path)
    assert item is not None
    return system, item


def place(item: Item) -> Source:
    return replace(item.placed(), evidence="")


@pytest.mark.needs_qemu
@pytest.mark.parametrize("kind", FORMATS)
def test_guests_and_places_are_those_of_the_e01(
        corpus: Path, raw: Path, tmp_path: Path, chain: Any, kind: str) -> None:
    disk = tmp_path / "host.img"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, *FORMATS[kind], raw, disk],
                   check=True)
    path = chain["layers"][0]["path"]
    system, item = host_and_disk(disk, path)
    _, expected = host_and_disk(corpus / "ws2008.E01", path)
    assert place(item) == place(expected)
    assert place(item).image_offset is not None
    guest = chain_at(system, item).disk
    digest = hashlib.sha256()
    for offset in range(0, guest.size, _STEP):
        digest.update(guest.read_at(offset, _STEP))
    assert digest.hexdigest() == chain["media_sha256"]
