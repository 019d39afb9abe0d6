"""How long a release build takes from nothing, and how large the program is. Takes minutes and a few GB for that long."""

import os
import tempfile
import time

from common import ROOT, figure, run


def main():
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        began = time.perf_counter()
        # What is fetched from elsewhere is not counted.
        build = ["cargo", "build", "--release", "--locked", "--offline", "--bin", "dccd"]
        run([*build, "--manifest-path", ROOT / "Cargo.toml", "--target-dir", folder], timeout=1_800)
        minutes = (time.perf_counter() - began) / 60
        size = os.stat(f"{folder}/release/dccd").st_size / 1e6
    print(f"a cold release build: {minutes:.1f} min on {os.cpu_count()} cores; the program has {size:.1f} MB")
    figure("build", minutes, "min")
    figure("size", size, "MB")


if __name__ == "__main__":
    main()
