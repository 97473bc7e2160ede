"""`vmtrail verify`: what still holds of a case, and what damage to the evidence it finds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import existing
from analyzer.case.query import CaseTables
from analyzer.case.sample import TABLES_CITED, citations
from analyzer.evidence import open_evidence
from tests.integration.conftest import Vmtrail


@pytest.fixture(scope="module")
def raw(corpus: Path, vmtrail: Vmtrail, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the disk of plain-windows.E01 as `disk.dd`, and a case of it, `case`."""
    folder = tmp_path_factory.mktemp("raw")
    (image,) = open_evidence([corpus / "plain-windows.E01"])
    with (folder / "disk.dd").open("wb") as out:
        for offset in range(0, image.media.size, 1 << 20):
            out.write(image.media.read_at(offset, min(1 << 20, image.media.size - offset)))
    done = vmtrail("-q", "analyze", folder / "disk.dd", "-o", folder / "case")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    """The same folder, to do damage in; the case still names the first one."""
    return shutil.copytree(raw, tmp_path / "copy")


def file_rows(case: Path) -> list[dict[str, Any]]:
    return [row for row in CaseTables(existing(case)).rows("file_entry")
            if not row["is_directory"] and row["size"] > 0 and not row["path"].startswith("C:\\$")]


def answer(vmtrail: Vmtrail, *arguments: object) -> tuple[int, dict[str, Any]]:
    done = vmtrail("verify", *arguments, "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def broken(data: dict[str, Any]) -> dict[str, str]:
    return {told["place"]: told["why"] for told in data["told"]
            if told["result"] == "no longer holds"}


@pytest.mark.validates("VMT-CIT-01")
def test_everything_holds_on_the_bundled_host(case: Path, vmtrail: Vmtrail) -> None:
    code, data = answer(vmtrail, case, "--share", "1")
    assert code == 0, data["told"]
    assert broken(data) == {}
    tables = CaseTables(existing(case))
    assert data["counts"]["file_entry"] == {"holds": len(list(tables.rows("file_entry")))}
    assert data["counts"]["disk_layer"]["holds"] > 10
    hashes = [told["place"] for told in data["told"] if told["subject"] == "evidence"]
    assert hashes == ["ws2008.E01: md5", "ws2008.E01: sha1"]


@pytest.mark.validates("VMT-CIT-01")
@pytest.mark.parametrize(("table", "begins"), [
    ("log_event", b"**\0\0"), ("host_service", b"nk"), ("guest_identity", b"nk")])
def test_facts_inside_files_lead_to_their_bytes_in_the_image(
        case_of: Callable[[str], Path], corpus: Path, table: str, begins: bytes) -> None:
    """A record of a log and a key of a hive begin as their formats say, in guests too."""
    (image,) = open_evidence([corpus / "ws2019.E01"])
    rows = list(CaseTables(existing(case_of("ws2019"))).rows(table))
    found = {image.media.read_at(row["source_image_offset"], len(begins)) for row in rows}
    assert found == {begins}
    assert {row["source_layer"].rpartition("/")[2][:5] for row in rows} >= {"APP01"}
    assert all(row["source_path"].count("!") == (row["source_layer"] != "") for row in rows)


@pytest.mark.validates("VMT-CIT-01")
def test_only_what_is_no_file_has_no_byte_in_the_image(case: Path) -> None:
    tables, nowhere = CaseTables(existing(case)), set()
    for table in TABLES_CITED:
        nowhere |= {row["source_path"].rpartition("/")[2] for row in tables.rows(table)
                    if row["source_entry"] is not None and row["source_image_offset"] is None}
    assert nowhere == set()


@pytest.mark.validates("VMT-CIT-01")
def test_a_record_that_was_overwritten_is_told(copy: Path, vmtrail: Vmtrail) -> None:
    victim = file_rows(copy / "case")[5]
    with (copy / "disk.dd").open("r+b") as disk:
        disk.seek(victim["source_image_offset"])
        assert disk.read(4) == b"FILE"
        disk.seek(victim["source_image_offset"])
        disk.write(bytes(1024))
    code, data = answer(vmtrail, copy / "case", "--evidence", copy, "--share", "1")
    assert code == 4
    place = f"disk.dd!{victim['source_path']}"
    assert place in broken(data)
    others = set(broken(data)) - {place}
    assert all(other.startswith(place) or "$MFT" in other for other in others), others


@pytest.mark.validates("VMT-CIT-01")
def test_a_changed_size_is_told_with_both_values(copy: Path, vmtrail: Vmtrail) -> None:
    victim = next(r for r in file_rows(copy / "case") if r["si_modified_at"] is not None)
    ticks = victim["si_modified_at"].to_bytes(8, "little")
    with (copy / "disk.dd").open("r+b") as disk:
        disk.seek(victim["source_image_offset"])
        record = disk.read(1024)
        at = record.index(ticks, 0x38)
        disk.seek(victim["source_image_offset"] + at)
        disk.write((victim["si_modified_at"] + 10_000_000).to_bytes(8, "little"))
    code, data = answer(vmtrail, copy / "case", "--evidence", copy, "--share", "1")
    assert code == 4
    assert any(" was 20" in why and ", is 20" in why for why in broken(data).values())


@pytest.mark.validates("VMT-CIT-01")
def test_an_image_that_was_cut_is_told(copy: Path, vmtrail: Vmtrail) -> None:
    with (copy / "disk.dd").open("r+b") as disk:
        disk.truncate((copy / "disk.dd").stat().st_size - 4096)
    code, data = answer(vmtrail, copy / "case", "--evidence", copy)
    assert code == 4
    assert any("bytes" in why for why in broken(data).values())


@pytest.mark.validates("VMT-CIT-01")
def test_a_hash_that_is_another_is_told(case: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    other = shutil.copytree(case, tmp_path / "case")
    manifest = json.loads((other / "case.json").read_text())
    manifest["images"][0]["media"]["stored_sha1"] = "0" * 40
    (other / "case.json").write_text(json.dumps(manifest))
    code, data = answer(vmtrail, other, "--share", "0.01")
    assert code == 4
    assert list(broken(data)) == ["ws2008.E01: sha1"]
    code, data = answer(vmtrail, other, "--share", "0.01", "--no-hash")
    assert (code, data["counts"]["evidence"]["not checked"]) == (0, 1)


def test_a_share_is_the_same_for_the_same_seed(case: Path) -> None:
    def places(share: float, seed: int) -> list[str]:
        return [f"{one.table} {one.source}" for one in citations(existing(case), share, seed)]

    assert places(0.3, 7) == places(0.3, 7) != places(0.3, 8)
    everything = places(1, 7)
    assert set(places(0.3, 7)) < set(everything)
    assert len(everything) * 0.2 < len(places(0.3, 7)) < len(everything) * 0.4
    assert {"problem", "coverage", "event", "run"}.isdisjoint(TABLES_CITED)


def test_mistakes_are_explained(raw: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    for hint, arguments in (("not a case", [tmp_path]), ("--evidence FOLDER", [
            raw / "case", "--evidence", tmp_path]),
            ("0.1 is a tenth", [raw / "case", "--share", "10%"]),
            ("0.1 is a tenth", [raw / "case", "--share", "0"])):
        done = vmtrail("verify", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert hint in done.stderr
