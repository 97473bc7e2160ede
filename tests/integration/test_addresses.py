"""Addresses into the bundled image, and what is said when they lead nowhere."""

import hashlib
import json
from pathlib import Path

import pytest

from analyzer.address import open_address
from analyzer.errors import EvidenceError, MissingParent, UsageError

DC01 = "C:/ProgramData/Microsoft/Windows/Hyper-V/Snapshots/EE3EE17C-8F33-4833-BB51-9ABA84410F3A"


@pytest.fixture(scope="module")
def image(corpus: Path) -> str:
    return str(corpus / "ws2008.E01")


@pytest.mark.parametrize(("path", "kind"), [
    ("", "volumes"), ("!/C:", "directory"), ("!/p2/VMs", "directory"),
    ("!/c:/users/PUBLIC", "directory"), ("!/C:/Documents and Settings/Public", "directory"),
    ("!/D:/VMs/WEB01/WEB01.vhd", "file"), ("!/D:/VMs/WEB01/WEB01.vhd!/", "volumes"),
    ("!/D:/VMs/WEB01/WEB01.vhd!/C:/Windows", "directory"),
    ("!/C:/Users/Administrator/Desktop/snapshots.txt:Zone.Identifier", "file"),
])
def test_what_an_address_leads_to(image: str, path: str, kind: str) -> None:
    located = open_address(image + path)
    assert located.kind == kind
    assert located.list()
    assert located.facts()["address"].startswith("ws2008.E01")


def test_every_listed_name_of_a_guest_state_can_be_read_again(image: str, corpus: Path) -> None:
    truth = json.loads((corpus / "truth" / "ws2008.json").read_text())
    chain = next(c for c in truth["chains"] if c["machine_name"] == "DC01" and c["state"] == "now")
    disk = chain["layers"][0]["path"].replace("\\", "/")
    read = 0
    for row in chain["guest"]["volume"]["files"]:
        if row["kind"] == "file" and "hives" not in row["path"] and read < 5:
            located = open_address(f"{image}!/{disk}!/p1{row['path']}")
            data = located.read(0, located.size)
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            again = open_address(f"{Path(image).parent}/{located.facts()['address']}")
            assert again.read(0, 100) == data[:100]
            read += 1
    assert read == 5


@pytest.mark.parametrize(("path", "words"), [
    ("!/C:/Usrs", "there is Users"), ("!/Q:/x", "the volumes are C:, D:"),
    ("!/D:/VMs/TEST02/TEST02.vhd!/C:/", "partition table"),
    ("!/C:/Windows!/C:/x", "virtual disk file"),
])
def test_mistakes_are_explained(image: str, path: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_address(image + path)


def test_a_file_that_is_no_disk_and_a_directory_that_is_no_file(image: str) -> None:
    with pytest.raises(EvidenceError, match="no virtual disk"):
        open_address(f"{image}!/C:/bootmgr!/p1/x")
    with pytest.raises(UsageError, match="no file"):
        open_address(f"{image}!/C:/Users").read(0, 1)


def test_sectors_of_a_missing_parent_are_not_read(image: str) -> None:
    located = open_address(f"{image}!/D:/VMs/TEST02/TEST02.vhd!/")
    with pytest.raises(MissingParent):
        located.system.media[0].blocks.read_at(0, 512)
