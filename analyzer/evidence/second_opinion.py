"""A second opinion on an EWF image by libewf (the only importer of pyewf).

libewf is asked what the image is, never for evidence: it returns zeros for damaged chunks
without a word (measured, 20260924).
"""

from collections.abc import Sequence
from pathlib import Path

import pyewf

from analyzer.evidence.ewf import EwfBlocks

_SHARED = {"case_number": "case_number", "evidence_number": "evidence_number",
           "description": "description", "examiner": "examiner_name", "notes": "notes"}
"""Our header value -> libewf's."""


def compare(paths: Sequence[Path], blocks: EwfBlocks) -> None:
    """Add a notice to the ledger for each thing on which libewf says otherwise.

    Its file handles are closed before this returns.
    """
    handle = pyewf.handle()
    try:
        handle.open([str(path) for path in paths])
    except (OSError, MemoryError) as error:
        blocks.ledger.say("EWF-CHAIN", f"libewf does not open the image: {_first_line(error)}",
                          "vmtrail's own reading is used")
        return
    try:
        seen = {"media size": (blocks.media.size, handle.get_media_size()),
                "MD5": (blocks.hashes.md5, _hash(handle, "MD5")),
                "SHA-1": (blocks.hashes.sha1, _hash(handle, "SHA1"))}
        for ours, theirs in _SHARED.items():
            value = handle.get_header_value(theirs)
            if value is not None:
                seen[ours] = (blocks.header.get(ours, ""), value)
    except (OSError, MemoryError) as error:
        blocks.ledger.say("EWF-CHAIN", f"libewf cannot read about the image: "
                          f"{_first_line(error)}", "vmtrail's own reading is used")
        return
    finally:
        handle.close()
    for what, (ours_says, libewf_says) in seen.items():
        if ours_says != libewf_says:
            blocks.ledger.say("EWF-CHAIN", f"{what}: {ours_says!r}, but libewf says "
                              f"{libewf_says!r}", "vmtrail's own reading is used")


def _hash(handle: "pyewf.handle", name: str) -> str:
    value: str | None = handle.get_hash_value(name)
    return value or ""


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
