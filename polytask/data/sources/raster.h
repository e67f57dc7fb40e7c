#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/raster_options.h>
#include <polytask/data/sources/raster_scene.h>
#include <polytask/data/sources/raster_tiles.h>
#include <polytask/data/sources/sample_cache.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Tiles of scenes given as GeoTIFF or whatever GDAL reads. Input `image` [C, tile, tile] in float32, NaN where missing
/// (which preprocessing makes 0, the mean); layers of labels; columns `scene`, `block` (of a scene), `x`, `y` (of a
/// tile's upper left pixel), `share.image` and `share.<layer>` (of the numbers that are not missing). Tiles without
/// any input, or without a label of any layer, are left out, which is reported.
///
/// Opened for prediction, the paths are one scene (open_scene()), whose tiles have no labels.
class RasterSource : public Source {
 public:
  /// Throws InputError for scenes that lack a file, files that are not co-registered, codes that no class has, and
  /// where no tile is left. Tiles that can not be read stay, for who reads them.
  RasterSource(const RasterOptions& options, const OpenRequest& request);

  int64_t size() const override { return static_cast<int64_t>(tiles_.size()); }
  std::vector<std::string> column_names() const override { return columns_.names(); }
  Column column(const std::string& name) const override { return columns_.at(name, "data"); }
  std::vector<NeighbourGroup> neighbour_groups() const override {
    return {{"scene", "whole scenes"}, {"block", "the blocks that data.block cuts scenes into"}};
  }
  std::vector<InputSpec> inputs() const override { return {spec_}; }
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<LayerSpec> layers() const override;
  at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const override;
  std::vector<int64_t> unreadable_rows() const override;
  /// Means and standard deviations of the valid pixels of all training tiles, gathered when the source was opened.
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  bool scales_by_rows(int64_t) const override { return options_.normalize.by_rows(); }
  /// As `parts` of the options gives a tile's block.
  Part part(int64_t row) const override;
  /// "bauges(128, 64)": scene, column and row of the upper left pixel.
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  struct Tile {
    int64_t scene = 0;
    TilePlace place;
  };
  // What a look at a tile's pixels found.
  struct Content {
    std::string failure;              // why the tile can not be read
    double input = 0;                 // share of the numbers that are there
    std::vector<double> labels;       // the same of each layer
    at::Tensor count, mean, squares;  // [C] over the valid pixels: squares of the distances from the mean
  };

  void add_tiles(uint64_t seed);
  void look_at_tiles();
  Content look_at(const Tile& tile) const;
  void warn_of_unreadable() const;
  void drop_empty_tiles();
  void make_columns();
  RasterWindow window(const Tile& tile) const;
  at::Tensor stored_labels(size_t layer, const Tile& tile) const;
  at::Tensor labels(size_t layer, const Tile& tile, const at::Tensor& stored) const;

  RasterOptions options_;
  RasterParts parts_;  // of training data
  std::shared_ptr<RasterHandles> handles_ = std::make_shared<RasterHandles>();
  std::vector<RasterLayer> layers_;
  std::vector<RasterScene> scenes_;
  std::vector<Tile> tiles_;
  std::vector<Content> contents_;  // empty where opened for prediction
  ColumnSet columns_;
  InputSpec spec_;
  std::unique_ptr<SampleCache> inputs_cache_;
  std::vector<std::unique_ptr<SampleCache>> layer_caches_;
};

}  // namespace polytask
