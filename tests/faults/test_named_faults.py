"""The named faults F01 to F30 (RELIABILITY section 3): what must come out, and under which code.

One case for each fault, made on a bundled image or on the engine's doubles. Where a reader has
many ways to break, its own tests go through them; here stands that the whole run says it.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.blocks import Memory
from analyzer.case.folder import Case
from analyzer.case.lock import CaseInUse, CaseLock
from analyzer.errors import EvidenceError, UsageError
from analyzer.evidence import open_evidence
from analyzer.formats import vmcx
from analyzer.formats.evtx import EventLog
from analyzer.records import Coverage, DiskLayer, FileEntry, Problem, System, VirtualMachine
from analyzer.source import Source
from analyzer.system import build_systems
from analyzer.volume import Medium
from corpus.make import evtx as evtx_writer
from corpus.make import vhd, vhdx, vhdx_log
from corpus.make import vmcx as vmcx_writer
from tests.conftest import ROOT
from tests.fuzz.facts import Statement
from tests.fuzz.mutants import Mutant, Patch
from tests.fuzz.oracle import judge
from tests.fuzz.subjects import Subject, subject
from tests.unit.engine.test_run import ONE, SMALL_FILES, Job, problems

MIB = 1 << 20
FAULTS: dict[str, Callable[[Path], None]] = {}
HOST = "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V"
DC01 = "C:\\Users\\Public\\Documents\\Hyper-V\\Virtual Hard Disks\\DC01.vhd"
SQL01 = "D:\\Hyper-V\\Virtual Hard Disks\\SQL01.vhd"


def fault(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """Name a case by its fault: `f01_what_happens`."""
    FAULTS[function.__name__.partition("_")[0].upper()] = function
    return function


@pytest.mark.validates("VMT-LOSS-02")
@pytest.mark.parametrize("name", [f"F{number:02}" for number in range(1, 31)])
def test_fault(name: str, tmp_path: Path) -> None:
    FAULTS[name](tmp_path)


def damaged(name: str, *patches: Patch, size: int | None = None) -> Statement:
    """What is said of a bundled image with a fault; everything in it that is no fault holds."""
    about, mutant = subject(name), Mutant("fault", patches, size)
    said = about.damaged(mutant)
    assert judge(about, mutant, said).is_sound
    return said


def new(about: str, said: Statement) -> dict[str, list[Problem]]:
    """Problems that the whole image has not, by code."""
    found: dict[str, list[Problem]] = {}
    for problem in set(said.of(Problem)) - set(subject(about).said.of(Problem)):
        found.setdefault(problem.code, []).append(problem)
    return found


def host(about: Subject) -> Any:
    (system,) = build_systems([Medium(Source(about.name, image_offset=0), about.blocks)])
    return system


def place(name: str, path: str, offset: int = 0) -> int:
    """Where a byte of a file lies in the image."""
    item = host(subject(name)).find(path)
    assert item is not None
    row = next(item.blocks().extents().find(offset, 1))
    return int(row.at)


def at_end(name: str, path: str) -> int:
    return int(host(subject(name)).find(path).entry.size)


def record(name: str, path: str) -> int:
    """Where the MFT record of `/p1/...` lies."""
    return subject(name).surface.records[path][0]


def has_machine(said: Statement, name: str) -> bool:
    return any(row.name == name for row in said.of(VirtualMachine))


@fault
def f01_image_cut(folder: Path) -> None:
    """The rest is analysed; claimed and real size are said."""
    size = subject("empty-host").blocks.size - 4 * MIB
    said = damaged("empty-host", size=size)
    assert "IMG-TRUNC" in new("empty-host", said)
    whole = {row.path for row in subject("empty-host").said.of(FileEntry) if row.allocated}
    assert {row.path for row in said.of(FileEntry)} >= whole


@fault
def f02_unreadable_sectors(folder: Path) -> None:
    """The range is said, with the artefact it belongs to; nothing else changes."""
    at = record("empty-host", "/p1/Windows/System32/vmms.exe")
    said = damaged("empty-host", Patch(at, 512, how="unreadable"))
    found = new("empty-host", said)
    base = next(v.offset for v in host(subject("empty-host")).survey())
    assert (at - base, 512) in {(p.start, p.length) for p in found["IMG-EIO"]}
    assert "MFT-REC" in found
    hive = place("empty-host", "C:\\Windows\\System32\\config\\SOFTWARE")
    said = damaged("empty-host", Patch(hive, 512, how="unreadable"))
    assert {row.state for row in said.of(Coverage) if row.place.endswith("SOFTWARE")} == {
        "unreadable"}


@fault
def f03_segment_missing_or_cut(folder: Path) -> None:
    """Refused before analysis, naming what is wrong with the chain."""
    data = (ROOT / "corpus" / "empty-host.E01").read_bytes()
    cut = folder / "cut.E01"
    cut.write_bytes(data[:len(data) // 2])
    with pytest.raises(EvidenceError, match=r"cut\.E01"):
        open_evidence([cut])
    (folder / "gap.E02").write_bytes(data)
    with pytest.raises(EvidenceError, match=r"gap\.E02"):
        open_evidence([folder / "gap.E02"])


@fault
def f04_chunk_checksum(folder: Path) -> None:
    """The chunk is unreadable and said, never zeros."""
    data = bytearray((ROOT / "corpus" / "empty-host.E01").read_bytes())
    middle = data.index(b"sectors".ljust(16, b"\0")) + 76 + 60_000
    data[middle] ^= 0x10
    path = folder / "host.E01"
    path.write_bytes(data)
    (image,) = open_evidence([path])
    lost = []
    for offset in range(0, image.blocks.size, 1 << 15):
        try:
            image.blocks.read_at(offset, 1 << 15)
        except EvidenceError as error:
            lost.append(error)
    assert len(lost) == 1
    assert "EWF-CRC" in {notice.code for notice in image.notices}


@fault
def f05_parent_missing(folder: Path) -> None:
    """The parent's sectors are unknown, not zero; what the child itself says is stated."""
    said = subject("ws2008").said
    (problem,) = [p for p in said.of(Problem) if p.code == "VHD-NOPARENT"]
    assert "TEST02.vhd" in problem.what
    (layer,) = [row for row in said.of(DiskLayer) if row.path.endswith("TEST02.vhd")]
    assert layer.verdict == "parent missing"
    assert layer.unreadable_bytes > 0
    assert layer.layer == "differencing"


