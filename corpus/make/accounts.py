"""Who is who on HV-BERLIN01: SAM, SECURITY and ProfileList, and what is true of them.

The owner of its machines is the Administrator of the domain; K. Bauer has an account of her own.
"""

from __future__ import annotations

from corpus.make import hive, sam
from corpus.make.times import DAY, TICKS, ticks

COMPUTER = "S-1-5-21-2903417745-1176544021-3351886440"
DOMAIN = "S-1-5-21-1482476501-839522115-2147093821"
USERS = (
    sam.User(500, "Administrator", "", 0x210, 41, ticks("2009-11-20 07:02:51.1234567"),
             ticks("2009-06-02 08:41:20")),
    sam.User(501, "Guest", "", 0x215),
    sam.User(1001, "kbauer", "Katja Bäuer", 0x10, 7, ticks("2009-10-30 15:10:44"),
             ticks("2009-07-01 09:12:33")),
)
ALIASES = (
    sam.Alias(544, "Administrators", [f"{COMPUTER}-500", f"{COMPUTER}-1001", f"{DOMAIN}-512"],
              "Administrators have complete and unrestricted access to the computer/domain"),
    sam.Alias(545, "Users", ["S-1-5-4", "S-1-5-11", f"{DOMAIN}-513"]),
)
PROFILES = {
    "S-1-5-18": "%systemroot%\\system32\\config\\systemprofile",
    f"{COMPUTER}-500": "C:\\Users\\Administrator",
    f"{DOMAIN}-1117": "C:\\Users\\operator.CORP",
}


def hives(computer: str, installed: int) -> dict[str, hive.Key]:
    """SAM and SECURITY of the computer with this name."""
    return {"SAM": sam.sam_hive(COMPUTER, USERS, ALIASES, installed + DAY),
            "SECURITY": sam.security_hive(COMPUTER, computer, DOMAIN, "CORP", installed + DAY)}


def add_profiles(software: hive.Key, installed: int) -> None:
    """ProfileList."""
    for number, (sid, path) in enumerate(PROFILES.items()):
        key = software.key(f"Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\{sid}",
                           installed + DAY + number * TICKS)
        key.set(hive.expand_sz("ProfileImagePath", path))


def truth() -> dict[str, object]:
    """What the hives say, for truth/ws2008.json."""
    return {
        "computer_sid": COMPUTER, "domain_sid": DOMAIN, "domain": "CORP",
        "users": [{"sid": f"{COMPUTER}-{user.rid}", "name": user.name, "logons": user.logons,
                   "last_logon": user.last_logon, "password_set": user.password_set}
                  for user in USERS],
        "aliases": {alias.name: list(alias.members) for alias in ALIASES},
        "profiles": PROFILES,
    }
