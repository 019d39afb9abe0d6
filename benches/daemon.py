"""A daemon that has nothing to do: idle with 100 series, once it has fetched a month of each; then its start, its page and
`healthcheck` with 1,000 series of three yearly files each, whose exchange refuses every connection.
"""

import contextlib
import gzip
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from commands import SERIES, tree
from common import DCCD, date, figure, middle, run, simulated_exchange

IDLE_SERIES, IDLE_SECS = 100, 20
STARTS, VIEWS = 5, 20
# A child's highest memory is at least that of the process which began it, so a smaller one does.
LAUNCHER = """import posix, sys
child = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ)
print(posix.wait4(child, 0)[2].ru_maxrss)"""


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def write_config(folder, port, pairs, url="http://127.0.0.1:1", start="2026-01-01"):
    path = pathlib.Path(folder) / "config.yml"
    path.write_text(
        f"settings: {{data_path: {folder}/data, timezone: UTC}}\n"
        f"exchanges: {{binance: {{rest_url: \"{url}\"}}}}\n"
        f"http: {{listen: [\"127.0.0.1:{port}\"]}}\n"
        f"histo_jobs: [{{exchange: binance, pairs: [{', '.join(pairs)}], span: 86400, every: 86400, start: {start}}}]\n"
    )
    return path


def ask(port, path):
    """The body of an answer as it came, and its headers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), answer.headers


@contextlib.contextmanager
def daemon(config, port):
    """A daemon that is ready; gives its process and how long it took, in ms."""
    began = time.perf_counter()
    with open(config.parent / "out", "w") as out:
        child = subprocess.Popen([str(DCCD), "start", "-c", str(config)], stdout=out, stderr=out)
        try:
            while True:
                with contextlib.suppress(OSError):
                    ask(port, "/-/ready")
                    break
                if child.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit(f"the daemon is not ready:\n{(config.parent / 'out').read_text()[-2000:]}")
                time.sleep(0.002)
            yield child, (time.perf_counter() - began) * 1e3
        finally:
            child.terminate()
            child.wait(30)


def memory_mib(pid, name="VmRSS"):
    return int(re.search(rf"{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def wake_ups(pid):
    """How often its threads have waited and gone on."""
    texts = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M).group(1)) for text in texts)


def processor_secs(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def idle():
    names = [f"C{number:04}" for number in range(IDLE_SERIES)]
    month_ago = date(time.time() - 30 * 86_400)[:10]
    with tempfile.TemporaryDirectory() as folder, simulated_exchange(symbols=[f"{name}USDT" for name in names]) as url:
        port = free_port()
        config = write_config(folder, port, [f"{name}/USDT" for name in names], url, month_ago)
        with daemon(config, port) as (child, _):
            until = time.monotonic() + 60
            while fetched(port) < IDLE_SERIES:
                if time.monotonic() > until:
                    raise SystemExit(f"only {fetched(port)} of {IDLE_SERIES} series were fetched")
                time.sleep(0.5)
            # What follows a fetch is over.
            time.sleep(10)
            woken, used = wake_ups(child.pid), processor_secs(child.pid)
            time.sleep(IDLE_SECS)
            woken, used = (wake_ups(child.pid) - woken) / IDLE_SECS, (processor_secs(child.pid) - used) / IDLE_SECS
            mib, of_file = memory_mib(child.pid), memory_mib(child.pid, "RssFile")
    print(f"idle with {IDLE_SERIES} series: {mib:.0f} MiB, {of_file:.0f} of it pages of the program file, woken {woken:.0f} times a second, {100 * used:.1f} % of a core")
    figure("idle_mib", mib, "MiB")
    figure("idle_wake_ups", woken, "1/s")


def fetched(port):
    """How many series have had a run without an error."""
    body, headers = ask(port, "/metrics")
    text = (gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body).decode()
    return len(re.findall(r"^dccd_job_last_success_timestamp_seconds\{[^}]*\} [1-9]", text, re.M))


def peak_mib(*command):
    """The highest memory of a command that may be a small one."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, command)]
    printed = subprocess.run(launch, check=True, capture_output=True, text=True).stdout
    return int(printed.splitlines()[-1]) / 1024


def first_view(port):
    """How long the page and what it loads take, in ms, and their bytes on the wire."""
    began = time.perf_counter()
    body, headers = ask(port, "/")
    page = (gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body).decode()
    parts = set(re.findall(r"""<link[^>]* href="(/[^"]+\.css[^"]*)"|<script[^>]* src="(/[^"]+)\"""", page))
    size = len(body) + sum(len(ask(port, style or script)[0]) for style, script in parts)
    return (time.perf_counter() - began) * 1e3, size, len(parts)


def many():
    with tree() as folder:
        port = free_port()
        config = write_config(folder, port, [f"C{number:04}/USDT" for number in range(SERIES)])
        ready = []
        for _ in range(STARTS):
            with daemon(config, port) as (_, took):
                ready.append(took)
        with daemon(config, port) as (child, _):
            views = [first_view(port) for _ in range(VIEWS)]
            checks = [run([DCCD, "healthcheck", "-c", config]) for _ in range(VIEWS)]
            peak = middle([peak_mib(DCCD, "healthcheck", "-c", config) for _ in range(STARTS)])
            mib = memory_mib(child.pid)
    took, size, check = middle([view[0] for view in views]), views[0][1], middle([cost.wall * 1e3 for cost in checks])
    print(f"with {SERIES:,} series of 3 files: ready after {middle(ready):.0f} ms (median of {STARTS}), {mib:.0f} MiB")
    print(f"  the page and the {views[0][2]} files it loads: {took:.1f} ms (median of {VIEWS}), {size / 1e3:.0f} kB")
    print(f"  healthcheck: {check:.1f} ms (median of {VIEWS}), {peak:.1f} MiB")
    figure("ready", middle(ready), "ms")
    figure("page", took, "ms")
    figure("page_size", size / 1e3, "kB")
    figure("healthcheck", check, "ms")
    figure("healthcheck_mib", peak, "MiB")


if __name__ == "__main__":
    idle()
    many()
