#!/usr/bin/env bash
# Maps a made forest scene with a U-Net of three heads and the allometry coupling, and compares the program's peak memory with
# that of an idle one; then interrupts the mapping, which must leave nothing. Usage: map_memory_test.sh PROGRAM [SIDE] [TILE]
set -u
program=$1
side=${2:-2000}
tile=${3:-512}
allowed_mb=1000
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "$*"; exit 1; }

cat > "$scratch/forest.yaml" <<'YAML'
name: mapping
device: cpu
threads: 1
data: {source: forest, count: 24, size: 32, split: {validation: 0.2, group: scene}}
model: {backbone: {type: unet, width: 8, depth: 2}}
tasks:
  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}
  height: {type: dense_regression, target: height, head: {type: unet_decoder}}
  biomass: {type: dense_regression, target: biomass, head: {type: unet_decoder}}
couplings:
  allometry: {type: allometry, genus: genus, height: height, biomass: biomass, parameters: training, weight: 0.1}
train: {epochs: 1}
tracking: {tensorboard: false}
YAML
"$program" -q train "$scratch/forest.yaml" --run-dir "$scratch/run" > "$scratch/log" 2>&1 || fail "no run: $(cat "$scratch/log")"
"$program" -q data make forest -o "$scratch/data" --count 1 --size "$side" > "$scratch/log" 2>&1 || fail "no scene: $(cat "$scratch/log")"

# watch COMMAND…: runs it and sets `peak_kb` to the most memory it held. The kernel's figure only rises, and is read until the end.
watch() {
  "$@" > "$scratch/log" 2>&1 &
  local pid=$! now
  peak_kb=0
  while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2> /dev/null) && [ -n "$now" ]; do
    peak_kb=$now
    sleep 0.01
  done
  wait "$pid" || fail "$* failed: $(cat "$scratch/log")"
}

watch "$program" info
idle=$peak_kb
watch "$program" -q predict "$scratch/run" "$scratch/data/scene_000_S1.tif" -o "$scratch/maps" --tile "$tile"
above=$(((peak_kb - idle) / 1024))
echo "$side × $side pixels in tiles of $tile: $((peak_kb / 1024)) MiB at most, $above MiB above an idle program, in $SECONDS s in all"
for product in genus genus_probability height biomass allometry_residual; do
  [ -s "$scratch/maps/$product.tif" ] || fail "no map $product.tif"
done
[ "$above" -lt "$allowed_mb" ] || fail "more than $allowed_mb MiB above an idle program"

"$program" -q predict "$scratch/run" "$scratch/data/scene_000_S1.tif" -o "$scratch/broken" --tile 16 > "$scratch/log" 2>&1 &
pid=$!
while kill -0 $pid 2> /dev/null && [ -z "$(ls -A "$scratch/broken" 2> /dev/null)" ]; do sleep 0.02; done
sleep 0.3
kill -INT $pid 2> /dev/null || fail "mapping ended before it could be interrupted: $(cat "$scratch/log")"
wait $pid
status=$?
[ "$status" -eq 130 ] || fail "interrupted, the program ended with $status instead of 130: $(cat "$scratch/log")"
grep -q 'no map was written' "$scratch/log" || fail "interrupted, the program says: $(cat "$scratch/log")"
[ -z "$(ls -A "$scratch/broken")" ] || fail "the interrupted mapping left $(ls -A "$scratch/broken")"
echo "interrupted, it leaves nothing"
