"""A thousand pairs of all nine exchanges at once: trades and books, 20,000 messages a second, on the cores of this machine.

The simulated exchanges are another process, on the same cores. Counted are rows lost (windows that are missing), the time from
receipt to accepted, memory, and how long /metrics takes. Then every pair trades ten times as often as all messages came before,
for ten seconds, and what is stored of them is counted at the exchange; then every connection is dropped at once. From the start on
the exchanges count what oversteps their limits.
"""

import argparse
import collections
import contextlib
import datetime
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.request

from common import DCCD, figure

PAIRS = 130
# These send a frame a level, so that fewer pairs make as many messages.
FEWER = {"krakenfutures": 40, "bitfinex": 50}
QUOTES = {
    "binance": ("USDT", ""), "binancecoinm": ("USD", ":perp"), "kraken": ("USD", ""), "krakenfutures": ("USD", ":perp"),
    "coinbase": ("USD", ""), "bybit": ("USDT", ""), "okx": ("USDT", ""), "bitfinex": ("USD", ""), "bitmex": ("USD", ":perp"),
}
SLOWEST, MOST_MIB, MOST_GROWTH, SCRAPE = 0.1, 512, 1.05, 0.1
# How long until everything is live, from a cold start and after every connection was dropped.
LIVE_WITHIN = 300
# A rush: trades a second of each pair, for so many seconds; so much more memory may be left a minute later.
RUSH, RUSH_SECS, MOST_LEFT = 200, 10, 1.1


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def configuration(folder, rest, web, port, of, deltas):
    lines = [
        f"settings: {{data_path: {folder}/data, timezone: UTC}}",
        f"http: {{listen: [\"127.0.0.1:{port}\"]}}",
        "exchanges:",
        *(f"  {name}: {{rest_url: \"{rest}/{name}\", ws_url: \"{web}/{name}\"}}" for name in QUOTES),
        "stream_jobs:",
    ]
    for name, (quote, end) in QUOTES.items():
        pairs = [f"\"P{number:03}/{quote}{end}\"" for number in range(of[name])]
        own = 12 if name == "binance" else 11
        first, rest_of = pairs[:own], pairs[own:]
        lines.append(f"  - {{exchange: {name}, pairs: [{', '.join(pairs)}], channels: [trades]}}")
        book = "channels: [book], depth: 100, time_step: 10"
        if deltas:
            lines.append(f"  - {{exchange: {name}, pairs: [{', '.join(first)}], {book}, book_deltas: true}}")
        lines.append(f"  - {{exchange: {name}, pairs: [{', '.join(rest_of if deltas else pairs)}], {book}}}")
    path = pathlib.Path(folder) / "config.yml"
    path.write_text("\n".join(lines) + "\n")
    return path


def scrape(port):
    began = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return text, time.perf_counter() - began


def ask(url, method="GET"):
    """What the simulated exchanges say of themselves."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
        return json.loads(answer.read())


def over(rest):
    """What clients asked too often, by exchange, and how often they were told so over REST."""
    seen = ask(f"{rest}/sim")
    found = {exchange: own["over"] for exchange, own in seen["sockets"].items() if own["over"]}
    refused = {status: count for status, count in seen["answers"].items() if status in ("418", "429")}
    return {**found, **({"REST": refused} if refused else {})}


def are_live(text):
    """The series that are live, books only in step."""
    own = r'exchange="(\w+)"[^}]*kind="(\w+)"[^}]*pair="([^"]+)"'
    live = set(re.findall(rf'^dccd_websocket_state\{{{own}[^}}]*state="live"\}} 1$', text, re.M))
    in_step = set(re.findall(rf"^dccd_book_in_step\{{{own}[^}}]*\}} 1$", text, re.M))
    return {series for series in live if series[1] != "orderbook"} | in_step


def total(text, family, labels=""):
    pattern = re.compile(rf"^{family}(?:\{{[^}}]*{labels}[^}}]*\}})? (\S+)$", re.M)
    return sum(float(value) for value in pattern.findall(text))


def quantile(before, after, family, share):
    """The bound of the bucket in which a share of what came between two scrapes lies."""
    def buckets(text):
        counts = {}
        for bound, value in re.findall(rf"^{family}_bucket\{{[^}}]*le=\"([^\"]+)\"\}} (\S+)$", text, re.M):
            counts[float(bound)] = counts.get(float(bound), 0) + float(value)
        return counts
    old, new = buckets(before), buckets(after)
    counts = {bound: value - old.get(bound, 0) for bound, value in new.items()}
    most = max(counts.values(), default=0)
    return next((bound for bound, count in sorted(counts.items()) if count >= share * most), float("nan"))


def memory(pid):
    """Resident, the most that ever was, and the part of the former that is the program file's."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M).group(1)) / 1024 for name in ("VmRSS", "VmHWM", "RssFile")]


