"""Disks that Windows made, exported: the hash is the one that other readers agree on."""

import json
import subprocess
from pathlib import Path

import pytest

from analyzer.disks.disk import Disk
from analyzer.disks.export import FORMATS, Export
from analyzer.disks.export_journal import Plan
from analyzer.disks.export_target import Target
from analyzer.disks.open import open_layer
from analyzer.evidence.segment import look

CHAINS = (["dfvfs/ntfs-differential.vhd", "dfvfs/ntfs-parent.vhd"], ["dfvfs/ntfs-dynamic.vhd"],
          ["go-vhd/test-images/win8-child.vhd", "go-vhd/test-images/win8.vhd"],
          ["go-vhd/test-images/qemu.vhd"], ["sleuthkit/test/data/image.vhd"])


@pytest.mark.realdata
@pytest.mark.needs_qemu
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("files", CHAINS, ids=lambda files: Path(files[0]).stem)
def test_real_disks(realdata: Path, tmp_path: Path, files: list[str], format_: str) -> None:
    truth = json.loads((realdata / "_truth" / "media.json").read_text())[files[0]]
    disk = Disk([open_layer(look(realdata / name)) for name in files])
    plan = Plan(files[0], [], disk.size, 512, format_, "7A3D2C10-5B6E-4F80-9A1B-2C3D4E5F6071",
                128_952_360_170_000_000, "0")
    done = Export(disk, plan, Target(tmp_path / "x"), {}).run()
    assert (disk.size, done.sha256, done.lost) == (truth["media_size"], truth["sha256"], ())
    kind = {"raw": "raw", "vhdx": "vhdx"}.get(format_, "vpc")
    Export(disk, Plan("", [], disk.size, 512, "raw", plan.disk_id, plan.created_at, "0"),
           Target(tmp_path / "raw"), {}).run()
    compared = subprocess.run(["qemu-img", "compare", "-f", kind, "-F", "raw", tmp_path / "x",
                               tmp_path / "raw"], capture_output=True, text=True, check=False)
    assert compared.returncode == 0, compared.stdout + compared.stderr