@fault
def f06_parent_has_another_id(folder: Path) -> None:
    """Both ids are said and the disk is not attached."""
    end = at_end("ws2008", DC01)
    patches = []
    for offset in (0, end - 512):
        at = place("ws2008", DC01, offset)
        foot = bytearray(subject("ws2008").blocks.read_at(at, 512))
        foot[68:84] = bytes(range(16))
        foot[64:68] = bytes(4)
        foot[64:68] = vhd.checksum(bytes(foot)).to_bytes(4, "big")
        patches.append(Patch(at, 512, bytes(foot)))
    said = damaged("ws2008", *patches)
    assert all("00010203-0405-0607-0809-0A0B0C0D0E0F" in p.what
               for p in new("ws2008", said)["VHD-PARENTID"])
    layers = [row for row in said.of(DiskLayer)
              if row.path.endswith(".avhd") and "DC01" in row.path]
    assert all(row.unreadable_bytes for row in layers)
    assert "wrong parent (unique id)" in {row.verdict for row in layers}
    assert not any(row.path == DC01 and row.depth for row in said.of(DiskLayer))


@fault
def f07_footer_lost(folder: Path) -> None:
    """Either copy stands in for the other."""
    end = at_end("ws2008", DC01) - 512
    for offset, codes in ((0, set()), (end, {"VHD-FOOTER"})):
        said = damaged("ws2008", Patch(place("ws2008", DC01, offset), 512, bytes(512)))
        assert new("ws2008", said).keys() == codes
        assert {row.unreadable_bytes for row in said.of(DiskLayer) if row.path == DC01} == {0}
        assert set(said.of(System)) == set(subject("ws2008").said.of(System))


@fault
def f08_footer_checksum(folder: Path) -> None:
    """Used, and said."""
    at = place("ws2008", SQL01, at_end("ws2008", SQL01) - 512)
    said = damaged("ws2008", Patch(at + 24, 4, b"\1\2\3\4"))
    assert "VHD-CRC" in new("ws2008", said)
    assert any(row.path == SQL01 for row in said.of(DiskLayer))


@fault
def f09_table_entry(folder: Path) -> None:
    """That block is unreadable and said; the others are read."""
    at = place("ws2008", DC01, 1536)
    said = damaged("ws2008", Patch(at + 4, 4, b"\x7f\xff\xff\xff"))
    assert all("block 1" in p.what for p in new("ws2008", said)["VHD-BAT"])
    layers = [row for row in said.of(DiskLayer) if row.path == DC01]
    assert {row.unreadable_bytes for row in layers} == {layers[0].block_size}


