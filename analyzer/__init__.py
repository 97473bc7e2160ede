"""vmtrail: offline forensic analyzer of Hyper-V hosts."""

VERSION = "0.1.0"
