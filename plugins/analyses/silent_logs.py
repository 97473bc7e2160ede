"""What a host's release of Windows never logs, so that its absence proves nothing."""

from collections.abc import Iterator
from typing import Final

from analyzer.formats.event_meanings import RELEASES, meanings
from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="LOG-SILENT", severity="info",
    title="What this release never logs",
    reason="That an event is missing proves nothing where the release has no such event.",
    false_positives="None: it follows from the version alone.",
    reference="docs/formats/evtx.md")
LIFE: Final = ("created", "deleted", "imported", "exported", "started", "turned off",
               "shut down by the host", "shut down by the guest", "saved", "paused",
               "reset by the host", "snapshot taken", "snapshot applied", "snapshot deleted")


@rule(RULE, reads=("system",))
def silent_logs(tables: Tables) -> Iterator[Record]:
    """For each host of 2008 to 2012 R2, which happenings its release has no event for.

    By the message tables behind event_meanings.csv; those of 2008 are not published, so 2008 R2
    stands for it.
    """
    for row in tables.rows("system"):
        release = RELEASES.get(row["version"], "")
        silent = _silent("2008r2" if release == "2008" else release)
        if row["role"] == "Hyper-V host" and silent and release != "10":
            yield RULE.found(
                row, f"Windows {row['version']} has no event for: "
                f"{', '.join(silent)}; that the logs of {row['host_name'] or 'this host'} have "
                "none proves nothing", "derived: message tables of its release "
                "(docs/formats/evtx.md)")


def _silent(release: str) -> list[str]:
    logged = {meaning.what for meaning in meanings() if release in meaning.releases}
    return [what for what in LIFE if what not in logged] if release else []
