"""Commands that each user typed in PowerShell."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats.powershell_history import LARGEST, MOST, commands
from analyzer.plugin import artifact
from analyzer.profiles import in_profiles
from analyzer.records import Record, UserTrace
from analyzer.system import WindowsSystem

NAME = "powershell_history"


@artifact(UserTrace)
def powershell_history(system: WindowsSystem) -> Iterator[Record]:
    """Lines of PowerShell's history that concern virtual machines; only the file has times."""
    for owner, item in in_profiles(system, NAME) if system.owns_volumes else ():
        try:
            found = commands(item.read(LARGEST))
        except EvidenceError as error:
            system.unreadable(error, item, "the commands of this user are missing", NAME)
            continue
        for command in found[:MOST]:
            yield system.own(UserTrace(
                source=item.source.at(f"line {command.line}", command.offset),
                trace="PowerShell history", user_sid=owner.sid, account_name=owner.name,
                target=command.text, vm_id=command.vm_id,
                details=(f"line {command.line} of {command.lines}",)))
        if found:
            yield system.own(UserTrace(
                source=item.placed(), trace="PowerShell history", user_sid=owner.sid,
                account_name=owner.name, target=item.path, use_count=len(found),
                details=("commands that concern virtual machines are counted; each has no time",),
                made_at=item.entry.times.si_created, written_at=item.entry.times.si_modified))
        if len(found) > MOST:
            system.cover(item.path, "skipped by limit", NAME)
