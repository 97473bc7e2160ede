"""Names that break writers, each for a reason (RELIABILITY T10-T13)."""

NAMES = (
    "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://x.invalid\x07link\x1b]8;;\x07",
    "\x9b31m", "\x90payload\x9c", "line\r\nSet-Cookie: x", "\r", "\n", "tab\there", "\x00nul",
    "\x7fdel", "\x08\x08\x08back", "\u202egnp.exe", "\u2066isolate\u2069", "zero\u200bwidth",
    "\ufeffbom", "\u2028line\u2029paragraph", "\ud800lone", "\udcfflow", "soft\u00adhyphen",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>",
    "</title></style><script>alert(1)</script>", "{{7*7}}", "{% for x in y %}", "${7*7}",
    "javascript:alert(1)", "&lt;b&gt;&#60;", "]]><!-- -->", "=cmd|' /C calc'!A0", "+1+1", "-1-1",
    "@SUM(A1)", '"quoted","comma"', "a|b|c%7C%d", "../../x/y", "..\\..\\evil", "C:evil",
    "CON", "trailing. ", "N" * 255, "\u0300" * 40 + "zalgo", "漢字" * 60, "'single", "\\x1b",
    "vm' --flag '", "$(reboot)`reboot`",
)
