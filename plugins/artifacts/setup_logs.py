"""What the logs of Windows' set-up tools name of Hyper-V."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats.setup_log import LARGEST, MOST, mentions
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import Record, RoleEvidence
from analyzer.system import WindowsSystem

NAME = "setup_logs"


@artifact(RoleEvidence)
def setup_logs(system: WindowsSystem) -> Iterator[Record]:
    """Components and features with Hyper-V in their name, from the logs of DISM, CBS, 2008.

    Their times are local and without a zone, so that they stay text and no moments.
    """
    for item in there(system, NAME):
        try:
            found = mentions(item.read(LARGEST))
        except EvidenceError as error:
            system.unreadable(error, item, "what this log says of the role is not known", NAME)
            continue
        for one in found[:MOST]:
            yield system.own(RoleEvidence(
                source=item.source.at("", one.offset), group="set-up log", name=one.name,
                value=one.line, meaning=f"first of {one.count} mentions in {item.name}",
                certainty="unsure: says what was looked for, added or removed only in its words; "
                          "clients have such components too", is_proof=False,
                time_basis=f"{one.local}, local time of then, no zone" if one.local else ""))
        if len(found) > MOST:
            system.cover(item.path, "skipped by limit", NAME)
