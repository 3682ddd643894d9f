#!/usr/bin/env bash
# Counts the instructions of single operations (verify, sign, start, …) under valgrind, and
# compares them with testing/counts/baseline.txt. Unlike times, counts are the same on a busy
# machine, so that many small slowdowns are seen:
#
#   scripts/counts.sh [OPERATION…]       compares; exit status 1 above +3 %
#   scripts/counts.sh --write            writes a new baseline
#   scripts/counts.sh --profile OPERATION  lists the functions with the most instructions
#
# Counts can only be compared with the same compilers, C library and valgrind. With others, the
# script says so, prints the table, and does not fail.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

# In thousandths: 30 is 3 %.
limit=30
baseline=testing/counts/baseline.txt

mode=compare
case ${1:-} in
--write | --profile) mode=${1#--} && shift ;;
-*)
    echo "invalid option: expected --write or --profile OPERATION, got $1" >&2
    exit 2
    ;;
esac
wanted=("$@")
case $mode-$# in
write-0 | profile-1 | compare-*) ;;
write-*)
    echo "invalid arguments: expected no operation after --write, because it counts all of them" >&2
    exit 2
    ;;
*)
    echo "invalid arguments: expected one operation after --profile, got $#" >&2
    exit 2
    ;;
esac

install_toolchain
command -v valgrind >/dev/null || install_packages valgrind

# environment — prints what the counts depend on, besides the code.
environment() {
    rustc --version
    echo "C compiler $(cc -dumpfullversion -dumpversion), C library $(ldd --version | awk 'NR == 1 { print $NF }'), $(valgrind --version)"
    # Cryptography and the C library choose their code by the processor, as valgrind shows it.
    echo "$(uname -m)$(grep -q -m1 -w avx2 /proc/cpuinfo && echo ' with AVX2')"
}

# Always with the versions of the workspace: a lock file of its own would get old.
cp Cargo.lock testing/counts/Cargo.lock
folder=${CARGO_TARGET_DIR:-target}/counts
echo "building rehearsal-counts"
# Flags of the caller would change the counts.
env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CFLAGS -u CXXFLAGS \
    cargo build --quiet --release --manifest-path testing/counts/Cargo.toml --target-dir "$folder"
program=$folder/release/rehearsal-counts
if grep '^checksum' testing/counts/Cargo.lock | grep -vxFf <(grep '^checksum' Cargo.lock) >/dev/null; then
    echo "testing/counts needs packages that are not in Cargo.lock; use the workspace's versions in testing/counts/Cargo.toml" >&2
    exit 1
fi

data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
"$program" prepare "$data"

# under TOOL OPTION… -- OPERATION N — runs the operation under valgrind. With an empty
# environment, because programs search it.
under() {
    local tool=("$1")
    shift
    while [ "$1" != -- ]; do tool+=("$1") && shift; done
    rm -f "$data"/*.db*
    if ! env -i "$(command -v valgrind)" "--log-file=$data/log" "--tool=${tool[0]}" "${tool[@]:1}" \
        "$program" run "$data" "$2" "$3"; then
        cat "$data/log" >&2
        echo "cannot count the instructions of $2; see above" >&2
        exit 1
    fi
}

# instructions OPERATION N — prints the number of instructions of the whole process.
instructions() {
    under cachegrind --cache-sim=no --cachegrind-out-file="$data/out" -- "$1" "$2"
    sed -n 's/^summary: //p' "$data/out"
}

if [ "$mode" = profile ]; then
    repetitions=$("$program" list | awk -v name="${wanted[0]}" '$1 == name { print $2 }')
    if [ -z "$repetitions" ]; then
        echo "operation ${wanted[0]} not found; there are: $("$program" list | cut -d' ' -f1 | tr '\n' ' ')" >&2
        exit 2
    fi
    # Ten times as many repetitions as for a count, so that the preparation is a small part.
    under callgrind --callgrind-out-file="$folder/callgrind.out" -- "${wanted[0]}" "$((repetitions * 10))"
    callgrind_annotate --auto=no --threshold=95 "$folder/callgrind.out" |
        sed -n '/PROGRAM TOTALS/p; /file:function/,$p' | sed 's/ \[[^]]*\]$//'
    echo "every call: callgrind_annotate --tree=both $folder/callgrind.out"
    exit
fi

for name in "${wanted[@]}"; do
    # Not -q: it ends before the program has written everything, which makes the program fail.
    if ! "$program" list | grep "^$name " >/dev/null; then
        echo "operation $name not found; there are: $("$program" list | cut -d' ' -f1 | tr '\n' ' ')" >&2
        exit 2
    fi
done

# The difference between N and 2 N repetitions, so that preparation and what happens only once
# are not counted.
while read -r name repetitions; do
    [ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " = *" $name "* ]] || continue
    once=$(instructions "$name" "$repetitions")
    twice=$(instructions "$name" "$((2 * repetitions))")
    echo "$name $(((twice - once) / repetitions))" >>"$data/counts"
done < <("$program" list)

if [ "$mode" = write ]; then
    {
        echo "# Instructions of one repetition of each operation; scripts/counts.sh --write writes this file."
        environment | sed 's/^/# /'
        cat "$data/counts"
    } >"$baseline"
    echo "written: $baseline"
    cat "$baseline"
    exit
fi

same=yes
if ! diff <(sed -n 's/^# //p' "$baseline" | tail -n +2) <(environment) >"$data/diff"; then
    same=no
    message="NOT COMPARED: the baseline is from another environment, so the ratios say little"
    # Shown on the page of the job, which is green.
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::warning::$message"
    echo "$message (< baseline, > here):"
    grep '^[<>]' "$data/diff"
fi

# Prints the table; exit status 1 if an operation is above the limit.
failed=0
awk -v limit="$limit" -v same="$same" '
    /^#/ { next }
    NR == FNR { baseline[$1] = $2; next }
    FNR == 1 { printf "%-14s %14s %14s %8s\n", "operation", "instructions", "baseline", "ratio" }
    !($1 in baseline) {
        printf "%-14s %14d %14s %8s  new: scripts/counts.sh --write\n", $1, $2, "-", "-"
        next
    }
    {
        ratio = $2 / baseline[$1]
        verdict = ""
        if (same == "yes" && ratio > 1 + limit / 1000) {
            verdict = "  MORE than +" limit / 10 " %"
            more = 1
        }
        if (same == "yes" && ratio < 1 - limit / 1000)
            verdict = "  less: write a new baseline with scripts/counts.sh --write"
        printf "%-14s %14d %14d %8.4f%s\n", $1, $2, baseline[$1], ratio, verdict
    }
    END { exit more }
' "$baseline" "$data/counts" || failed=1
if [ "$failed" = 1 ]; then
    echo "scripts/counts.sh --profile OPERATION shows the functions with the most instructions. If more are"
    echo "needed now, say why in the commit, and write a new baseline: scripts/counts.sh --write"
    exit 1
fi
