"""What the host told a guest about itself."""

from collections.abc import Iterator

from analyzer.plugin import artifact
from analyzer.records import GuestIdentity, Record
from analyzer.system import WindowsSystem

PARAMETERS = "Microsoft\\Virtual Machine\\Guest\\Parameters"


@artifact(GuestIdentity)
def guest_parameters(system: WindowsSystem) -> Iterator[Record]:
    """The names of machine and host that integration components wrote into the guest."""
    key = system.registry.key("SOFTWARE", PARAMETERS)
    if key is None or next(key.values(), None) is None:
        return

    def text(name: str) -> str:
        return system.registry.text("SOFTWARE", PARAMETERS, name)

    yield system.own(GuestIdentity(
        source=system.registry.source("SOFTWARE").at(PARAMETERS, key.offset),
        host_name=text("HostName"), vm_name=text("VirtualMachineName"),
        stated_vm_id=text("VirtualMachineId").strip("{}").upper(),
        physical_host=text("PhysicalHostName"),
        physical_host_full=text("PhysicalHostNameFullyQualified"),
        written_at=key.last_written_at))
