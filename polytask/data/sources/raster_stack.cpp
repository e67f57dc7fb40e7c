#include <polytask/core/error.h>
#include <polytask/data/sources/raster_files.h>
#include <polytask/data/sources/raster_stack.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

using Paths = std::vector<std::filesystem::path>;

at::Tensor to_db(const at::Tensor& power, double floor) { return 10 * power.clamp_min(floor).log10(); }

std::vector<BandReading> readings(const RasterInputOptions& options, const RasterFile& file) {
  std::vector<BandReading> result;
  for (const auto& band : options.bands) result.push_back(options.reading.of_band(file.band_named(band)));
  if (options.bands.empty())
    for (size_t b = 0; b < file.bands().size(); ++b) result.push_back(options.reading.of_band(static_cast<int64_t>(b)));
  return result;
}

std::vector<NamedGrid> named_grids(const std::vector<RasterFile>& files) {
  std::vector<NamedGrid> grids;
  grids.reserve(files.size());
  for (const auto& file : files) grids.push_back({file.path().string(), file.grid()});
  return grids;
}

}  // namespace

at::Tensor power_of_db(const at::Tensor& db) { return at::pow(10.0, db / 10); }

RasterBands::RasterBands(const RasterInputOptions& options, const Paths& files,
                         const std::shared_ptr<RasterHandles>& handles, bool size_only)
    : options_(options) {
  for (const auto& path : files) {
    files_.emplace_back(path, handles);
    bands_.push_back(readings(options, files_.back()));
    if (bands_.back().size() != bands_.front().size())
      throw InputError("{}: has {} bands, but {}, with which it is to be averaged, has {}", path.string(),
                       bands_.back().size(), files.front().string(), bands_.front().size());
  }
  check_coregistered(named_grids(files_), "data.inputs: files to be averaged", size_only);
}

const RasterBand& RasterBands::band(int64_t index) const {
  return file().bands()[static_cast<size_t>(bands_.front()[static_cast<size_t>(index)].band)];
}

at::Tensor RasterBands::average(const RasterWindow& window) const {
  at::Tensor sum, count;
  for (size_t i = 0; i < files_.size(); ++i) {
    at::Tensor values = files_[i].read(bands_[i], window);
    if (options_.domain == "db") values = power_of_db(values);
    const at::Tensor present = values.isnan().logical_not();
    values = values.nan_to_num(0.0).to(at::kDouble);
    sum = i == 0 ? values : sum + values;
    count = i == 0 ? present.to(at::kDouble) : count + present;
  }
  return (sum / count).to(at::kFloat);  // 0 / 0 where no file has the pixel
}

at::Tensor RasterBands::read(const RasterWindow& window) const {
  const bool several = files_.size() > 1;
  at::Tensor values = several ? average(window) : files_[0].read(bands_[0], window);
  if (options_.domain == "plain" || (options_.domain == "db" && !several)) return values;
  return to_db(values, options_.floor);
}

RasterStack::RasterStack(const std::vector<RasterInputOptions>& inputs, const std::vector<Paths>& files,
                         const std::string& scene, const std::shared_ptr<RasterHandles>& handles, bool size_only) {
  std::vector<NamedGrid> grids;
  for (size_t i = 0; i < inputs.size(); ++i) {
    parts_.emplace_back(inputs[i], files[i], handles, size_only);
    grids.push_back({parts_.back().file().path().string(), parts_.back().file().grid()});
  }
  check_coregistered(grids, scene, size_only);
}

int64_t RasterStack::channels() const {
  int64_t sum = 0;
  for (const auto& part : parts_) sum += part.count();
  return sum;
}

at::Tensor RasterStack::read(const RasterWindow& window) const {
  std::vector<at::Tensor> channels;
  for (const auto& part : parts_) channels.push_back(part.read(window));
  return channels.size() == 1 ? channels[0] : at::cat(channels);
}

namespace {

bool all_of_one_file(const std::vector<RasterInputOptions>& inputs) {
  return std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.file == inputs[0].file; });
}

// One file that holds the bands of all inputs one after the other.
void take_bands_in_order(std::vector<RasterInputOptions>& inputs, const std::string& path) {
  const auto available = static_cast<int64_t>(RasterFile(path).bands().size());
  int64_t next = 0;
  for (auto& input : inputs) {
    if (input.bands.empty())
      throw InputError(
          "{}: the run reads all bands of several files (data.inputs), so one file does not say which band belongs to "
          "which: give the {} files, in their order",
          path, inputs.size());
    for (auto& band : input.bands) band = std::to_string(++next);
  }
  if (next != available)
    throw InputError(
        "{}: has {} band{}, but the run reads {} bands of {} files: give a file of these bands in their order, or the "
        "{} "
        "files",
        path, available, available == 1 ? "" : "s", next, inputs.size(), inputs.size());
}

// Averages only what the run averaged.
void check_single(const std::vector<RasterInputOptions>& inputs, const std::vector<Paths>& files) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (files[i].size() > 1 && inputs[i].file.find('*') == std::string::npos)
      throw InputError("input {} of this run (data.inputs: {}) is one file, but {} are given: {} …", i + 1,
                       inputs[i].file, files[i].size(), files[i][0].string());
}

// The file that a text names, or those that match where it has a `*`.
Paths files_named(const std::string& text) {
  if (text.find('*') == std::string::npos) return {text};
  Paths found = scene_files("", text, "");
  if (found.empty()) throw InputError("{}: no file matches", text);
  return found;
}

}  // namespace

RasterStack open_scene(const RasterOptions& options, const std::vector<std::string>& paths) {
  auto inputs = options.input_list();
  const bool one_file = all_of_one_file(inputs), averaged = inputs[0].file.find('*') != std::string::npos;
  std::vector<Paths> named;
  named.reserve(paths.size());
  for (const auto& path : paths) named.push_back(files_named(path));
  std::vector<Paths> files;
  if (one_file && averaged) {
    Paths all;
    for (const auto& some : named) all.insert(all.end(), some.begin(), some.end());
    files.assign(inputs.size(), all);
  } else if (named.size() == inputs.size()) {
    files = named;
  } else if (named.size() == 1) {
    files.assign(inputs.size(), named[0]);
    if (!one_file) take_bands_in_order(inputs, named[0][0].string());
  } else {
    throw InputError(
        "a scene of this run is one file with all bands, or {} files in the order of data.inputs (files to be averaged "
        "count as one: 'NAME_*.tif', in quotes); got {}",
        inputs.size(), paths.size());
  }
  check_single(inputs, files);
  return RasterStack(inputs, files, paths[0], std::make_shared<RasterHandles>(), options.georeference == "size");
}

}  // namespace polytask
