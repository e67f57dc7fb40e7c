#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/samplers/data_set_draws.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {
namespace {

constexpr double kMostDraws = 1e9;
constexpr double kRounding = 1e-9;  // of a quota that is a whole number but for its computation

// Whole numbers near the quotas that add up as they do, the largest remainders rounded up.
std::vector<int64_t> rounded(const std::vector<double>& quotas) {
  std::vector<int64_t> counts;
  std::vector<std::pair<double, size_t>> remainders;
  double total = 0;
  int64_t missing = 0;
  for (size_t i = 0; i < quotas.size(); ++i) {
    const double whole = std::floor(quotas[i] * (1 + kRounding));
    counts.push_back(static_cast<int64_t>(whole));
    remainders.emplace_back(whole - quotas[i], i);
    total += quotas[i];
    missing -= counts.back();
  }
  missing += std::llround(total);
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; missing > 0; ++i, --missing) ++counts[remainders[i].second];
  return counts;
}

bool takes_part(const WeightedSet& set) { return set.weight > 0 && !set.rows.empty(); }

void check_steps(const EpochOptions& options) {
  const bool asked = options.epoch == "steps";
  if (asked && options.steps == 0)
    throw InputError("data.sampler.steps: epoch: steps needs the number of batches, for example steps: 100");
  if (!asked && options.steps > 0)
    throw InputError("data.sampler.steps: {} steps go with epoch: steps, not with epoch: {}", options.steps,
                     options.epoch);
}

// Draws for each unit of weight.
double draws_per_weight(const std::vector<WeightedSet>& sets, const EpochOptions& options, int64_t batch_size) {
  double total = 0, longest = 0, shortest = 0;
  for (const auto& set : sets) {
    if (!takes_part(set)) continue;
    const double passes = static_cast<double>(set.rows.size()) / set.weight;
    longest = std::max(longest, passes);
    shortest = total == 0 ? passes : std::min(shortest, passes);
    total += set.weight;
  }
  if (total == 0) throw InputError("data.sampler: no data set with a weight above 0 has a training row");
  if (options.epoch == "steps") return static_cast<double>(options.steps * batch_size) / total;
  return options.epoch == "longest" ? longest : shortest;
}

}  // namespace

void EpochOptions::fields(Fields& f) {
  f.field("epoch", epoch,
          "longest: the data set that takes longest is seen once, smaller ones are seen several times (oversampled); "
          "shortest: until the first one has been seen; steps: a number of batches",
          one_of({"longest", "shortest", "steps"}));
  f.field("steps", steps, "batches an epoch, with epoch: steps", between(0, 1e9));
}

std::vector<WeightedSet> weighted_sets(const SamplerContext& context, const std::string& sampler) {
  if (context.data_sets.size() < 2)
    throw InputError(
        "data.sampler: {} mixes data sets, but there is only one; take shuffle, or a source of several (multi)",
        sampler);
  std::vector<WeightedSet> sets;
  for (const auto& range : context.data_sets) {
    WeightedSet set;
    set.name = range.name;
    for (const int64_t row : context.rows)
      if (row >= range.begin && row < range.end) set.rows.push_back(row);
    sets.push_back(std::move(set));
  }
  return sets;
}

std::vector<int64_t> draws_per_epoch(const std::vector<WeightedSet>& sets, const EpochOptions& options,
                                     int64_t batch_size) {
  check_steps(options);
  const double factor = draws_per_weight(sets, options, batch_size);
  std::vector<double> quotas;
  double total = 0;
  for (const auto& set : sets) {
    quotas.push_back(takes_part(set) ? factor * set.weight : 0);
    total += quotas.back();
  }
  if (total > kMostDraws)
    throw InputError("data.sampler: an epoch would be {:.3g} draws long; raise the lowest weight, or take epoch: steps",
                     total);
  return rounded(quotas);
}

// Draw j of a set, counted over all epochs, is row j mod n of pass j div n.
std::vector<int64_t> DataSetDraws::rows_of(size_t set, uint64_t seed, int64_t epoch) const {
  const auto& all = sets_[set].rows;
  const auto n = static_cast<int64_t>(all.size());
  const int64_t end = (epoch + 1) * draws_[set];
  std::vector<int64_t> drawn, pass;
  drawn.reserve(static_cast<size_t>(draws_[set]));
  for (int64_t j = epoch * draws_[set]; j < end;) {
    pass = all;
    Random(seed, fmt::format("data/sets/{}/{}", sets_[set].name, j / n)).shuffle(pass);
    const int64_t stop = std::min(end, (j / n + 1) * n);
    drawn.insert(drawn.end(), pass.begin() + j % n, pass.begin() + (j % n + stop - j));
    j = stop;
  }
  return drawn;
}

std::vector<int64_t> DataSetDraws::order(uint64_t seed, int64_t epoch) const {
  std::vector<size_t> turns;
  std::vector<std::vector<int64_t>> rows;
  for (size_t set = 0; set < sets_.size(); ++set) {
    rows.push_back(rows_of(set, seed, epoch));
    turns.insert(turns.end(), rows.back().size(), set);
  }
  Random(seed, fmt::format("data/sets/order/{}", epoch)).shuffle(turns);
  std::vector<size_t> next(sets_.size(), 0);
  std::vector<int64_t> order;
  order.reserve(turns.size());
  for (const size_t set : turns) order.push_back(rows[set][next[set]++]);
  return order;
}

}  // namespace polytask
