#!/usr/bin/env bash
# Kills a training run with SIGKILL at random moments, resumes it after each, and compares the final weights with those of a
# run that was left alone. Usage: kill_test.sh PROGRAM [KILLS]
set -u
program=$1
kills=${2:-20}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
RANDOM=4711
cat > "$scratch/small.yaml" <<'YAML'
name: kill
seed: 3
device: cpu
threads: 1
data: {source: tabular, count: 2000, batch_size: 16, split: {validation: 0.1}}
model: {backbone: {type: mlp, hidden: [64, 64], dropout: 0.1}}
tasks:
  kind: {type: classification, target: kind}
  yield: {type: regression, target: strength}
balancing: {method: uncertainty}
optimizer: {type: adamw, lr: 1e-3}
schedule: {type: cosine}
train: {epochs: 60, checkpoint_every: 40}
YAML

"$program" -q train "$scratch/small.yaml" --run-dir "$scratch/whole" > /dev/null || { echo "the uninterrupted run failed"; exit 1; }

"$program" -q train "$scratch/small.yaml" --run-dir "$scratch/run" > /dev/null 2>&1 &
pid=$!
killed=0 alive=0
while [ "$killed" -lt "$kills" ]; do
  while kill -0 $pid 2> /dev/null && [ ! -e "$scratch/run/run.json" ]; do sleep 0.02; done
  sleep "0.$(printf '%03d' $((RANDOM % 1000)))"
  if kill -9 $pid 2> /dev/null; then alive=$((alive + 1)); fi
  wait $pid 2> /dev/null
  killed=$((killed + 1))
  "$program" -q train --resume "$scratch/run" > "$scratch/out" 2> "$scratch/err" &
  pid=$!
done
if ! wait $pid; then
  echo "the last resume failed:"; cat "$scratch/err"; exit 1
fi
for which in last best; do
  if ! cmp "$scratch/whole/checkpoints/$which.safetensors" "$scratch/run/checkpoints/$which.safetensors"; then
    echo "$which.safetensors differs from the uninterrupted run's"; exit 1
  fi
done
steps() { grep -c '"kind":"step"' "$1/metrics.jsonl"; }
if [ "$(steps "$scratch/whole")" != "$(steps "$scratch/run")" ]; then
  echo "metrics.jsonl: $(steps "$scratch/run") steps instead of $(steps "$scratch/whole")"; exit 1
fi
echo "killed $alive times in $kills tries, resumed each time, same weights in the end"
[ "$alive" -ge $((kills * 3 / 4)) ] || { echo "too few kills met a live run to mean anything"; exit 1; }
