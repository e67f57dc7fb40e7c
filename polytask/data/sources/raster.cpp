#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/parallel.h>
#include <polytask/core/progress.h>
#include <polytask/data/sources/raster.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

namespace fs = std::filesystem;

Column texts(std::vector<std::string> values) {
  Column column;
  column.numeric = false;
  column.texts = std::move(values);
  return column;
}

double share_of_numbers(const at::Tensor& values) {
  return values.isnan().logical_not().to(at::kDouble).mean().item<double>();
}

}  // namespace

RasterSource::RasterSource(const RasterOptions& options, const OpenRequest& request) : options_(options) {
  options_.tiling.check();
  if (request.paths.empty()) {
    parts_ = RasterParts(options.parts);
    layers_ = raster_layers(options);
    scenes_ = open_scenes(options, layers_, handles_);
  } else {
    scenes_.push_back({fs::path(request.paths[0]).stem().string(), open_scene(options, request.paths), {}});
    options_.tiling.tiles = "grid";
    options_.tiling.count = 0;
  }
  add_tiles(request.seed);
  spec_ = {"image", {scenes_[0].stack.channels(), options_.tiling.tile, options_.tiling.tile}, {}};
  require_expected_shape(request, spec_, scenes_[0].name);
  if (request.paths.empty()) {
    look_at_tiles();
    drop_empty_tiles();
  }
  make_columns();
  const int64_t channels = spec_.shape[0], all = channels + static_cast<int64_t>(layers_.size());
  inputs_cache_ = std::make_unique<SampleCache>(size(), options_.cache_mb * channels / all);
  for (size_t l = 0; l < layers_.size(); ++l)
    layer_caches_.push_back(std::make_unique<SampleCache>(size(), options_.cache_mb / all));
}

void RasterSource::add_tiles(uint64_t seed) {
  std::vector<std::string> blocks;
  for (size_t s = 0; s < scenes_.size(); ++s) {
    const std::string& name = scenes_[s].name;
    const RasterGrid& grid = scenes_[s].stack.grid();
    for (const auto& place : place_tiles(grid, options_.tiling, seed, name, parts_))
      tiles_.push_back({static_cast<int64_t>(s), place});
    for (auto& block : scene_blocks(grid, options_.tiling, name)) blocks.push_back(std::move(block));
  }
  parts_.check_names(blocks);
}

Part RasterSource::part(int64_t row) const {
  const Tile& tile = tiles_.at(static_cast<size_t>(row));
  return parts_.of(scenes_[static_cast<size_t>(tile.scene)].name, tile.place.block_x, tile.place.block_y);
}

RasterWindow RasterSource::window(const Tile& tile) const {
  return {tile.place.x, tile.place.y, options_.tiling.tile, options_.tiling.tile};
}

