"""The table: what was measured, the ratios, and whether each target was met."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]
_RIGHT = ("plain", "vmtrail", "vmtrail-vhdx", "libvhdi-vhdx", "plain-single", "vmtrail-single",
          "dissect-single", "pyewf-media", "vmtrail-media", "vmtrail-e01")
"""Readers that must agree with the raw twin in every byte; libvhdi is known not to for VHD."""


@dataclass(frozen=True, slots=True)
class Target:
    """`ours` over `peer` must be at least `least` (at most, where `least` is negative)."""

    what: str
    field: str
    ours: str
    peer: str
    least: float


TARGETS = (
    Target("chain, sequential / plain layers", "sequential_mb_s", "vmtrail", "plain", 4),
    Target("chain, sequential / libvhdi", "sequential_mb_s", "vmtrail", "libvhdi", 40),
    Target("chain, sequential / raw", "sequential_mb_s", "vmtrail", "raw", 0.8),
    Target("chain, random 4 KiB / plain layers", "random_per_s", "vmtrail", "plain", 4),
    Target("chain, random 4 KiB / libvhdi", "random_per_s", "vmtrail", "libvhdi", 100),
    Target("chain, random 4 KiB / raw", "random_per_s", "vmtrail", "raw", 0.6),
    Target("chain, time to first byte / plain layers", "first_byte_s", "vmtrail", "plain", -2),
    Target("VHDX chain, sequential / libvhdi", "sequential_mb_s", "vmtrail-vhdx", "libvhdi-vhdx",
           1),
    Target("VHDX chain, sequential / raw", "sequential_mb_s", "vmtrail-vhdx", "raw-vhdx", 0.8),
    Target("VHDX chain, random 4 KiB / libvhdi", "random_per_s", "vmtrail-vhdx", "libvhdi-vhdx",
           1),
    Target("VHDX chain, random 4 KiB / raw", "random_per_s", "vmtrail-vhdx", "raw-vhdx", 0.6),
    Target("one dynamic VHD, sequential / plain layers", "sequential_mb_s", "vmtrail-single",
           "plain-single", 0.9),
    Target("one dynamic VHD, sequential / dissect", "sequential_mb_s", "vmtrail-single",
           "dissect-single", 8),
    Target("one dynamic VHD, random / plain layers", "random_per_s", "vmtrail-single",
           "plain-single", 4),
    Target("one dynamic VHD, random / dissect", "random_per_s", "vmtrail-single",
           "dissect-single", 10),
    Target("walk of the guest's NTFS, time / plain layers", "walk_s", "walk-vmtrail",
           "walk-plain", -0.25),
    Target("E01, sequential / pyewf", "sequential_mb_s", "vmtrail-media", "pyewf-media", 4),
    Target("E01, random / pyewf", "random_per_s", "vmtrail-media", "pyewf-media", 4),
    Target("chain in E01, sequential / pyewf + libvhdi", "sequential_mb_s", "vmtrail-e01",
           "libvhdi-e01", 6),
    Target("chain in E01, random / pyewf + libvhdi", "random_per_s", "vmtrail-e01",
           "libvhdi-e01", 40),
)
MOST_MEMORY = 60.0
"""MB resident after the first byte of the chain."""


def report(figures: Mapping[str, Figures]) -> int:
    """Print all; 1 where a reader that is called right was not."""
    print("| reader | sequential MB/s (first pass) | 4 KiB/s (first pass) | first byte ms | "
          "RSS MB (peak) | wrong sectors |\n|---|---|---|---|---|---|")
    for name, row in figures.items():
        if "random_per_s" in row:
            print(f"| {name} | {row['sequential_mb_s']:,.0f} ({row['sequential_first_mb_s']:,.0f})"
                  f" | {row['random_per_s']:,.0f} ({row['random_first_per_s']:,.0f})"
                  f" | {1000 * row['first_byte_s']:.1f} | {row['rss_mb']:.0f}"
                  f" ({row['peak_mb']:.0f}) | {row['wrong_sectors']:,.0f} |")
    print("\n| walk by The Sleuth Kit | s | entries |\n|---|---|---|")
    for name, row in figures.items():
        if "walk_s" in row:
            print(f"| {name} | {row['walk_s']:.2f} | {row['entries']:,.0f} |")
    print("\n| ratio | measured | target | |\n|---|---|---|---|")
    for target in TARGETS:
        print(_line(target, figures))
    memory = figures["vmtrail"].get("rss_mb", 0.0)
    print(f"| chain, RSS after the first byte | {memory:.0f} MB | at most {MOST_MEMORY:.0f} MB | "
          f"{'hit' if memory <= MOST_MEMORY else '**miss**'} |")
    large = figures["large"]
    if large:
        print(f"\nA chain of ten layers of 2 TB: opened in {large['open_s']:.2f} s, "
              f"{large['kept_mb']:.0f} MB kept, {large['block_us']:.0f} us a new block.")
    wrong = [name for name in _RIGHT if figures[name].get("wrong_sectors", 1)]
    wrong += [name for name in ("walk-plain", "walk-vmtrail")
              if figures[name].get("names") != figures["walk-raw"].get("names")]
    print("\nEvery reader called right agrees with the raw twin in every byte." if not wrong
          else f"\n**Not right: {', '.join(wrong)}.**")
    return 1 if wrong else 0


def _line(target: Target, figures: Mapping[str, Figures]) -> str:
    ours, peer = figures[target.ours], figures[target.peer]
    if target.field not in ours or target.field not in peer:
        return f"| {target.what} | not measured | | |"
    ratio = ours[target.field] / peer[target.field]
    least = target.least
    hit = ratio >= least if least > 0 else ratio <= -least
    bound = f"at least {least:g}" if least > 0 else f"at most {-least:g}"
    return f"| {target.what} | {ratio:.2f} | {bound} | {'hit' if hit else '**miss**'} |"
