#!/usr/bin/env bash
# How often verdicts are right, on real runs: the same kernel and plan twice (A/A), and a slowdown of known cause.
#
#   tests/study.sh FLOWGAUGE FOLDER instructions [PAIRS] [SLOWER]     about 25 s a run on two quiet cores
#   tests/study.sh FLOWGAUGE FOLDER wall [PAIRS]                      about 40 s a run
#
# Every run stays in FOLDER. Prints a Markdown table: a line a comparison, and the sums.
set -euo pipefail
flowgauge=$1 folder=$2 clock=$3 pairs=${4:-20} slower=${5:-10}
plan=(westphal-forwarding --kernel debian:6.12 --clock "$clock" --quiet)
[ "$clock" = wall ] && plan+=(--blocks 10 --packets 30000) slower=0

measure() { # name, more flags: a run, once; one that did not get to its end is done again when this is started again
	local name=$1
	shift
	[ -e "$folder/$name/LAST/result.json" ] && return
	"$flowgauge" bench "${plan[@]}" "$@" --out "$folder/$name" >"$folder/$name.txt" || {
		rm -rf "${folder:?}/$name"
		echo "run $name failed; its last words are in $folder/$name.txt" >&2
		exit 1
	}
}
verdicts() { # base, new, more flags: each row's verdict in one line; a regression ends compare with 1
	local rows
	rows=$("$flowgauge" compare "$folder/$1/LAST" "$folder/$2/LAST" "${@:3}" --json || [ $? -eq 1 ])
	python3 -c '
import json, sys
for row in json.load(sys.stdin)["rows"]:
    key, shift = row["key"], row["shift"]
    change = "%+.2f %%" % (100 * (shift["ratio"] - 1)) if shift else "-"
    print(key["datapath"], row["verdict"], change, sep="\t")
' <<<"$rows"
}

mkdir -p "$folder"
echo "| comparison | row | verdict | change |"
echo "|---|---|---|---|"
declare -A count
line() { # kind, number, base, new, more flags
	local kind=$1 number=$2
	shift 2
	while IFS=$'\t' read -r row verdict change; do
		echo "| $kind $number | $row | $verdict | $change |"
		count["$kind, $row: $verdict"]=$((${count["$kind, $row: $verdict"]:-0} + 1))
	done < <(verdicts "$@")
}
measure same-0 --seed 100
for i in $(seq "$pairs"); do
	measure "same-$i" --seed $((100 + i))
	line A/A "$i" "same-$((i - 1))" "same-$i"
done
for i in $(seq "$slower"); do
	measure "slower-$i" --seed $((200 + i)) --extra-rules 1
	line "one rule more" "$i" "same-$i" "slower-$i" --allow plan
done
echo
for key in "${!count[@]}"; do echo "- $key: ${count[$key]}"; done | sort
