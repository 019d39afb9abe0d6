#!/bin/sh
# Runs the parts that are named and writes docs/performance.md. If none is named it runs all but `compare`, which needs the
# network, and `limits` and `fleet`, which take long.
# What a part printed stays in target/bench/PART.txt, with the state of the sources it was run on.
set -eu
cd "$(dirname "$0")/.."

standard="decode pages encodings backfill commands daemon append journal read book_at exposition tracker queues history first_view live live_books thousand deltas build"
named="limits fleet compare"
parts="${*:-$standard}"
printed="target/bench"
core=""
command -v taskset > /dev/null && core="taskset -c 0"

for part in $parts; do
    case " $standard $named " in
    *" $part "*) ;;
    *)
        echo "unknown part \`$part\`; choose from $standard $named" >&2
        exit 2
        ;;
    esac
done

# Only what the parts need: each bench links the whole program.
benches=""
for part in $parts; do
    case "$part" in
    decode) benches="$benches --bench decode_publish" ;;
    live | live_books) benches="$benches --bench $part" ;;
    backfill | thousand | deltas | build | limits) ;;
    compare) benches="$benches --bench live --bench live_books --bench parts" ;;
    *) benches="$benches --bench parts" ;;
    esac
done
# shellcheck disable=SC2086 # Several words, or none.
cargo build --release --quiet --bins $benches
mkdir -p "$printed"
key=$(python3 benches/report.py --key)
failed=""

# Each part is bounded: a hang is a failure, not a wait. One that fails is named at the end, and not run as far as the page goes.
bounded() {
    own="$printed/$part.txt"
    began=$(date +%s)
    if timeout --kill-after=10 "$@" > "$own.new" 2>&1; then
        load=$(cut -d ' ' -f 1-2 /proc/loadavg)
        printf '%s; %s, %s s, load %s\n' "$key" "$(date -u +%FT%H:%MZ)" "$(($(date +%s) - began))" "$load" > "$own"
        cat "$own.new" >> "$own"
        cat "$own.new"
    else
        echo "$part ended with $?:" >&2
        cat "$own.new" >&2
        rm -f "$own"
        failed="$failed $part"
    fi
    rm -f "$own.new"
}

# The bound that `decode` measured in the same state.
bound() {
    [ "$(head -n 1 "$printed/decode.txt" 2> /dev/null | cut -d ';' -f 1)" = "$key" ] || return 0
    sed -n 's/^figure bound \([0-9.]*\).*/--bound \1/p' "$printed/decode.txt"
}

for part in $parts; do
    echo "== $part"
    # shellcheck disable=SC2086,SC2046 # $core is a command of several words or none, and so is the bound.
    case "$part" in
    decode) bounded 300 $core cargo bench --quiet --bench decode_publish ;;
    pages) bounded 300 $core cargo bench --quiet --bench parts -- decode ;;
    encodings | journal) bounded 300 $core cargo bench --quiet --bench parts -- "$part" ;;
    live | live_books) bounded 900 cargo bench --quiet --bench "$part" ;;
    backfill) bounded 300 python3 benches/backfill.py $(bound) ;;
    commands | daemon) bounded 300 python3 "benches/$part.py" ;;
    thousand | build) bounded 1800 python3 "benches/$part.py" ;;
    deltas) bounded 1800 python3 benches/thousand.py --deltas ;;
    compare) bounded 1800 python3 benches/compare.py ;;
    limits) bounded 5400 python3 benches/limits.py ;;
    *) bounded 900 cargo bench --quiet --bench parts -- "$part" ;;
    esac
done
python3 benches/report.py
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