def processor(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def stored(config, rest, window, of):
    """The trades of a window in milliseconds that are stored, and how many there are at the exchange."""
    at = [datetime.datetime.fromtimestamp(ms / 1e3, datetime.timezone.utc).isoformat() for ms in window]
    there, here, wrong = 0, 0, []
    for name, (quote, end) in QUOTES.items():
        read = [str(DCCD), "read", f"{name}/*/trades", "-c", str(config), "--from", at[0], "--until", at[1], "--format", "csv", "--columns", "ts"]
        lines = subprocess.run(read, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
        # Of many series the first columns are exchange and pair.
        counts = collections.Counter(line.split(",", 2)[1] for line in lines)
        for number in range(of[name]):
            wanted = ask(f"{rest}/sim/trades?symbol=P{number:03}{quote}&from={window[0]}&until={window[1]}")["trades"]
            own = counts[f"P{number:03}/{quote}{end}"]
            there, here = there + wanted, here + own
            wrong += [f"{name} P{number:03}: {own} of {wanted}"] if own != wanted else []
    return f"{here:,} stored of {there:,} at the exchanges" + (f", not the same: {wrong[:5]}" if wrong else "")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--secs", type=int, default=300)
    options.add_argument("--rate", type=int, default=2, help="trades a second of each pair")
    options.add_argument("--pairs", type=int, default=PAIRS, help="pairs of most exchanges; of some fewer, in proportion")
    options.add_argument("--deltas", action="store_true", help="every update of a hundred books is stored")
    options.add_argument("--within", type=int, default=400, help="seconds within which all are live")
    options.add_argument("--exchanges", help="only these, parted by commas")
    options.add_argument("--keep", type=pathlib.Path, help="where the last scrape is written")
    asked = options.parse_args()
    of = {name: FEWER.get(name, PAIRS) * asked.pairs // PAIRS for name in QUOTES}
    for name in set(QUOTES) - set((asked.exchanges or ",".join(QUOTES)).split(",")):
        del QUOTES[name]
    symbols = ",".join(f"P{number:03}{quote}" for quote in ("USD", "USDT") for number in range(asked.pairs))
    command = [DCCD, "sim", "--listen", "127.0.0.1:0", "--symbols", symbols, "--ws-rate", str(asked.rate), "--trades-per-hour", "60"]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        sim = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ends.callback(sim.kill)
        rest = re.search(r"http://[0-9.:]+", sim.stdout.readline()).group()
        port = free_port()
        config = configuration(folder, rest, rest.replace("http", "ws"), port, of, asked.deltas)
        log = open(pathlib.Path(folder) / "out", "w")
        dccd = subprocess.Popen([str(DCCD), "start", "-c", str(config)], stdout=log, stderr=log)
        ends.callback(dccd.kill)
        wanted, began = 2 * sum(of[name] for name in QUOTES), time.monotonic()

        def wait_for_all(began):
            """Waits until each series was live."""
            seen, late = set(), set()
            while len(seen) < wanted:
                time.sleep(1)
                with contextlib.suppress(OSError):
                    late = are_live(scrape(port)[0]) - seen
                    seen |= late
                if time.monotonic() - began > asked.within or dccd.poll() is not None:
                    print(f"after {time.monotonic() - began:.0f} s {len(seen)} of {wanted} series were live")
                    print(f"  {dict(collections.Counter(series[:2] for series in seen))}")
                    print(pathlib.Path(folder, "out").read_text()[-1500:])
                    raise SystemExit(1)
            return time.monotonic() - began, f"the last were {' '.join('/'.join(series) for series in sorted(late)[:3])}"

        cold, last_of = wait_for_all(began)
        print(f"{wanted} series of {len(QUOTES)} exchanges, all live and in step after {cold:.0f} s (goal {LIVE_WITHIN}), {last_of}; over a limit: {over(rest)}")
        first, _ = scrape(port)
        used = processor(dccd.pid), processor(sim.pid)
        sizes, files, waiting, scrapes, until = [], [], [], [], time.monotonic() + asked.secs
        while time.monotonic() < until:
            time.sleep(5)
            last, took = scrape(port)
            scrapes.append(took)
            size, _, of_file = memory(dccd.pid)
            sizes.append(size)
            files.append(of_file)
            waiting.append(total(last, "dccd_websocket_waiting_bytes") / 2**20)
        if asked.keep:
            asked.keep.write_text(last)
        frames = total(last, "dccd_websocket_messages_total") - total(first, "dccd_websocket_messages_total")
        rows = total(last, "dccd_websocket_rows_total") - total(first, "dccd_websocket_rows_total")
        slowest = quantile(first, last, "dccd_websocket_accept_seconds", 0.99)
        flat = sizes[len(sizes) * 2 // 5:]
        growth, peak = max(flat[len(flat) // 2:]) / max(flat[: len(flat) // 2]), memory(dccd.pid)[1]
        cpu = [processor(pid) - before for pid, before in zip((dccd.pid, sim.pid), used)]
        holes = {what: total(last, what) - total(first, what) for what in
                 ("dccd_websocket_holes_total", "dccd_websocket_disconnects_total", "dccd_book_breaks_total")}
        scrapes.sort()
        print(f"  {frames / asked.secs:,.0f} messages/s, {rows / asked.secs:,.0f} rows/s; "
              f"{cpu[0] / asked.secs:.2f} cores here, {cpu[1] / asked.secs:.2f} at the exchanges")
        print(f"  receipt to accepted, 99 in 100: at most {slowest * 1e3:.0f} ms (goal {SLOWEST * 1e3:.0f})")
        print(f"  memory: {peak:.0f} MiB at most (goal {MOST_MIB}), the last part {growth:.3f} of the one before (goal {MOST_GROWTH})")
        print(f"  every half a minute: {' '.join(f'{size:.0f}' for size in sizes[5::6])} MiB, of it pages of the program file "
              f"{files[0]:.0f} to {files[-1]:.0f}, rows that wait to be published {min(waiting):.0f} to {max(waiting):.0f}")
        print(f"  /metrics: {scrapes[len(scrapes) // 2] * 1e3:.0f} ms, at most {scrapes[-1] * 1e3:.0f} (goal {SCRAPE * 1e3:.0f}), {len(last) / 1e6:.1f} MB")
        figure("accepted", slowest * 1e3, "ms")
        figure("thousand_scrape", scrapes[-1] * 1e3, "ms")
        figure("thousand_growth", growth, "times")
        figure("thousand_live", cold, "s")
        figure("thousand_mib", peak, "MiB")
        print(f"  holes: {json.dumps(holes)}")

        usual, moment = max(sizes[-12:]), time.time()
        ask(f"{rest}/sim/rush?trades={RUSH}&secs={RUSH_SECS}", "POST")
        highest, until = 0, time.monotonic() + RUSH_SECS + 60
        while time.monotonic() < until:
            time.sleep(1)
            highest = max(highest, memory(dccd.pid)[0])
        left = memory(dccd.pid)[0] / usual
        print(f"  {RUSH} trades/s of each pair for {RUSH_SECS} s: memory {usual:.0f} MiB before, {highest:.0f} at most, "
              f"{left:.3f} of before a minute later (goal {MOST_LEFT})")
        figure("rush_left", left, "times")
        window = int(moment) * 1_000 - 5_000, int(moment) * 1_000 + RUSH_SECS * 1_000 + 20_000

        ended = total(scrape(port)[0], "dccd_websocket_disconnects_total")
        dropped = time.monotonic()
        ended += sum(own["open"] for own in ask(f"{rest}/sim/drop", "POST")["sockets"].values())
        # Until every end was noticed what was live before would count.
        while total(scrape(port)[0], "dccd_websocket_disconnects_total") < ended and time.monotonic() - dropped < LIVE_WITHIN:
            time.sleep(0.2)
        again, last_of = wait_for_all(dropped)
        print(f"  every connection dropped at once: all live and in step after {again:.0f} s (goal {LIVE_WITHIN}), {last_of}; over a limit: {over(rest)}")
        figure("thousand_again", again, "s")
        time.sleep(30)
        dccd.terminate()
        print(f"  stopped with {dccd.wait(60)}")
        gaps = subprocess.run([str(DCCD), "gaps", "-c", str(config), "--open", "--json"], capture_output=True, text=True, check=True)
        still = collections.Counter(gap["series"].split("/")[0] + " " + gap["series"].split("/")[2] for gap in json.loads(gaps.stdout))
        print(f"  open gaps half a minute later: {sum(still.values())} {dict(still.most_common())}")
        print(f"  trades of the rush: {stored(config, rest, window, of)}")


if __name__ == "__main__":
    main()
