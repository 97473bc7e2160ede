"""What the host told a guest about itself."""

from collections.abc import Iterator

from analyzer.plugin import artifact
from analyzer.records import GuestIdentity, Record
from analyzer.system import WindowsSystem

PARAMETERS = "Microsoft\\Virtual Machine\\Guest\\Parameters"


@artifact(GuestIdentity)
def guest_parameters(system: WindowsSystem) -> Iterator[Record]:
    """The names of machine and host that integration components wrote into the guest."""
    software = system.hive("SOFTWARE")
    key = software.key(PARAMETERS) if software else None
    values = {value.name: value for value in key.values()} if key is not None else {}
    if key is None or not values:
        return

    def text(name: str) -> str:
        return values[name].text() if name in values else ""

    yield system.own(GuestIdentity(
        source=system.hive_source("SOFTWARE").at(PARAMETERS, key.offset),
        host_name=text("HostName"), vm_name=text("VirtualMachineName"),
        stated_vm_id=text("VirtualMachineId").strip("{}").upper(),
        physical_host=text("PhysicalHostName"),
        physical_host_full=text("PhysicalHostNameFullyQualified"),
        written_at=key.last_written_at))