// Values or codes [tile, tile].
at::Tensor RasterSource::stored_labels(size_t layer, const Tile& tile) const {
  const auto& bands = scenes_[static_cast<size_t>(tile.scene)].layers[layer];
  const int64_t side = options_.tiling.tile;
  if (!bands) return at::full({side, side}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
  return bands->read(window(tile))[0];
}

at::Tensor RasterSource::labels(size_t layer, const Tile& tile, const at::Tensor& stored) const {
  const RasterScene& scene = scenes_[static_cast<size_t>(tile.scene)];
  const RasterClasses& classes = layers_[layer].classes;
  if (!scene.layers[layer]) return stored;
  if (classes.empty()) return classes.without_ignored(stored);
  return classes.to_indices(stored, scene.name, scene.layers[layer]->file().path().string(), tile.place.x,
                            tile.place.y);
}

RasterSource::Content RasterSource::look_at(const Tile& tile) const {
  Content content;
  at::Tensor image;
  std::vector<at::Tensor> stored;
  try {
    image = scenes_[static_cast<size_t>(tile.scene)].stack.read(window(tile)).to(at::kDouble).flatten(1);
    for (size_t l = 0; l < layers_.size(); ++l) stored.push_back(stored_labels(l, tile));
  } catch (const InputError& error) {
    content.failure = error.what();
    content.input = std::numeric_limits<double>::quiet_NaN();
    content.labels.assign(layers_.size(), content.input);
    return content;
  }
  const at::Tensor valid = image.isnan().logical_not();
  content.input = valid.to(at::kDouble).mean().item<double>();
  content.count = valid.sum(1).to(at::kDouble);
  content.mean = image.nan_to_num(0.0).sum(1) / content.count.clamp_min(1);
  content.squares = (image - content.mean.unsqueeze(1)).nan_to_num(0.0).square().sum(1);
  for (size_t l = 0; l < layers_.size(); ++l) content.labels.push_back(share_of_numbers(labels(l, tile, stored[l])));
  return content;
}

void RasterSource::look_at_tiles() {
  constexpr int64_t kChunk = 1024;
  contents_.resize(tiles_.size());
  std::optional<Progress> bar;
  if (size() > kChunk) bar.emplace("reading tiles", size(), "tiles");
  for (int64_t first = 0; first < size(); first += kChunk) {
    parallel_ranges(std::min(kChunk, size() - first), 1, [&](int64_t begin, int64_t end) {
      const at::NoGradGuard no_grad;
      for (auto i = static_cast<size_t>(first + begin); i < static_cast<size_t>(first + end); ++i)
        contents_[i] = look_at(tiles_[i]);
    });
    if (bar) bar->update(std::min(first + kChunk, size()));
  }
  if (bar) bar->finish();
  warn_of_unreadable();
}

void RasterSource::warn_of_unreadable() const {
  const auto failed = [](const Content& content) { return !content.failure.empty(); };
  const auto count = std::count_if(contents_.begin(), contents_.end(), failed);
  if (count == 0) return;
  const auto& first = std::find_if(contents_.begin(), contents_.end(), failed)->failure;
  if (count == size()) throw InputError("data: no tile can be read; {}", first);
  log_warning("data: {} of {} tiles can not be read (see on_bad_sample); {}", count, size(), first);
}

void RasterSource::drop_empty_tiles() {
  int64_t without_input = 0, without_label = 0;
  size_t kept = 0;
  for (size_t i = 0; i < tiles_.size(); ++i) {
    const Content& tile = contents_[i];
    const bool unknown = !tile.failure.empty();  // left to who reads it
    const bool input = unknown || tile.input > 0;
    const bool label = unknown || tile.labels.empty() ||
                       std::any_of(tile.labels.begin(), tile.labels.end(), [](double share) { return share > 0; });
    without_input += input ? 0 : 1;
    without_label += input && !label ? 1 : 0;
    if (!input || !label) continue;
    if (kept < i) {
      tiles_[kept] = tiles_[i];
      contents_[kept] = std::move(contents_[i]);
    }
    ++kept;
  }
  const size_t all = tiles_.size();
  tiles_.resize(kept);
  contents_.resize(kept);
  if (kept == 0)
    throw InputError(
        "data: none of the {} tiles of {} scenes can be used: {} have no input but nodata, {} no label of any layer; "
        "see nodata, valid_min and valid_max of data.inputs and data.layers",
        all, scenes_.size(), without_input, without_label);
  if (kept < all)
    log_info("data: {} of {} tiles are left out: {} have no input but nodata, {} no label of any layer", all - kept,
             all, without_input, without_label);
}

void RasterSource::make_columns() {
  std::vector<std::string> scenes, blocks;
  Column x, y, input;
  std::vector<Column> shares(layers_.size());
  for (size_t i = 0; i < tiles_.size(); ++i) {
    const auto& [scene, place] = tiles_[i];
    scenes.push_back(scenes_[static_cast<size_t>(scene)].name);
    blocks.push_back(block_name(scenes.back(), place.block_x, place.block_y));
    x.numbers.push_back(static_cast<double>(place.x));
    y.numbers.push_back(static_cast<double>(place.y));
    if (contents_.empty()) continue;
    input.numbers.push_back(contents_[i].input);
    for (size_t l = 0; l < shares.size(); ++l) shares[l].numbers.push_back(contents_[i].labels[l]);
  }
  columns_.add("scene", texts(std::move(scenes)));
  columns_.add("block", texts(std::move(blocks)));
  columns_.add("x", std::move(x));
  columns_.add("y", std::move(y));
  if (contents_.empty()) return;
  columns_.add("share.image", std::move(input));
  for (size_t l = 0; l < shares.size(); ++l) columns_.add("share." + layers_[l].name, std::move(shares[l]));
}

at::Tensor RasterSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  return inputs_cache_->read(rows, [this](int64_t row) {
    const Tile& tile = tiles_[static_cast<size_t>(row)];
    return scenes_[static_cast<size_t>(tile.scene)].stack.read(window(tile));
  });
}

