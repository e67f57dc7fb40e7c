#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/sources/raster_files.h>
#include <polytask/data/sources/raster_parts.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace polytask {
namespace {

using Names = std::vector<std::string>;

std::string scene_of(const std::string& block) { return block.substr(0, block.rfind('/')); }

bool fits(const std::string& name, const std::string& block) {
  return name_matches(name, block) || name_matches(name, scene_of(block));
}

bool fits_any(const Names& names, const std::string& block) {
  return std::any_of(names.begin(), names.end(), [&](const auto& name) { return fits(name, block); });
}

void check(const Names& names, const char* part, const Names& blocks) {
  for (const auto& name : names) {
    if (std::any_of(blocks.begin(), blocks.end(), [&](const auto& block) { return fits(name, block); })) continue;
    std::set<std::string> scenes;
    for (const auto& block : blocks) scenes.insert(scene_of(block));
    Names known(scenes.begin(), scenes.end());
    known.insert(known.end(), blocks.begin(), blocks.end());
    throw InputError("data.parts.{}: there is no scene or block \"{}\"{}; blocks are named like \"{}\"", part, name,
                     did_you_mean(name, known), blocks.front());
  }
}

}  // namespace

std::string block_name(const std::string& scene, int64_t column, int64_t row) {
  return fmt::format("{}/{},{}", scene, column, row);
}

Part RasterParts::of(const std::string& scene, int64_t column, int64_t row) const {
  const std::string block = block_name(scene, column, row);
  const bool train = fits_any(options_.train, block), validation = fits_any(options_.validation, block),
             test = fits_any(options_.test, block);
  if (train + validation + test > 1)
    throw InputError(
        "data.parts: block \"{}\" is given to more than one part: train, validation and test must not "
        "name the same block",
        block);
  return train ? Part::train : validation ? Part::validation : test ? Part::test : Part::unspecified;
}

void RasterParts::check_names(const Names& blocks) const {
  check(options_.train, "train", blocks);
  check(options_.validation, "validation", blocks);
  check(options_.test, "test", blocks);
}

}  // namespace polytask