@fault
def f10_vhdx_header_and_log(folder: Path) -> None:
    """The header that is left is used; the log is applied in memory, and both are said."""
    media = b"\x11" * MIB + b"\x22" * MIB
    path = folder / "a.vhdx"
    path.write_bytes(_holed(vhdx.dynamic(media), vhdx.HEADERS[1], 16))
    (image,) = open_evidence([path])
    assert image.blocks.read_at(0, 2 * MIB) == media
    assert "VHDX-HDR" in {notice.code for notice in image.notices}
    style = vhdx.Style()
    whole, at = vhdx.dynamic(media), vhdx.bat_at(style)
    entry = vhdx_log.Entry(writes=[vhdx_log.Write(at, whole[at:at + 4096])], sequence=20)
    stale = whole[:at] + bytes(4096) + whole[at + 4096:]
    path.write_bytes(vhdx_log.with_log(stale, [entry], vhdx.FILE_PARAMETERS, style))
    (image,) = open_evidence([path])
    assert image.blocks.read_at(0, 2 * MIB) == media
    assert "VHDX-LOG" in {notice.code for notice in image.notices}


def _holed(data: bytes, at: int, length: int) -> bytes:
    return data[:at] + bytes(length) + data[at + length:]


@fault
def f11_torn_xml(folder: Path) -> None:
    """What stands before the tear is stated, the machine is marked partial."""
    about, (at, length) = subject("ws2008"), max(subject("ws2008").surface.spots["xml"],
                                                 key=lambda span: span[1])
    said = damaged("ws2008", Patch(at + 4096, length - 4096, bytes(length - 4096)))
    found = new("ws2008", said)["XML-PARTIAL"]
    assert len({p.source.path for p in found}) == 1
    marked = {row.name for row in said.of(VirtualMachine) if row.partial}
    before = {row.name for row in about.said.of(VirtualMachine) if row.partial}
    assert len(marked - before) == 1 or all("Snapshots" in p.source.path for p in found)


@fault
def f12_vmcx_torn_and_log_dirty(folder: Path) -> None:
    """Key by key: what a lost page does not hold is stated; pending changes are applied."""
    keys: list[vmcx_writer.Key] = [("configuration", [
        ("properties", [("name", "before")]), ("more", [(f"k{n}", n) for n in range(900)])])]
    after: list[vmcx_writer.Key] = [("configuration", [("properties", [("name", "after")])])]
    pending = vmcx.open_vmcx(Memory(vmcx_writer.build(keys, pending=after)))
    assert [notice.code for notice in pending.notices] == ["VMCX-LOG"]
    assert ("configuration/properties/name", "after") in {
        (leaf.key, leaf.text) for leaf in pending.settings}
    data = vmcx_writer.build(keys)
    whole = {leaf.key: leaf.text for leaf in vmcx.open_vmcx(Memory(data)).settings}
    at = data.index(b"k500") & ~511
    torn = vmcx.open_vmcx(Memory(_holed(data, at, 512)))
    left = {leaf.key: leaf.text for leaf in torn.settings}
    assert torn.partial
    assert torn.notices
    assert len(whole) * 8 // 10 < len(left) < len(whole)
    assert left.items() <= whole.items()


@fault
def f13_dirty_hive(folder: Path) -> None:
    """No log is there: said, and the facts of the hive as it stands are stated."""
    at = place("empty-host", "C:\\Windows\\System32\\config\\SYSTEM")
    base = bytearray(subject("empty-host").blocks.read_at(at, 512))
    base[4:8] = (int.from_bytes(base[4:8], "little") + 1).to_bytes(4, "little")
    total = 0
    for word in range(0, 508, 4):
        total ^= int.from_bytes(base[word:word + 4], "little")
    base[508:512] = total.to_bytes(4, "little")
    said = damaged("empty-host", Patch(at, 512, bytes(base)))
    assert all(p.source.path.endswith("/SYSTEM") for p in new("empty-host", said)["HIVE-DIRTY"])
    assert {row.host_name for row in said.of(System)} == {"HV-SPARE02"}


