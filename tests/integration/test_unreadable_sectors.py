"""Whatever lies in sectors that cannot be read is marked, whichever task met them."""

import random
from pathlib import Path

from analyzer.case.query import CaseTables
from analyzer.engine.catalogue import Catalogue, catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, analyze
from analyzer.plugin import Plugin, discover
from tests.unit.evidence.ewf_writer import Writer, put
from tests.unit.filesystem.mft_writer import CLUSTER, DATA, TinyVolume, non_resident

AT = 128 * CLUSTER
PLUGINS = ("file_entries", "unreadable_files")
PLAIN = Catalogue(tuple(p for p in discover() if p.name in PLUGINS))


def damaged(folder: Path) -> Path:
    """A volume whose file `read by nobody` lies in a chunk with a wrong checksum."""
    tiny = TinyVolume()
    tiny.add(40, "read by nobody", [non_resident(DATA, [(AT // CLUSTER, 2)], 2 * CLUSTER)])
    tiny.add(41, "whole", [non_resident(DATA, [(AT // CLUSTER + 64, 2)], 2 * CLUSTER)])
    media, content = bytearray(tiny.build()), random.Random(1).randbytes(2 * CLUSTER)
    media[AT:AT + len(content)] = content
    segments = Writer(bytes(media), table_chunks=1_000, compressed=lambda index: False).write()
    (segment,) = segments
    assert segment.count(content) == 1
    return put(folder, [segment.replace(content, content[:-1] + bytes([content[-1] ^ 1]))])[0]


def test_what_only_the_survey_met_is_marked(tmp_path: Path) -> None:
    options = Options((str(damaged(tmp_path)),), tmp_path / "case", 1, verify=True)
    tables = CaseTables(analyze(options, PLAIN, Quiet()).case)
    notes = {row["path"]: row["note"] for row in tables.rows("file_entry")
             if "unreadable" in row["note"]}
    assert notes == {"p1:\\read by nobody": f"{2 * CLUSTER} of {2 * CLUSTER} bytes unreadable, "
                                            "the first at 0"}
    assert [row["source_path"] for row in tables.rows("problem") if row["code"] == "FILE-LOST"] \
        == ["/p1/read by nobody"]
    assert len([row for row in tables.rows("problem") if row["code"] == "EWF-CRC"]) == 1


def test_files_are_marked_when_the_other_plugins_have_met_what_cannot_be_read() -> None:
    def plugin(name: str, *, last: bool = False) -> Plugin:
        return Plugin(name, "artifact", lambda system: (), "doc", __name__, last=last)

    order = Catalogue((plugin("a", last=True), plugin("b"), plugin("c"))).names("artifact")
    assert order == ("b", "c", "a")
    real = catalogue(discover()).names("artifact")
    assert set(real[-2:]) == set(PLUGINS)
