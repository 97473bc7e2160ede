"""`python -m corpus.make [name...]` rebuilds the images, their truth and the manifest's hashes."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from corpus.make import manifest, small_hosts, vs2005, ws2008, ws2012r2, ws2019

RECIPES = {
    "vs2005": vs2005.build,
    "ws2008": ws2008.build,
    "ws2012r2": ws2012r2.build,
    "ws2019": ws2019.build,
    "empty-host": small_hosts.build_empty_host,
    "plain-windows": small_hosts.build_plain_windows,
}
CORPUS = Path(__file__).resolve().parent.parent


def main(names: list[str]) -> None:
    """Builds the named images, or all."""
    for name in names or list(RECIPES):
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
            RECIPES[name](CORPUS, Path(scratch) / name)
        manifest.write(CORPUS)
        print(f"{name}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
