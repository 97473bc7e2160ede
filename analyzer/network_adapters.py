r"""Network adapters that are installed in a Windows, and their interfaces.

    Control\Class\{4d36e972-...}\<nnnn>       NetCfgInstanceId (GUID), DriverDesc, ComponentId,
                                              NetworkAddress (MAC set by hand)
    Control\Network\{4d36e972-...}\<GUID>\Connection   Name
    Services\Tcpip\Parameters\Interfaces\<GUID>        addresses; lease times in Unix seconds

Source: Microsoft, "INF Version section" and "TCP/IP registry values"; FIELD-GUIDE 9.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.formats import guid
from analyzer.formats.hive import Key
from analyzer.registry import Registry

CLASS = "{4D36E972-E325-11CE-BFC1-08002BE10318}"
HOST_SIDE = "vms_mp"
"""Component of a host's own adapter on a virtual switch."""
MOST = 2000


@dataclass(frozen=True, slots=True)
class InstalledAdapter:
    """One adapter; texts are "" where the registry does not say."""

    interface_id: str
    description: str
    component_id: str
    mac: str

    @property
    def is_host_side(self) -> bool:
        """Whether it is the host's own on a virtual switch."""
        return self.component_id.lower() == HOST_SIDE


def installed_adapters(registry: Registry, control_set: str) -> dict[str, InstalledAdapter]:
    """Adapters by the GUID of their interface, in order of installation."""
    key = registry.key("SYSTEM", f"{control_set}\\Control\\Class\\{CLASS}")
    found: dict[str, InstalledAdapter] = {}
    for below in sorted(_some(key), key=lambda below: below.name):
        path = below.path
        identity = guid.normalise(registry.text("SYSTEM", path, "NetCfgInstanceId"))
        if identity:
            found.setdefault(identity, InstalledAdapter(
                identity, registry.text("SYSTEM", path, "DriverDesc"),
                registry.text("SYSTEM", path, "ComponentId"),
                _mac(registry.text("SYSTEM", path, "NetworkAddress"))))
    return found


def interfaces(registry: Registry, control_set: str) -> list[Key]:
    """Keys of the interfaces that have settings of IP version 4."""
    return list(_some(registry.key(
        "SYSTEM", f"{control_set}\\Services\\Tcpip\\Parameters\\Interfaces")))


def connection_name(registry: Registry, control_set: str, interface_id: str) -> str:
    """What the user calls an interface."""
    return registry.text("SYSTEM", f"{control_set}\\Control\\Network\\{CLASS}\\"
                         f"{{{interface_id}}}\\Connection", "Name")


def _some(key: Key | None) -> Iterator[Key]:
    for count, below in enumerate(key.subkeys() if key is not None else ()):
        if count == MOST:
            return
        yield below


def _mac(text: str) -> str:
    digits = text.replace("-", "").replace(":", "").upper()
    if len(digits) != 12 or set(digits) - set("0123456789ABCDEF"):
        return ""
    return "-".join(digits[at:at + 2] for at in range(0, 12, 2))
