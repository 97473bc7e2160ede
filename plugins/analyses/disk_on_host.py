"""Virtual disks that were attached to the host itself."""

from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

SURE: Final = {"disk attached to the host": "direct: the host's management service attached it",
               "disk attached": "inferred: the driver says so, which may be of a start"}


@analysis("log_event", yields=(Finding,))
def disk_on_host(tables: Tables) -> Iterator[Record]:
    """Events that say a virtual disk was attached on the host.

    Reason: whoever attaches a disk reads and writes it without the guest and its logs; of a domain
    controller that is every password hash.
    False positives: backups, and administrators who service a disk; VHDMP may log machines' starts.
    Reference: MITRE ATT&CK T1003.003; meanings in event_meanings.csv.
    """
    for row in tables.matching("log_event", "meaning", SURE.keys()):
        yield Finding.about(row, "DISK-ONHOST", f"{row['concerns'] or 'a disk'} was attached on "
                            "the host", f"{SURE[row['meaning']]} ({row['provider']} "
                            f"{row['event_id']}, record {row['event_record_id']})")
