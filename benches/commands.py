"""Wall time of short commands on a data path of 1,000 series with three yearly files each."""

import contextlib
import json
import pathlib
import tempfile

from common import DCCD, ROOT, figure, middle, run

SERIES = 1_000
COMMANDS = ("--help", "validate", "status", "inventory")


@contextlib.contextmanager
def tree():
    """A folder with a configuration and its data path."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = ["--manifest-path", ROOT / "Cargo.toml"]
        run(["cargo", "bench", "-q", *manifest, "--bench", "parts", "--", "inventory_tree", folder, SERIES])
        entry = {"last_run_at": 1.7e9, "last_success_at": 1.7e9, "rows_collected": 1_095, "errors_count": 0}
        health = {f"binance/C{number:04}/USDT": entry for number in range(SERIES)}
        state = pathlib.Path(folder) / "data/.dccd"
        state.mkdir(exist_ok=True)
        (state / "metrics.json").write_text(json.dumps(health))
        yield folder


def wall_ms(program, name, folder, times):
    """Median wall time of a command, after one run to warm up, and what that run showed."""
    words = [program, name] if name == "--help" else [program, name, "-c", f"{folder}/config.yml"]
    shown = run(words).output
    return middle([run(words).wall * 1_000 for _ in range(times)]), shown


def main():
    with tree() as folder:
        print(f"commands at {SERIES:,} series of 3 files, median of 20, wall")
        for name in COMMANDS:
            took, shown = wall_ms(DCCD, name, folder, 20)
            if name in ("status", "inventory") and f"C{SERIES - 1:04}" not in shown:
                raise SystemExit(f"{name} does not show the last series:\n{shown[-500:]}")
            print(f"  {name:10} {took:7.1f} ms")
            figure(name.strip("-"), took, "ms")
        print(f"  the program has {DCCD.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
