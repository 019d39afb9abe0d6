"""What the scripts share: a child's processor time and memory, the simulated exchange, a configuration."""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DCCD = pathlib.Path(os.environ.get("DCCD", ROOT / "target/release/dccd"))
MINUTE = 60


class Cost:
    """What a child process used."""

    def __init__(self, cpu, wall, peak_mib, output):
        self.cpu, self.wall, self.peak_mib, self.output = cpu, wall, peak_mib, output


def run(command, timeout=600, check=True):
    """Runs a command to its end and says what it cost."""
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        deadline = began + timeout
        while True:
            pid, status, used = os.wait4(child.pid, 0 if timeout is None else os.WNOHANG)
            if pid:
                break
            if time.perf_counter() > deadline:
                child.kill()
                timeout = None
            time.sleep(0.0005)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read()
    if check and child.returncode != 0:
        raise SystemExit(f"{command} ended with {child.returncode}:\n{output[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, output)


@contextlib.contextmanager
def simulated_exchange(weight_limit=4_000_000_000, symbols=(), options=()):
    """A simulated exchange in a process of its own; gives its address."""
    command = [str(DCCD), "sim", "--listen", "127.0.0.1:0", "--weight-limit", str(weight_limit), *options]
    command += ["--symbols", ",".join(symbols)] if symbols else []
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield re.search(r"http://[0-9.:]+", child.stdout.readline()).group()
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def write_config(folder, url, data="data", span=60, pairs=("BTC/USDT",)):
    """A configuration for dccd, of one series if not told otherwise."""
    path = pathlib.Path(folder) / "config.yml"
    path.write_text(
        f"settings: {{data_path: {folder}/{data}, timezone: UTC}}\n"
        f"exchanges: {{binance: {{rest_url: \"{url}\"}}}}\n"
        "http: {listen: []}\n"
        f"histo_jobs: [{{exchange: binance, pairs: [{', '.join(pairs)}], span: {span}}}]\n"
    )
    return path


def middle(values):
    return statistics.median(values)


def figure(name, value, unit):
    """A line that report.py reads."""
    print(f"figure {name} {value:.4g} {unit}")


def date(secs):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(secs))
