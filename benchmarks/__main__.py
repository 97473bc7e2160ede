"""`make bench`: every benchmark, one after the other."""

from benchmarks.disk import main as disk
from benchmarks.isolation import main as isolation
from benchmarks.mft import main as mft
from benchmarks.timeline import main as timeline

if __name__ == "__main__":
    raise SystemExit(disk.main() | timeline.main([]) | mft.main([]) | isolation.main([]))
