#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/forest_gaps.h>
#include <polytask/data/sources/forest_scene.h>
#include <polytask/data/sources/sample_cache.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct ForestOptions {
  int64_t count = 1200;
  int64_t size = 64;
  int64_t scene_tiles = 2;
  int64_t classes = 6;
  int64_t seed = -1;
  double stand_m = 350;
  double stand_noise = 0.15;
  double residual = 0.15;
  double open = 0.08;
  double looks = 9;
  double moisture_db = 1.5;
  double texture = 1;
  double gaps = 0.1;
  double unlabelled = 0.1;
  std::string domain = "db";
  int64_t cache_mb = 512;
  void fields(Fields& f);
  ForestSceneOptions scene() const;
};

/// A made forest seen by radar, with known truth: tiles of size × size cells of 25 m, from scenes of scene_tiles²
/// tiles.
///
/// Input `image` [2, size, size]: backscatter VV, VH, in dB or linear power, with speckle of `looks` looks; NaN in
/// gaps. Layers: genus (the first `classes` of forest_genera(); none on open ground), height (m), biomass (Mg/ha), each
/// without labels below clouds of its own, height and biomass below the same. Columns: scene (its number), block (the
/// tile's number in it), x, y (the tile's first pixel in the scene).
///
/// Biomass follows forest_cell_law() of its genus, which is not the law of single trees. Every row is a pure function
/// of (seed, row); more rows change none of the others. Tiles are kept when first read.
class ForestSource : public Source {
 public:
  ForestSource(const ForestOptions& options, uint64_t seed);

  int64_t size() const override { return options_.count; }
  std::vector<std::string> column_names() const override { return {"scene", "block", "x", "y"}; }
  Column column(const std::string& name) const override;
  /// A block is a place, which every scene has: only whole scenes keep neighbours together.
  std::vector<NeighbourGroup> neighbour_groups() const override { return {{"scene", "whole scenes"}}; }
  std::vector<InputSpec> inputs() const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<LayerSpec> layers() const override;
  at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

  int64_t scene_of(int64_t row) const { return row / (options_.scene_tiles * options_.scene_tiles); }
  int64_t block_of(int64_t row) const { return row % (options_.scene_tiles * options_.scene_tiles); }
  /// Where a row's tile begins in its scene, in pixels.
  int64_t x_of(int64_t row) const { return block_of(row) % options_.scene_tiles * options_.size; }
  int64_t y_of(int64_t row) const { return block_of(row) / options_.scene_tiles * options_.size; }
  /// What is behind a row: without speckle and gaps.
  ForestTruth truth(int64_t row) const;
  /// All of a row at once, made anew: [5, size, size], the picture's VV and VH, then genus, height and biomass.
  at::Tensor make(int64_t row) const;

 private:
  uint64_t scene_seed(int64_t row) const;
  at::Tensor planes(c10::ArrayRef<int64_t> rows) const;  // [B, 5, size, size]
  void observe(int64_t row, const ForestTruth& truth, float* out) const;
  void label(int64_t row, const ForestTruth& truth, float* out) const;

  ForestOptions options_;
  uint64_t seed_;
  GapClouds clouds_;
  mutable SampleCache cache_;
};

}  // namespace polytask
