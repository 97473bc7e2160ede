"""Features of a switch port: the bytes of real files, and what WMI's order makes of others."""

import random
import struct
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.formats import vmcx
from analyzer.formats.port_features import BANDWIDTH, OFFLOAD, SECURITY, VLAN, meaning

UNSURE = " (unsure: by the order of WMI's properties)"


def test_offload_of_both_versions() -> None:
    first = struct.pack("<5I", 512, 100, 7, 1, 2)
    assert meaning(OFFLOAD, 0x0100, first) == (
        "IPsec offload limit 512, VMQ weight 100, IOV weight 7, IOV queue pairs 1, "
        "IOV interrupt moderation 2")
    last = first + struct.pack("<3I2B2x3I2B2xI", 0, 64, 1000000, 1, 0, 16, 1, 0, 0, 1, 3)
    assert meaning(OFFLOAD, 0x0400, last).endswith(
        "packet direct moderation interval 1000000, VRSS yes, VMMQ no, VMMQ queue pairs 16, "
        "VRSS least queue pairs 1, VRSS queue scheduling 0, VRSS without primary processor no, "
        "VRSS independent host spreading yes, VRSS channel affinity 3")
    later = meaning(OFFLOAD, 0x0500, last + bytes((1, 0, 0, 0)))
    assert later == f"{meaning(OFFLOAD, 0x0400, last)}, 4 bytes of a later version"
    assert meaning(OFFLOAD, 0x0400, last + bytes(4)) == ""
    assert meaning(OFFLOAD, 0x0100, last) == meaning(OFFLOAD, 0x0400, first) == ""


@pytest.mark.parametrize(("feature", "data", "said"), [
    (VLAN, struct.pack("<IHHIHH", 1, 12, 0, 0, 0, 0) + bytes(1536),
     ("VLAN mode access (1), access VLAN 12, native VLAN 0, private mode none (0), "
     "primary VLAN 0, secondary VLAN 0")),
    (BANDWIDTH, struct.pack("<5Q", 0, 50, 10**8, 0, 0),
     "reservation 0, weight 50, limit 100000000, burst limit 0, burst size 0"),
    (SECURITY, struct.pack("<6B2xIB", 1, 0, 0, 2, 0, 0, 5001, 1),
     ("MAC spoofing allowed yes, DHCP guard no, router guard no, monitor mode source (2), "
     "monitor session 0, priority tags kept no, virtual subnet 5001, teaming allowed yes"))])
def test_what_was_never_seen_says_so(feature: str, data: bytes, said: str) -> None:
    assert meaning(feature, 0x0100, data) == said + UNSURE
    assert meaning(feature, None, data) == meaning(feature, 0x0100, data[:9]) == ""
    if feature != BANDWIDTH:
        assert meaning(feature, 0x0100, b"\4" * len(data)) == "", "out of range"


def test_any_bytes_end_in_words_or_none() -> None:
    dice = random.Random(1)
    for feature in (OFFLOAD, VLAN, BANDWIDTH, SECURITY, ""):
        for _ in range(300):
            data = dice.randbytes(dice.randrange(70))
            assert isinstance(meaning(feature, dice.choice((0, 256, 1024, 2**40)), data), str)


@pytest.mark.realdata
@pytest.mark.parametrize("name", [
    "dissect.hypervisor/descriptor/hyperv/test.vmcx",
    "dissect.target/hyperv/993F7B33-6057-4D1E-A1FE-A1A1D77BE974.vmcx"])
def test_the_real_settings_of_version_4_show_the_defaults_of_their_class(
        realdata: Path, name: str) -> None:
    (adapter,) = vmcx.parse(Memory((realdata / name).read_bytes())).adapters
    (feature,) = adapter.features
    assert feature.version == 0x0400
    for said in ("IPsec offload limit 512, VMQ weight 100", "IOV queue pairs 1,",
                 "VMMQ queue pairs 16, VRSS least queue pairs 1", "VRSS channel affinity 3"):
        assert said in feature.meaning
