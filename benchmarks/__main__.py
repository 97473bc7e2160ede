"""`make bench`: every benchmark, one after the other."""

from benchmarks.disk.main import main

if __name__ == "__main__":
    raise SystemExit(main())
