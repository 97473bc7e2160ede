"""One leaf of a configuration as a record."""

from typing import Final

from analyzer.formats.vm_settings import Setting
from analyzer.records import VmSetting
from analyzer.source import Source

LONGEST: Final = 1000
"""Characters of a value that are kept in the table."""


def setting_record(setting: Setting, source: Source, *, understood: bool) -> VmSetting:
    """The leaf, in the file at `source`; bytes in hexadecimal."""
    value = setting.value.hex() if isinstance(setting.value, bytes) else setting.text
    place = source.in_detail(setting.key) if setting.at is None \
        else source.at(setting.key, setting.at)
    return VmSetting(source=place, key=setting.key, value_type=setting.type,
                     value=value[:LONGEST], value_length=len(value), understood=understood)
