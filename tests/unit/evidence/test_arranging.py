"""Each image gets the files that it is made of, and a bad one takes none of the others along."""

from pathlib import Path

from analyzer.evidence import arrange, open_evidence
from tests.unit.evidence.ewf_writer import Writer
from tests.unit.evidence.test_containers import MEDIA, chain, put, split_vmdk


def arranged(*paths: Path) -> dict[str, list[Path]]:
    return {image.name: [paths[place] for place in image.paths] for image in arrange(paths)}


def opened_apart(found: dict[str, list[Path]]) -> list[bytes]:
    """The media of each image, opened from its files alone."""
    media = []
    for paths in found.values():
        (image,) = open_evidence(paths)
        media.append(image.blocks.read_at(0, image.blocks.size))
    return media


def test_images_opened_apart_are_those_opened_together(tmp_path: Path) -> None:
    base, middle, top, media = chain(tmp_path)
    raw = put(tmp_path, "other.dd", MEDIA)
    descriptor, disk = split_vmdk(tmp_path)
    paths = [base, raw, top, middle, *sorted(tmp_path.glob("*.vmdk")), raw]
    found = arranged(*paths)
    assert list(found) == [image.name for image in open_evidence(paths)]
    assert found["disk.avhd"] == [top, middle, base]
    assert found["disk.vmdk"][0] == descriptor
    assert opened_apart(found) == [MEDIA, media, disk]


def test_a_parent_serves_two_children(tmp_path: Path) -> None:
    base, middle, top, _ = chain(tmp_path)
    assert arranged(base, middle) == {"disk.avhd": [middle, base]}
    assert arranged(base, top) == {"base.vhd": [base], "disk.avhd": [top]}  # middle is missing


def test_segments_come_together_from_two_folders(tmp_path: Path) -> None:
    parts = Writer(MEDIA[:65536]).write()
    (tmp_path / "far").mkdir()
    paths = [put(tmp_path / ("far" if number == 1 else ""), f"disk.E{number + 1:02}", data)
             for number, data in enumerate(parts)]
    found = arranged(*reversed(paths))
    assert set(found["disk.E01"]) == set(paths)
    assert opened_apart(found) == [MEDIA[:65536]]


def test_names_that_are_alike_are_told_apart(tmp_path: Path) -> None:
    for folder in "abc":
        (tmp_path / folder).mkdir()
    paths = [put(tmp_path / "a", "disk.dd", MEDIA), put(tmp_path / "b", "disk.dd", MEDIA),
             put(tmp_path / "c", "DISK.DD", MEDIA)]
    assert list(arranged(*paths)) == ["disk.dd", "disk.dd~2", "DISK.DD~3"]


def test_files_that_contradict_each_other_stand_alone(tmp_path: Path) -> None:
    good = put(tmp_path, "good.dd", MEDIA)
    headless = put(tmp_path, "lost.002", MEDIA)
    torn = put(tmp_path, "torn.vhd", b"conectix" + bytes(1016))
    found = arranged(headless, good, torn)
    assert found == {"lost.002": [headless], "good.dd": [good], "torn.vhd": [torn]}
