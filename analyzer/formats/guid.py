"""GUIDs as vmtrail writes them: `0AA394FA-7C4A-4070-BA32-773D43B28A68`, upper case, no braces."""

import re
from typing import Final

ZERO: Final = "00000000-0000-0000-0000-000000000000"
_SHAPE = re.compile(r"\{?([0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})\}?")


def normalise(text: str) -> str:
    """The GUID that is the whole of `text`, with or without braces; "" where it is none."""
    match = _SHAPE.fullmatch(text.strip())
    return match[1].upper() if match else ""
