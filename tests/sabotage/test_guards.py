"""Each guard is there because a test would miss it: taken out of a copy, that test must fail.

The table is the documentation: what guards, how it is taken out, which test notices.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

UNIT = "tests/unit/"


@dataclass(frozen=True)
class Guard:
    """`sound` in `file` becomes `broken`; then `test` fails."""

    file: str
    sound: str
    broken: str
    test: str


GUARDS = {
    "visited set of the directory walk": Guard(
        "analyzer/filesystem/walk.py", "if entry.inode in self._entered:", "if False:",
        f"{UNIT}filesystem/test_ntfs.py::test_a_directory_with_two_names_is_entered_once"),
    "zeros for unreadable sectors": Guard(
        "analyzer/filesystem/image.py",
        "return read_known(self.blocks, offset, length, self._lose)",
        "return self.blocks.read_at(offset, length)",
        f"{UNIT}filesystem/test_image.py::test_bad_bytes_are_zeros_and_listed"),
    "ledger of unreadable sectors": Guard(
        "analyzer/filesystem/image.py", "self.ledger.add(error.start, error.length)", "pass",
        f"{UNIT}filesystem/test_image.py::test_bad_bytes_are_zeros_and_listed"),
    "fsync of small files": Guard(
        "analyzer/case/whole_files.py", "os.fsync(file.fileno())", "pass",
        f"{UNIT}case/test_store.py::test_nothing_takes_its_name_before_it_is_on_the_disk"),
    "fsync of partitions": Guard(
        "analyzer/case/store.py", "        sync(self.temporary)\n", "",
        f"{UNIT}case/test_store.py::test_nothing_takes_its_name_before_it_is_on_the_disk"),
    "temporary names": Guard(
        "analyzer/case/whole_files.py", "temporary = temporary_for(path)\n    try",
        "temporary = path\n    try",
        f"{UNIT}case/test_store.py::test_nothing_takes_its_name_before_it_is_on_the_disk"),
    "CSV formula prefix": Guard(
        "analyzer/text.py", "if _FORMULA.match(text):", "if False:",
        "tests/plugins/reports/test_csv_cells.py::"
        "test_no_cell_starts_a_formula_and_the_rest_is_verbatim"),
    "backup boot sector": Guard(
        "analyzer/filesystem/boot.py", "for at in backup_places(blocks, raw):", "for at in ():",
        f"{UNIT}filesystem/test_boot.py::test_the_backup_is_used"),
    "mirror of record 0": Guard(
        "analyzer/filesystem/mft_table.py", "for at in (boot.mft, boot.mirror):",
        "for at in (boot.mft,):", "tests/faults/test_named_faults.py::test_fault[F18]"),
    "number of an MFT record": Guard(
        "analyzer/filesystem/mft.py", "if stored and stored != number & 0xFFFFFFFF:", "if False:",
        f"{UNIT}filesystem/test_mft.py::"
        "test_a_record_that_stands_in_the_place_of_another_is_not_taken_for_it"),
    "size of $MFT against the volume": Guard(
        "analyzer/filesystem/mft_table.py", "    _clamp(table, pieces[0])\n", "",
        f"{UNIT}filesystem/test_ntfs.py::test_t06_mft_size_is_clamped_to_the_volume"),
    "checksum of an E01 chunk": Guard(
        "analyzer/evidence/ewf.py",
        'deflate.adler32(view[:length]) == int.from_bytes(stored, "little"):', "stored:",
        f"{UNIT}evidence/test_ewf.py::test_every_bit_of_a_chunk_counts"),
    "parent by its id": Guard(
        "analyzer/disks/chain.py", "for file in self._by_id.get((child.layer.format, wanted), ())]",
        "for file in self.files if file is not child and wanted]",
        "tests/faults/test_named_faults.py::test_fault[F06]"),
    "cyclic chains": Guard(
        "analyzer/disks/chain.py", "fresh = [file for file in candidates if file not in files]",
        "fresh = list(candidates)",
        f"{UNIT}disks/test_vhd.py::test_a_cycle_is_cut_and_said"),
    "terminal: text": Guard(
        "analyzer/text.py", "return _UNSHOWABLE.sub(_visible, str(value))", "return str(value)",
        f"{UNIT}case/test_text.py::test_nothing_that_acts_on_a_terminal_is_shown"),
    "terminal: reports": Guard(
        "analyzer/cli/terminal.py", 'return cast("BinaryIO", ShownLines(out))', "return out",
        f"{UNIT}cli/test_terminal.py::test_a_pipe_gets_the_bytes_and_a_terminal_does_not"),
    "confinement of extents": Guard(
        "analyzer/evidence/virtual_disk.py", 'or any(c in name for c in "/\\\\\\0")', "",
        f"{UNIT}evidence/test_containers.py::"
        "test_no_path_that_evidence_names_is_opened"),
    "XML entities": Guard(
        "analyzer/formats/xml_tree.py", "resolve_entities=False", "resolve_entities=True",
        f"{UNIT}formats/test_vm_xml.py::test_entities_are_never_resolved_and_the_rest_is_read"),
    "messages of a child": Guard(
        "analyzer/engine/messages.py", "if not all(_TABLE.fullmatch(table) for table in rows):",
        "if False:", f"{UNIT}engine/test_messages.py::test_what_no_sound_child_says"),
    "processor time of a child": Guard(
        "analyzer/engine/limits.py", "resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))",
        "pass", f"{UNIT}engine/test_run.py::test_exactly_the_culprits_are_lost"),
    "steps of a child that died, alone": Guard(
        "analyzer/engine/supervisor.py", "return self._step_by_step(attempt, outcome)",
        "return self._lost(attempt, [outcome], Summary())",
        f"{UNIT}engine/test_run.py::test_exactly_the_culprits_are_lost"),
    "lock of a case": Guard(
        "analyzer/engine/run.py", "    with CaseLock(case.root):\n", "    if case.root:\n",
        f"{UNIT}engine/test_run.py::test_a_run_holds_its_case_to_its_end"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, to be broken; the images of the corpus are only linked."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("analyzer", "plugins", "tests", "corpus/make"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "corpus").iterdir():
        if path.name not in ("make", "__pycache__"):
            (folder / "corpus" / path.name).symlink_to(path)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_taken_out_is_missed(name: str, copy: Path) -> None:
    guard = GUARDS[name]
    path = copy / guard.file
    sound = path.read_text(encoding="utf-8")
    assert sound.count(guard.sound) == 1, "the guard was moved: say where it is now"
    path.write_text(sound.replace(guard.sound, guard.broken), encoding="utf-8")
    try:
        # tests that hang or that a signal ends would say nothing about what they assert
        done = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
             "no:randomly", guard.test], cwd=copy, capture_output=True, text=True, timeout=600,
            check=False, env={k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"})
    finally:
        path.write_text(sound, encoding="utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED {guard.test}" in done.stdout, done.stdout
