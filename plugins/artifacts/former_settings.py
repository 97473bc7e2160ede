"""Values that configurations and registers of machines (VMCX) no longer use and still hold."""

from collections.abc import Iterator

from analyzer.formats.vm_register import vm_id_of
from analyzer.formats.vm_settings import decode
from analyzer.formats.vmcx import FormerValue
from analyzer.machines import inventory
from analyzer.plugin import artifact
from analyzer.records import Record, VmFormerSetting
from analyzer.source import Source
from analyzer.system import WindowsSystem

LONGEST = 1000


@artifact(VmFormerSetting)
def former_settings(system: WindowsSystem) -> Iterator[Record]:
    """Former values from replay logs, freed space and slack; machines once registered too."""
    found = inventory(system)
    for configured in found.configured():
        for value in configured.former:
            yield system.own(configured.own(_record(value, configured.file.placed(), "")))
    for register in found.registers:
        for value in register.former:
            yield system.own(_record(value, register.item.placed(), vm_id_of(value.key)))


def _record(former: FormerValue, source: Source, vm_id: str) -> VmFormerSetting:
    return VmFormerSetting(
        source=source.at(former.key, former.at), vm_id=vm_id, key=former.key,
        value_type=former.type, value=_shown(former.type, former.text),
        current_value=_shown(former.type, former.now), is_gone=former.is_gone,
        found_in=former.found_in, basis=former.basis, table_sequence=former.sequence,
        current_sequence=former.live_sequence)


def _shown(kind: str, text: str) -> str:
    value = decode(kind, text)
    return (value.hex() if isinstance(value, bytes) else text)[:LONGEST]
