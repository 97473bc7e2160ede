"""Times in a zone for people."""

import pytest

from analyzer.errors import UsageError
from analyzer.times import LATEST, parse_iso
from analyzer.zones import local, zone_named


@pytest.mark.parametrize(("utc", "zone", "shown"), [
    ("2009-07-14T21:03:12.4411901Z", "Europe/Berlin", "2009-07-14 23:03:12.4411901 +02:00"),
    ("2009-10-25T00:30:00Z", "Europe/Berlin", "2009-10-25 02:30:00.0000000 +02:00"),
    ("2009-10-25T01:30:00Z", "Europe/Berlin", "2009-10-25 02:30:00.0000000 +01:00"),
    ("2009-03-29T00:59:59.9999999Z", "Europe/Berlin", "2009-03-29 01:59:59.9999999 +01:00"),
    ("2009-03-29T01:00:00Z", "Europe/Berlin", "2009-03-29 03:00:00.0000000 +02:00"),
    ("2009-01-01T00:00:00Z", "America/St_Johns", "2008-12-31 20:30:00.0000000 -03:30"),
    ("2009-01-01T00:00:00Z", "Asia/Kathmandu", "2009-01-01 05:45:00.0000000 +05:45"),
    ("1850-01-01T00:00:00Z", "Asia/Tokyo", "1850-01-01 09:18:59.0000000 +09:18:59"),
    ("2009-01-01T00:00:00Z", "UTC", "2009-01-01 00:00:00.0000000 +00:00"),
])
def test_local_time_has_its_offset(utc: str, zone: str, shown: str) -> None:
    assert local(parse_iso(utc), zone_named(zone)) == shown


def test_the_ends_of_time_are_shown() -> None:
    assert local(LATEST, zone_named("Asia/Tokyo")) == "9999-12-31 23:59:59.9999999 +00:00"
    assert local(1, zone_named("Asia/Tokyo")).startswith("1601-01-01 09:18:59.0000001 +09:18")


@pytest.mark.parametrize(("wrong", "near"), [
    ("Europe/Berln", "Europe/Berlin"), ("W. Europe Standard Time", "write an IANA name"),
    ("../../etc/passwd", "no time zone"), ("", "no time zone"), ("Europe", "no time zone"),
    ("+02:00", "no time zone"), ("europe/berlin", "Europe/Berlin"), ("\0", "no time zone")])
def test_what_is_no_zone_is_refused_with_what_is_near(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=near):
        zone_named(wrong)
