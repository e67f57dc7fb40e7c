#include <polytask/core/error.h>
#include <polytask/nn/heads/vector_input.h>
#include <polytask/nn/level_text.h>

#include <ATen/ATen.h>

#include <vector>

namespace polytask {
namespace {

std::string vector_levels(const std::vector<Level>& levels) {
  std::vector<Level> vectors;
  for (const auto& level : levels)
    if (!level.spatial()) vectors.push_back(level);
  return vectors.empty() ? "" : ", or read a vector level: " + levels_text(vectors);
}

}  // namespace

void VectorInputOptions::fields(Fields& f) {
  f.field("level", level, "the backbone's level to read; empty: the last");
  f.field("pool", pool, "how a spatial level becomes one vector (vector levels are read as they are)",
          one_of({"avg", "max", "none"}));
}

VectorInput::VectorInput(const VectorInputOptions& options, const HeadContext& context)
    : index_(find_level(context, options.level)), width_(context.levels[index_].channels) {
  const Level& level = context.levels[index_];
  if (!level.spatial()) return;
  if (options.pool == "none")
    throw InputError(
        "{}: the head of task \"{}\" reads one vector per sample, but level {} is spatial and pool is none: use pool: "
        "avg "
        "or pool: max{}",
        context.where, context.task, level_text(level), vector_levels(context.levels));
  pool_ = options.pool == "max" ? Pool::maximum : Pool::average;
}

at::Tensor VectorInput::operator()(const Features& features) const {
  const at::Tensor& x = features.at(index_);
  if (pool_ == Pool::none) return x;
  return pool_ == Pool::average ? x.mean({2, 3}) : x.amax({2, 3});
}

}  // namespace polytask