@fault
def f14_hive_cell(folder: Path) -> None:
    """One key is lost and said; the others are read."""
    about = subject("empty-host")
    at = place("empty-host", "C:\\Windows\\System32\\config\\SOFTWARE")
    raw = about.blocks.read_at(at, 64 << 10)
    key = raw.index(b"Windows NT") - 76
    assert raw[key:key + 2] == b"nk"
    said = damaged("empty-host", Patch(at + key, 2, b"??"))
    assert any(p.source.path.endswith("/SOFTWARE") for p in said.of(Problem))
    assert {row.host_name for row in said.of(System)} == {"HV-SPARE02"}
    assert "partial" in {row.state for row in said.of(Coverage) if row.place.endswith("SOFTWARE")}


@fault
def f15_event_log_chunk(folder: Path) -> None:
    """A chunk without its head is read; records that are gone are told as a gap."""
    events = [evtx_writer.vml(129_000_000_000_000_000 + n, "Worker", 18500, "Worker-Admin",
                              f"WEB{n}", "") for n in range(300)]
    data = evtx_writer.build(events)
    log = EventLog.open(Memory(_holed(data, 4096, 128)))
    assert len(list(log.records())) == 300
    assert {notice.code for notice in log.notices} == {"EVTX-CHUNK"}
    log = EventLog.open(Memory(_holed(data, 4096 + 8192, 2048)))
    left = len(list(log.records()))
    assert 200 < left < 300
    assert {"EVTX-CHUNK", "EVTX-GAP"} <= {notice.code for notice in log.notices}


@fault
def f16_dirty_volume(folder: Path) -> None:
    """Said once for the volume."""
    at, length = subject("empty-host").surface.records["/p1/$Volume"]
    raw = subject("empty-host").blocks.read_at(at, length)
    version = raw.index(b"\x03\x01", raw.index(b"\x70\0\0\0")) + 2
    said = damaged("empty-host", Patch(at + version, 1, b"\1"))
    assert len(new("empty-host", said)["NTFS-DIRTY"]) == 1


@fault
def f17_record_broken(folder: Path) -> None:
    """Torn, marked bad, or overwritten by another: said, and the name is kept from the index."""
    path = "/p1/Windows/System32/vmms.exe"
    at = record("empty-host", path)
    other = subject("empty-host").blocks.read_at(record("empty-host", "/p1/Windows"), 1024)
    for patch in (Patch(at, 4, b"BAAD"), Patch(at + 510, 2, b"??"), Patch(at, 1024, other)):
        said = damaged("empty-host", patch)
        assert "MFT-REC" in new("empty-host", said)
        assert [row.note for row in said.of(FileEntry) if row.path.endswith("vmms.exe")] == [
            "record unreadable"]


@fault
def f18_record_0_broken(folder: Path) -> None:
    """The mirror is used; nothing is lost."""
    said = damaged("empty-host", Patch(record("empty-host", "/p1/$MFT"), 1024, bytes(1024)))
    assert "MFT-BOOT" in new("empty-host", said)
    _same_files("empty-host", said)


@fault
def f19_boot_sector_broken(folder: Path) -> None:
    """The backup is used; nothing is lost."""
    at = subject("empty-host").surface.spots["boot"][0][0]
    said = damaged("empty-host", Patch(at, 512, bytes(512)))
    assert "NTFS-BOOT" in new("empty-host", said)
    _same_files("empty-host", said)


def _same_files(about: str, said: Statement) -> None:
    assert {row.path for row in said.of(FileEntry) if row.allocated} >= {
        row.path for row in subject(about).said.of(FileEntry) if row.allocated}


@fault
def f20_gpt_broken(folder: Path) -> None:
    """The backup is used; with both gone the volumes are searched for."""
    header, table = subject("gpt").surface.spots["gpt"][:2]
    for at, length in (header, table):
        said = damaged("gpt", Patch(at, length, bytes(length)))
        assert "GPT-BACKUP" in new("gpt", said)
        _same_files("gpt", said)
    both = [Patch(at, n, bytes(n)) for at, n in subject("gpt").surface.spots["gpt"]]
    _same_files("gpt", damaged("gpt", *both))


@fault
def f21_other_file_system(folder: Path) -> None:
    """Named, with its extent; never empty without a word."""
    boot = subject("ws2008").surface.spots["boot"][2][0]
    said = damaged("ws2008", Patch(boot + 3, 8, b"-FVE-FS-"))
    (problem,) = new("ws2008", said)["VOL-UNSUP"]
    assert "BitLocker" in problem.what
    assert problem.start == boot
    assert (problem.length or 0) > MIB


