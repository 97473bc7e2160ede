"""Virtual disks as evidence: against their construction, against qemu, and real files."""

import hashlib
import random
import subprocess
import sys
from collections.abc import Callable
from mmap import mmap
from pathlib import Path

import pytest

from analyzer import attention
from analyzer.engine.tasks import Limits
from analyzer.engine.watch import PAGE_SIZE, ChildWatch
from analyzer.errors import EvidenceError, Refused, Unreadable, Unsupported
from analyzer.evidence import AcquiredImage, open_evidence
from corpus.make import vhd
from tests.unit.evidence.container_writers import descriptor, qcow1, qcow2, sparse

IDS = [bytes([n]) * 16 for n in range(1, 6)]
CHANCE = random.Random(20081109)
MEDIA = CHANCE.randbytes(70_000) + bytes(150_000) + b"text" * 9000 + bytes(40_608)
"""Random bytes, zeros, text, zeros; 296608 bytes are no whole number of clusters."""
MEDIA = MEDIA[:len(MEDIA) // 512 * 512]


def one(path: Path) -> AcquiredImage:
    (image,) = open_evidence([path])
    return image


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def whole(image: AcquiredImage) -> bytes:
    return image.blocks.read_at(0, image.blocks.size)


WRITERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "version 3": ("QCOW2", qcow2),
    "version 2": ("QCOW2", lambda media: qcow2(media, version=2)),
    "small clusters": ("QCOW2", lambda media: qcow2(media, bits=9)),
    "large clusters": ("QCOW2", lambda media: qcow2(media, bits=16)),
    "compressed clusters": ("QCOW2", lambda media: qcow2(media, compress=True)),
    "version 1": ("QCOW", qcow1),
    "version 1 compressed": ("QCOW", lambda media: qcow1(media, compress=True)),
    "sparse": ("VMDK", sparse),
    "sparse without copy": ("VMDK", lambda media: sparse(media, redundant=False)),
    "compressed grains": ("VMDK", lambda media: sparse(media, compress=True)),
    "fixed": ("VHD", lambda media: vhd.fixed(media, unique_id=IDS[0], created=1)),
    "dynamic": ("VHD", lambda media: vhd.dynamic(media, unique_id=IDS[0], created=1)),
}


@pytest.mark.parametrize("write", [qcow2, sparse])
def test_one_that_killed_a_process_is_not_opened_again(
        tmp_path: Path, write: Callable[[bytes], bytes]) -> None:
    path = put(tmp_path, "disk.img", write(MEDIA))
    attention.watch(ChildWatch(mmap(-1, PAGE_SIZE), ["image disk.img"], Limits()))
    try:
        with pytest.raises(Refused):
            open_evidence([path])
    finally:
        attention.watch(None)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_disk_inside(tmp_path: Path, kind: str) -> None:
    form, write = WRITERS[kind]
    image = one(put(tmp_path, "disk.img", write(MEDIA)))
    assert (image.name, image.format, image.blocks.size) == ("disk.img", form, len(MEDIA))
    assert whole(image) == MEDIA
    assert not image.notices
    for _ in range(50):  # across clusters, grains, and the end
        offset, length = CHANCE.randrange(len(MEDIA)), CHANCE.randrange(20_000)
        assert image.blocks.read_at(offset, length) == MEDIA[offset:offset + length]
    assert image.blocks.read_at(len(MEDIA), 5) == b""
    assert image.verify() == "no stored hash"
    assert image.hashes["sha256"] == hashlib.sha256(MEDIA).hexdigest()
    assert image.record().files == ("disk.img",)


def test_clusters_flagged_as_zeros_are_zeros_whatever_is_stored(tmp_path: Path) -> None:
    image = one(put(tmp_path, "x", qcow2(MEDIA, zero_clusters=(0, 2))))
    assert whole(image) == bytes(4096) + MEDIA[4096:8192] + bytes(4096) + MEDIA[12288:]


