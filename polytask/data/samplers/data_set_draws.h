#pragma once
#include <polytask/data/sampler.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// What the samplers across data sets have in common: how long an epoch is.
struct EpochOptions {
  std::string epoch = "longest";
  int64_t steps = 0;
  void fields(Fields& f);
};

/// The training rows of one data set and how often it is drawn, relative to the others.
struct WeightedSet {
  std::string name;
  std::vector<int64_t> rows;
  double weight = 0;
};

/// The data sets of a context with their training rows, weights 0. Throws InputError for a single data set.
std::vector<WeightedSet> weighted_sets(const SamplerContext& context, const std::string& sampler);

/// How many draws of an epoch fall to each set: in proportion to the weights and exact to the row (what is left after
/// rounding down goes to the largest remainders). With n_i rows and a share p_i of the draws, the set with the largest
/// n_i / p_i is seen exactly once in an epoch `longest`, the one with the smallest in `shortest`; `steps`: that many
/// full batches. Sets without weight or without rows get 0. Throws InputError where no set has both, and for `steps`
/// where `epoch` does not ask for them.
std::vector<int64_t> draws_per_epoch(const std::vector<WeightedSet>& sets, const EpochOptions& options,
                                     int64_t batch_size);

/// Mixes data sets. Each is seen in passes over all its rows, each pass in an order of its own; an epoch takes up where
/// the one before left, also in the midst of a pass. The sets of an epoch are mixed at random.
class DataSetDraws : public Sampler {
 public:
  /// `draws`: of each set in an epoch.
  DataSetDraws(std::vector<WeightedSet> sets, std::vector<int64_t> draws)
      : sets_(std::move(sets)), draws_(std::move(draws)) {}
  std::vector<int64_t> order(uint64_t seed, int64_t epoch) const override;

 private:
  std::vector<int64_t> rows_of(size_t set, uint64_t seed, int64_t epoch) const;

  std::vector<WeightedSet> sets_;
  std::vector<int64_t> draws_;
};

}  // namespace polytask
