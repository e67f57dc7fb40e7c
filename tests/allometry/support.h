#pragma once
#include <polytask/allometry/kept_rows.h>
#include <polytask/core/random.h>

#include <io/message_of.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Observations from memory, a few at a time.
class ListedObservations : public Observations {
 public:
  void add(const std::string& genus, double height_m, double biomass, const std::string& group = "") {
    Observation row;
    if (!genus.empty()) row.genus = genera_.of(genus);
    row.group = groups_.of(group);
    row.height_m = height_m;
    row.biomass = biomass;
    rows_.push_back(row);
  }
  bool read(std::vector<Observation>& block) override {
    constexpr size_t kBlock = 1000;
    const size_t end = std::min(rows_.size(), at_ + kBlock);
    block.assign(rows_.begin() + static_cast<std::ptrdiff_t>(at_), rows_.begin() + static_cast<std::ptrdiff_t>(end));
    at_ = end;
    return !block.empty();
  }
  std::string name() const override { return "list"; }

 private:
  std::vector<Observation> rows_;
  size_t at_ = 0;
};

/// Trees of `genera` genera with lines drawn around (−3.5, 3.0) and noise `sigma`; 2 … 2 + 7·genus trees of each.
inline ListedObservations drawn_trees(int genera, double sigma, uint64_t seed = 1) {
  ListedObservations trees;
  Random random(seed, "test/trees");
  for (int g = 0; g < genera; ++g) {
    const double alpha = -3.5 + 0.8 * random.normal(), beta = 3 + 0.3 * random.normal();
    for (int i = 0; i < 2 + 7 * g; ++i) {
      const double height = std::exp(random.uniform(0.3, 3.4));
      trees.add("genus" + std::to_string(g), height,
                std::exp(alpha + beta * std::log(height) + sigma * random.normal()), "study" + std::to_string(i % 3));
    }
  }
  return trees;
}

}  // namespace polytask