@pytest.mark.parametrize(("data", "says"), [
    (qcow2(MEDIA, backing="/etc/passwd"), "backing file '/etc/passwd'"),
    (qcow2(MEDIA, encryption=1), "encrypted"),
    (qcow2(MEDIA, features=4), "external data file"),
    (qcow2(MEDIA, features=1 << 40), "unknown feature 40"),
    (sparse(MEDIA, text=descriptor('RW 8 SPARSE "x"', parent="0badcafe")), "CID 0badcafe"),
    (sparse(MEDIA, text=None), "one extent of a split VMDK"),
    (descriptor('RW 8 SESPARSE "x"'), "SESPARSE"),
    (descriptor('RW 8 FLAT "x" 0', more='encryption.keySafe = "vmware:key/list"\n'), "encrypted"),
])
def test_what_is_not_a_whole_disk_is_refused_by_name(
        tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        one(put(tmp_path, "disk.img", data))


# --- parents ----------------------------------------------------------------------------------

def chain(folder: Path) -> tuple[Path, Path, Path, bytes]:
    """Base, child and grandchild in folders of their own, and the media on top."""
    base = MEDIA
    middle = base[:512] + b"m" * 512 + base[1024:]
    top = middle[:2048] + b"t" * 512 + middle[2560:]
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
    first = put(folder / "a", "base.vhd", vhd.dynamic(base, unique_id=IDS[0], created=1))
    second = put(folder / "b", "disk.avhd", vhd.differencing(
        middle, vhd.diff(base, middle), unique_id=IDS[1], created=2, parent_id=IDS[0],
        parent_name="/etc/passwd", locators=[(b"W2ku", "/etc/passwd"),
                                             (b"W2ru", "../../etc/passwd")]))
    third = put(folder / "c", "disk.avhd", vhd.differencing(
        top, vhd.diff(middle, top), unique_id=IDS[2], created=3, parent_id=IDS[1],
        parent_name="C:\\x\\disk.avhd"))
    return first, second, third, top


def test_parents_are_found_by_id_among_the_files_given(tmp_path: Path) -> None:
    base, middle, top, media = chain(tmp_path)
    other = put(tmp_path, "other.dd", b"x" * 4096)
    images = open_evidence([base, other, top, middle])
    assert [(i.name, i.format) for i in images] == [("other.dd", "raw"), ("disk.avhd", "VHD")]
    assert images[1].files == (top, middle, base)
    assert whole(images[1]) == media


def test_two_children_of_one_parent_are_two_images(tmp_path: Path) -> None:
    base, middle, _, _ = chain(tmp_path)
    twin = put(tmp_path, "twin.avhd", vhd.differencing(
        MEDIA, vhd.diff(MEDIA, MEDIA), unique_id=IDS[3], created=2, parent_id=IDS[0],
        parent_name="base.vhd"))
    images = open_evidence([middle, twin, base])
    assert [i.name for i in images] == ["disk.avhd", "twin.avhd"]
    assert whole(images[1]) == MEDIA


def test_a_missing_parent_is_asked_for_by_its_id(tmp_path: Path) -> None:
    _, middle, top, _ = chain(tmp_path)
    with pytest.raises(Unsupported, match=r"01010101-0101-0101-0101-010101010101.*command line"):
        open_evidence([top, middle])


# --- VMDK in several files --------------------------------------------------------------------

def split_vmdk(folder: Path) -> tuple[Path, bytes]:
    """Sparse, flat with an offset, zeros, and sparse again."""
    part = MEDIA[:64 << 10]
    put(folder, "disk-s001.vmdk", sparse(part, text=None))
    put(folder, "disk-f002.vmdk", b"JUNK" * 256 + part)
    put(folder, "disk-s003.vmdk", sparse(MEDIA[-4096:], text=None))
    text = descriptor('RW 128 SPARSE "disk-s001.vmdk"\r\nRW 128 FLAT "disk-f002.vmdk" 2\r\n'
                      'RW 16 ZERO\r\nRW 8 SPARSE "disk-s003.vmdk"\r\n')
    return put(folder, "disk.vmdk", text), part + part + bytes(8192) + MEDIA[-4096:]


def test_extents_are_found_beside_the_descriptor(tmp_path: Path) -> None:
    path, media = split_vmdk(tmp_path)
    assert whole(one(path)) == media
    images = open_evidence(sorted(tmp_path.glob("*.vmdk")))  # as a shell's * gives them
    assert [i.name for i in images] == ["disk.vmdk"]
    assert [p.name for p in images[0].files] == [
        "disk.vmdk", "disk-s001.vmdk", "disk-f002.vmdk", "disk-s003.vmdk"]


def test_an_extent_that_is_cut_is_unreadable_where_it_ends(tmp_path: Path) -> None:
    path, media = split_vmdk(tmp_path)
    flat = tmp_path / "disk-f002.vmdk"
    flat.write_bytes(flat.read_bytes()[:1024 + 10_000])
    image = one(path)
    assert [n.code for n in image.notices] == ["IMG-TRUNC"]
    start = (64 << 10) + 10_000
    assert image.blocks.read_at(0, start) == media[:start]
    with pytest.raises(Unreadable) as caught:
        image.blocks.read_at(0, len(media))
    assert (caught.value.start, caught.value.start + caught.value.length) == (start, 128 << 10)
    assert image.blocks.read_at(128 << 10, 12288) == media[128 << 10:]
    (tmp_path / "disk-s003.vmdk").unlink()
    with pytest.raises(EvidenceError, match=r"disk-s003\.vmdk.*missing"):
        one(path)


OPENED = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, values: opened.append(str(values[0])) if event == "open" else None)
from analyzer.errors import EvidenceError
from analyzer.evidence import open_evidence
for name in sys.argv[1:]:
    before = len(opened)
    try:
        image = open_evidence([Path(name)])[0]
        image.blocks.read_at(0, 1 << 20)
    except EvidenceError as error:
        print("refused", error)
    assert any(name in path for path in opened[before:]), "the hook sees nothing"
found = [path for path in opened if Path(path).resolve() == Path("/etc/passwd").resolve()]
sys.exit(f"opened {found}" if found else 0)
"""


def test_no_path_that_evidence_names_is_opened(tmp_path: Path) -> None:
    (tmp_path / "link.vmdk").symlink_to("/etc/passwd")
    names = ["/etc/passwd", "../../../../../../etc/passwd", "..\\..\\etc\\passwd", "link.vmdk",
             ".."]
    files = [put(tmp_path, f"flat{n}.vmdk", descriptor(f'RW 8 FLAT "{name}" 0'))
             for n, name in enumerate(names)]
    files += [put(tmp_path, f"sparse{n}.vmdk", descriptor(f'RW 8 SPARSE "{name}"'))
              for n, name in enumerate(names)]
    files.append(put(tmp_path, "embedded.vmdk", sparse(MEDIA, text=descriptor(
        'RW 8 FLAT "/etc/passwd" 0'))))
    files.append(put(tmp_path, "x.qcow2", qcow2(MEDIA, backing="/etc/passwd")))
    files.append(chain(tmp_path)[1])
    done = subprocess.run([sys.executable, "-c", OPENED, *map(str, files)], text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused") == len(files)
