#!/usr/bin/env bash
# Interrupts a comparison once, then kills it with SIGKILL at random moments, starts it again after each, and compares its
# table with that of a comparison that was left alone (times and memory aside). Usage: compare_kill_test.sh PROGRAM [KILLS]
set -u
program=$1
kills=${2:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
RANDOM=815
cat > "$scratch/small.yaml" <<'YAML'
name: kill
seed: 3
device: cpu
threads: 1
data: {source: tabular, count: 1500, batch_size: 16, split: {validation: 0.1, test: 0.1}}
model: {backbone: {type: mlp, hidden: [32], dropout: 0.1}}
tasks:
  kind: {type: classification, target: kind}
  yield: {type: regression, target: strength}
train: {epochs: 8, checkpoint_every: 20}
tracking: {tensorboard: false}
compare: {methods: [uncertainty], seeds: 1, grid: [[3, 1]]}
YAML
compare() { exec "$program" -q compare "$scratch/small.yaml" -o "$1" > "$scratch/out" 2> "$scratch/err"; }
fail() { echo "$1"; cat "$scratch/err"; exit 1; }

(compare "$scratch/whole") || fail "the uninterrupted comparison failed:"

(compare "$scratch/c") &
pid=$!
while kill -0 $pid 2> /dev/null && ! compgen -G "$scratch/c/members/*/metrics.jsonl" > /dev/null; do sleep 0.05; done
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] || fail "an interrupted comparison ended with status $status instead of 130:"
grep -q 'same command' "$scratch/err" || fail "it does not say how to go on:"

alive=0
for ((k = 0; k < kills; k++)); do
  (compare "$scratch/c") &
  pid=$!
  sleep "$((RANDOM % 3)).$(printf '%03d' $((RANDOM % 1000)))"
  if kill -9 $pid 2> /dev/null; then alive=$((alive + 1)); fi
  wait $pid 2> /dev/null
  sleep 0.3
  if pgrep -f "$scratch/c/" > /dev/null; then echo "a training outlives its comparison"; exit 1; fi
done
(compare "$scratch/c") || fail "the last start failed:"

table() { grep -v -e ',step_ms,' -e ',memory_mib,' "$1/compare.csv"; }
if ! diff <(table "$scratch/whole") <(table "$scratch/c"); then
  echo "the table differs from the uninterrupted comparison's"; exit 1
fi
tail -n 1 "$scratch/out" | grep -q "^compare: $scratch/c/compare.md$" || fail "the last line does not name the table:"
echo "interrupted once, killed $alive times in $kills tries, same table in the end"