@fault
def f22_disk_full(folder: Path) -> None:
    """Exit 4, in words; resumed, the run ends well."""
    many = {"systems": [{"id": "s1", "files": [f"{i:x}" * 40 for i in range(9_000)]}]}
    job = Job(folder)
    result = job.run(many, "files", command=SMALL_FILES)
    assert result.exit_code == 4
    assert result.stopped_by
    assert job.run(many, "files", resume=True).exit_code == 0


@fault
def f23_killed_and_resumed(folder: Path) -> None:
    """A half file under a temporary name is swept away; what is finished is kept."""
    job = Job(folder)
    result = job.run(ONE, "files")
    before = {p: p.read_bytes() for p in result.case.tables.glob("*/a.img@*.parquet")}
    assert before
    half = result.case.tables / "file_entry" / ".h2.parquet.tmp"
    half.write_bytes(b"PAR1 half")
    manifest = json.loads(result.case.manifest.read_bytes())
    manifest |= {"state": "running", "finished_at": "", "exit_code": None}
    result.case.manifest.write_text(json.dumps(manifest))
    assert job.run(ONE, "files", resume=True).exit_code == 0
    assert not half.exists()
    assert before == {p: p.read_bytes() for p in before}


@fault
def f24_worker_dies(folder: Path) -> None:
    """Each death is one line that names step and cause; the other steps are there."""
    result = Job(folder).run(ONE, "files", "crash", "loop", "hog")
    assert result.exit_code == 4
    codes = {p["plugin"]: p["code"] for p in problems(result)}
    assert codes == {"crash": "WRK-SIG", "loop": "WRK-TIME", "hog": "WRK-OOM"}
    assert len(problems(result)) == 3


@fault
def f25_interrupted(folder: Path) -> None:
    """130, and the part that is finished says that it is one."""
    job = Job(folder)
    image, case = job.image(ONE), folder / "case"
    script = ROOT / "tests" / "faults" / "interrupt_run.py"
    done = subprocess.run([sys.executable, script, image, case], cwd=ROOT, timeout=120,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 130
    assert json.loads((case / "case.json").read_bytes())["state"] == "interrupted"


@fault
def f26_case_exists(folder: Path) -> None:
    """Refused unless told what to do."""
    job = Job(folder)
    job.run(ONE, "files")
    with pytest.raises(UsageError):
        job.run(ONE, "files")
    assert job.run(ONE, "files", overwrite=True).exit_code == 0


@fault
def f27_case_in_use(folder: Path) -> None:
    """The second run refuses."""
    job = Job(folder)
    result = job.run(ONE, "files")
    with CaseLock(result.case.root), pytest.raises(CaseInUse):
        job.run(ONE, "files", resume=True)


@fault
def f28_image_changes(folder: Path) -> None:
    """Said at the end."""
    job = Job(folder)
    path, journal = job.image(ONE), Case(folder / "case").journal

    def change() -> None:
        """Once the first task has ended; there are more."""
        while not (journal.exists() and journal.read_bytes().count(b"\n")):
            time.sleep(0.001)
        os.utime(path, (1, 1))

    change_it = threading.Thread(target=change, daemon=True)
    change_it.start()
    result = job.run(None, "files", images=(path,))
    change_it.join(25)
    assert "IMG-CHANGED" in {p["code"] for p in problems(result)}


@fault
def f29_odd_surroundings(folder: Path) -> None:
    """No HOME, locale C, an odd time zone, ASCII only: the same inventory."""
    text = {}
    for name, odd in (("usual", {}), ("odd", {"LC_ALL": "C", "TZ": "Asia/Kathmandu",
                                              "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})):
        environment = {k: v for k, v in os.environ.items() if k != "HOME" or name == "usual"}
        done = subprocess.run(
            [sys.executable, "-m", "analyzer.cli", "ls", ROOT / "corpus/empty-host.E01!/C:/"],
            cwd=ROOT, env=environment | odd, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        text[name] = done.stdout
    assert text["usual"] == text["odd"]


@fault
def f30_library_missing(folder: Path) -> None:
    """A part that has a stand-in works without; the versions that were used are written down."""
    code = ("import sys; sys.modules['isal'] = None\nfrom pathlib import Path\n"
            "from analyzer.evidence import open_evidence\n"
            "print(open_evidence([Path('corpus/empty-host.E01')])[0].verify())")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    assert done.stdout == "match\n"
    from analyzer.engine.catalogue import software

    assert software()["pytsk3"] != "not installed"
