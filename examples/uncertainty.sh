#!/usr/bin/env bash
# The uncertainty workflow with flags. Every flag is one override of examples/uncertainty.yaml.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${POLYTASK:-polytask}
overrides=()

usage() {
  cat <<'TEXT'
usage: uncertainty.sh [flags] [a.b=value …]
  --train-json FILE        data.train=FILE          records {image, company, model, diameter, length}
  --val-json FILE          data.validation=FILE
  --image-root DIR         data.root=DIR            where relative image paths begin (default: the list's folder)
  --uncertainty            balancing.method=uncertainty (the default)
  --no-uncertainty         balancing.method=equal
  --grad-norm [NORM]       train.clip.heads=NORM    gradient normalisation of every head (the default, 1.0)
  --no-grad-norm           train.clip.heads=
  --init-log-vars A,B,C,D  balancing.initial_log_vars=[A,B,C,D]   one per task, in the order of the file
  --epochs N               train.epochs=N
  --batch-size N           data.batch_size=N
  --lr RATE                optimizer.lr=RATE
  --output DIR             --run-dir DIR
The program is taken from $POLYTASK, or found on the PATH.
TEXT
}

need() { [ $# -ge 2 ] || { echo "uncertainty.sh: $1 needs a value" >&2; exit 2; }; }

while [ $# -gt 0 ]; do
  case $1 in
    --train-json) need "$@"; overrides+=("data.train=$2"); shift ;;
    --val-json) need "$@"; overrides+=("data.validation=$2"); shift ;;
    --image-root) need "$@"; overrides+=("data.root=$2"); shift ;;
    --uncertainty) overrides+=("balancing.method=uncertainty") ;;
    --no-uncertainty) overrides+=("balancing.method=equal") ;;
    --grad-norm)
      case ${2:-} in
        [0-9]*) overrides+=("train.clip.heads=$2"); shift ;;
        *) overrides+=("train.clip.heads=1.0") ;;
      esac ;;
    --no-grad-norm) overrides+=("train.clip.heads=") ;;
    --init-log-vars) need "$@"; overrides+=("balancing.initial_log_vars=[$2]"); shift ;;
    --epochs) need "$@"; overrides+=("train.epochs=$2"); shift ;;
    --batch-size) need "$@"; overrides+=("data.batch_size=$2"); shift ;;
    --lr) need "$@"; overrides+=("optimizer.lr=$2"); shift ;;
    --output) need "$@"; overrides+=("--run-dir" "$2"); shift ;;
    -h | --help) usage; exit 0 ;;
    *=* | -q | --quiet) overrides+=("$1") ;;
    *) echo "uncertainty.sh: unknown flag \"$1\"; --help lists them" >&2; exit 2 ;;
  esac
  shift
done
exec "$program" train "$here/uncertainty.yaml" "${overrides[@]}"
