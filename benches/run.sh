#!/bin/sh
# Runs the measurements and prints one report. Parts may be named: decode encodings backfill commands live thousand compare.
# Without names all but `thousand`, which takes minutes, and `compare` run, which installs the Python dccd too.
set -eu
cd "$(dirname "$0")/.."

parts="${*:-decode encodings backfill commands live}"
report="target/bench-report.txt"
core=""
command -v taskset > /dev/null && core="taskset -c 0"

for part in $parts; do
    case "$part" in
    decode | encodings | backfill | commands | live | thousand | compare) ;;
    *)
        echo "unknown part \`$part\`; choose from decode, encodings, backfill, commands, live, thousand, compare" >&2
        exit 2
        ;;
    esac
done

cargo build --release --quiet --bins --benches
: > "$report"

# Each part is bounded: a hang is a failure, not a wait.
bounded() {
    timeout --kill-after=10 "$@" > target/bench-part.txt 2>&1 || {
        status=$?
        cat target/bench-part.txt >&2
        exit "$status"
    }
    cat target/bench-part.txt
    cat target/bench-part.txt >> "$report"
}

for part in $parts; do
    case "$part" in
    # shellcheck disable=SC2086 # $core is a command of several words, or none
    decode) bounded 300 $core cargo bench --quiet --bench decode_publish ;;
    # shellcheck disable=SC2086
    encodings) bounded 300 $core cargo bench --quiet --bench encodings ;;
    backfill)
        bound=$(sed -n 's/^bound_rows_per_cpu_second //p' "$report")
        bounded 300 python3 benches/backfill.py ${bound:+--bound "$bound"}
        ;;
    commands) bounded 300 python3 benches/commands.py ;;
    live) bounded 400 cargo bench --quiet --bench live ;;
    thousand) bounded 900 python3 benches/thousand.py ;;
    compare) bounded 900 python3 benches/compare.py ;;
    esac
    echo
done
echo "the report is in $report"
