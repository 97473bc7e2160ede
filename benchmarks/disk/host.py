"""The host: the chain's files, fragmented, on the NTFS of a raw image; and the same as E01."""

import random
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disk.guest import build_guest, make_volume, mounted, put_volume
from benchmarks.disk.layers import clusters_changed, shuffled, write_layer
from corpus.make import vhdx

SIZE = 9 << 29
START = 1 << 20
NAMES = ("base.vhd", "middle.avhd", "top.avhd")
LATER_NAMES = ("base.vhdx", "middle.avhdx", "top.avhdx")
LATER_SIZE = 640 << 20
"""Of the guest's disk, how much the VHDX chain has: its writer works in memory."""
_MARK = "made by benchmarks.disk, version 3"


@dataclass(frozen=True, slots=True)
class Site:
    """What is measured, in one folder.

    guest   the guest's disk as a raw file: the truth, and the limit
    base    the oldest state as a raw file, and as one dynamic VHD outside of any image
    host    raw image with the three layers in the NTFS of its partition; `e01` the same
    later   raw image of another host, with the beginning of the guest as three layers of VHDX
    """

    folder: Path

    @property
    def guest(self) -> Path:
        return self.folder / "top.raw"

    @property
    def base(self) -> Path:
        return self.folder / "base.raw"

    @property
    def single(self) -> Path:
        return self.folder / "base.vhd"

    @property
    def host(self) -> Path:
        return self.folder / "host.raw"

    @property
    def later(self) -> Path:
        return self.folder / "later.raw"

    @property
    def e01(self) -> Path:
        return self.folder / "host.E01"


def build(folder: Path) -> Site:
    """The site in `folder`; what an earlier run finished there is taken as it is."""
    site, mark = Site(folder), folder / "finished"
    if mark.exists() and mark.read_text() == _MARK:
        return site
    states = build_guest(folder)
    layers: list[Path] = []
    for number, (name, state) in enumerate(zip(NAMES, states, strict=True), start=1):
        layers.append(folder / name)
        write_layer(layers[-1], state, states[number - 2] if number > 1 else None, number)
    _fill_host(folder, layers, site.host, SIZE)
    later = _later_layers(folder, states)
    _fill_host(folder, later, site.later, 5 * LATER_SIZE)
    for path in (states[1], *layers[1:], *later):
        path.unlink()
    subprocess.run(["ewfacquire", "-u", "-q", "-c", "fast", "-b", "64", "-f", "encase6", "-S",
                    "16GiB", "-t", str(site.e01.with_suffix("")), str(site.host)],
                   check=True, capture_output=True)
    mark.write_text(_MARK)
    return site


def _later_layers(folder: Path, states: list[Path]) -> list[Path]:
    """The same three layers as VHDX, of the first LATER_SIZE bytes."""
    layers: list[Path] = []
    before = b""
    ids = [uuid.UUID(int=number) for number in range(1, 4)]
    for name, state, own in zip(LATER_NAMES, states, ids, strict=True):
        with state.open("rb") as file:
            media = file.read(LATER_SIZE)
        style = vhdx.Style(data_write_id=own, order=shuffled(LATER_SIZE))
        layers.append(folder / name)
        layers[-1].write_bytes(
            vhdx.differencing(media, clusters_changed(before, media), ids[len(layers) - 2],
                              style=style) if before else vhdx.dynamic(media, style))
        before = media
    return layers


def _fill_host(folder: Path, layers: list[Path], host: Path, size: int) -> None:
    """The files written in turns, a piece each, with other files between: they fragment."""
    volume = folder / "host.volume"
    make_volume(volume, size - START - 512)
    rng = random.Random(2008)
    with mounted(volume, folder / "mount") as root:
        (root / "VMs").mkdir()
        others = (root / "VMs" / "log.bin").open("wb", buffering=0)
        files = [(path.open("rb"), (root / "VMs" / path.name).open("wb", buffering=0))
                 for path in layers]
        while files:
            pair = rng.choice(files)
            data = pair[0].read(rng.choice((512 << 10, 1 << 20, 2 << 20, 3 << 20)))
            if data:
                pair[1].write(data)
                others.write(rng.randbytes(4096))
            else:
                files.remove(pair)
                for file in pair:
                    file.close()
        others.close()
    put_volume(volume, host, size, START)
    volume.unlink()
