"""The bundled host as a raw image, some texts in it replaced by hostile ones of equal length."""

import re
from collections.abc import Mapping
from pathlib import Path

from analyzer.evidence import open_evidence

STEP = 1 << 20


def write_media(image: Path, target: Path, texts: Mapping[str, str]) -> None:
    """Write the media of `image` with each text replaced, in UTF-16 of both byte orders."""
    pairs = {old.encode(codec): new.encode(codec, "surrogatepass")
             for old, new in texts.items() for codec in ("utf-16-le", "utf-16-be")}
    assert all(len(old) == len(new) for old, new in pairs.items())
    pattern = re.compile(b"|".join(map(re.escape, pairs)))
    (acquired,) = open_evidence([image])
    with target.open("wb") as out:
        for offset in range(0, acquired.media.size, STEP):
            data = acquired.media.read_at(offset, STEP)
            if any(data):
                out.seek(offset)
                out.write(pattern.sub(lambda match: pairs[match[0]], data))
        out.truncate(acquired.media.size)