std::vector<LayerSpec> RasterSource::layers() const {
  std::vector<LayerSpec> specs;
  for (size_t l = 0; l < layers_.size(); ++l) {
    LayerSpec spec{layers_[l].name, layers_[l].classes.names(), layers_[l].options.unit};
    for (const auto& scene : scenes_)
      if (spec.unit.empty() && scene.layers[l]) spec.unit = scene.layers[l]->band(0).unit;
    specs.push_back(std::move(spec));
  }
  return specs;
}

at::Tensor RasterSource::read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const {
  const auto l = static_cast<size_t>(layer);
  return layer_caches_.at(l)->read(rows, [&](int64_t row) {
    const Tile& tile = tiles_[static_cast<size_t>(row)];
    return labels(l, tile, stored_labels(l, tile));
  });
}

std::vector<int64_t> RasterSource::unreadable_rows() const {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < contents_.size(); ++i)
    if (!contents_[i].failure.empty()) rows.push_back(static_cast<int64_t>(i));
  return rows;
}

std::vector<Preprocess> RasterSource::fit(const std::vector<int64_t>& train_rows) {
  if (!options_.normalize.by_rows())
    return {fit_normalize(
        options_.normalize, spec_, 1, train_rows, [](c10::ArrayRef<int64_t>) { return at::Tensor(); }, 0)};
  at::Tensor count = at::zeros({spec_.shape[0]}, at::kDouble), mean = count.clone(), squares = count.clone();
  for (const int64_t row : train_rows) {  // Chan, Golub, LeVeque: updating formulae for sample variances, 1979
    const Content& tile = contents_[static_cast<size_t>(row)];
    if (!tile.failure.empty()) continue;
    const at::Tensor both = (count + tile.count).clamp_min(1), shift = tile.mean - mean;
    squares = squares + tile.squares + shift.square() * count * tile.count / both;
    mean = mean + shift * tile.count / both;
    count = count + tile.count;
  }
  std::vector<double> means, deviations;
  for (int64_t c = 0; c < spec_.shape[0]; ++c) {
    const auto pixels = count[c].item<double>();
    if (pixels == 0)
      throw InputError("data.normalize: channel {} of the input has no valid pixel in the training tiles", c + 1);
    const double deviation = std::sqrt(squares[c].item<double>() / pixels);
    means.push_back(mean[c].item<double>());
    deviations.push_back(deviation > 0 ? deviation : 1);
  }
  return {Preprocess::for_images(spec_, 1, means, deviations)};
}

std::string RasterSource::row_name(int64_t row) const {
  const Tile& tile = tiles_.at(static_cast<size_t>(row));
  return fmt::format("{}({}, {})", scenes_[static_cast<size_t>(tile.scene)].name, tile.place.x, tile.place.y);
}

std::vector<std::pair<std::string, std::string>> RasterSource::fingerprints() const {
  std::vector<fs::path> files;
  const auto add = [&files](const RasterBands& bands) {
    for (const auto& file : bands.files()) files.push_back(file.path());
  };
  for (const auto& scene : scenes_) {
    for (const auto& part : scene.stack.parts()) add(part);
    for (const auto& layer : scene.layers)
      if (layer) add(*layer);
  }
  return {{"rasters", files_digest(files)}};
}

void register_raster(SourceRegistry& registry) {
  registry.add<RasterOptions>("raster",
                              "Tiles of georeferenced scenes: GeoTIFF and whatever GDAL reads, inputs and labels per "
                              "pixel in any bands and files",
                              "", [](const RasterOptions& options, const OpenRequest& request) {
                                return std::make_unique<RasterSource>(options, request);
                              });
}

}  // namespace polytask
