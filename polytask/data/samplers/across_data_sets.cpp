#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/samplers/data_set_draws.h>
#include <polytask/data/samplers/samplers.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace polytask {
namespace {

std::unique_ptr<Sampler> mixed(std::vector<WeightedSet> sets, const EpochOptions& options, int64_t batch_size) {
  auto draws = draws_per_epoch(sets, options, batch_size);
  return std::make_unique<DataSetDraws>(std::move(sets), std::move(draws));
}

// p ∝ n^(1 / temperature): 1 is in proportion, ∞ uniform.
std::unique_ptr<Sampler> by_size(const EpochOptions& options, double exponent, const SamplerContext& context,
                                 const std::string& name) {
  auto sets = weighted_sets(context, name);
  for (auto& set : sets)
    if (!set.rows.empty()) set.weight = std::pow(static_cast<double>(set.rows.size()), exponent);
  return mixed(std::move(sets), options, context.batch_size);
}

struct TemperatureOptions : EpochOptions {
  double temperature = 2;
  void fields(Fields& f) {
    f.field(
        "temperature", temperature,
        "a data set of n rows has a share of the draws in proportion to n^(1 / temperature): 1 as they are, higher: "
        "small ones are oversampled",
        at_least(1));
    EpochOptions::fields(f);
  }
};

struct WeightsOptions : EpochOptions {
  std::map<std::string, double> weights;
  void fields(Fields& f) {
    f.field(
        "weights", weights,
        "data set: its share of the draws, relative to the others, whatever its size (a small one with a high weight "
        "is oversampled); 0: never drawn",
        required());
    EpochOptions::fields(f);
  }
};

std::unique_ptr<Sampler> by_weights(const WeightsOptions& options, const SamplerContext& context) {
  auto sets = weighted_sets(context, "weights");
  std::vector<std::string> names;
  for (const auto& set : sets) names.push_back(set.name);
  for (const auto& [name, weight] : options.weights) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw InputError("data.sampler.weights: there is no data set \"{}\"{}", name, did_you_mean(name, names));
    if (!(weight >= 0 && std::isfinite(weight)))
      throw InputError("data.sampler.weights.{}: {} is out of range: must be ≥ 0", name, number_text(weight));
  }
  for (auto& set : sets) {
    const auto found = options.weights.find(set.name);
    if (found == options.weights.end())
      throw InputError("data.sampler.weights: data set \"{}\" has none; 0 leaves it out", set.name);
    set.weight = found->second;
    if (set.weight > 0 && set.rows.empty())
      throw InputError("data.sampler.weights: data set \"{}\" has no training row; give it 0", set.name);
  }
  return mixed(std::move(sets), options, context.batch_size);
}

}  // namespace

void register_across_data_sets(SamplerRegistry& registry) {
  registry.add<EpochOptions>("proportional", "Mixes data sets, each drawn in proportion to its size", "",
                             [](const EpochOptions& options, const SamplerContext& context) {
                               return by_size(options, 1, context, "proportional");
                             });
  registry.add<EpochOptions>("uniform", "Mixes data sets, all drawn equally often whatever their sizes", "",
                             [](const EpochOptions& options, const SamplerContext& context) {
                               return by_size(options, 0, context, "uniform");
                             });
  registry.add<TemperatureOptions>("temperature",
                                   "Mixes data sets, between in proportion to their sizes and equally often", "",
                                   [](const TemperatureOptions& options, const SamplerContext& context) {
                                     return by_size(options, 1 / options.temperature, context, "temperature");
                                   });
  registry.add<WeightsOptions>("weights", "Mixes data sets by given weights", "", by_weights);
}

}  // namespace polytask
