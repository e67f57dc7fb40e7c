#include <polytask/allometry/accumulator.h>

#include <algorithm>
#include <array>
#include <utility>

namespace polytask {

Accumulator::Accumulator(const Law& law, std::vector<double> shapes) : law_(&law), shapes_(std::move(shapes)) {}

void Accumulator::reserve(int64_t genera) {
  if (genera <= this->genera()) return;
  ranges_.resize(static_cast<size_t>(genera));
  moments_.resize(static_cast<size_t>(genera) * shapes_.size());
}

void Accumulator::add(int64_t genus, double log_height, double log_biomass) {
  reserve(genus + 1);
  Moments* moments = moments_.data() + static_cast<size_t>(genus) * shapes_.size();
  Range& range = ranges_[static_cast<size_t>(genus)];
  range.lowest = moments->n() == 0 ? log_height : std::min(range.lowest, log_height);
  range.highest = moments->n() == 0 ? log_height : std::max(range.highest, log_height);
  std::array<double, Moments::kMostColumns> columns{};
  const bool two = law_->columns() == 2;
  for (size_t s = 0; s < shapes_.size(); ++s) {
    law_->columns_at(log_height, shapes_[s], columns.data());
    if (two) {
      moments[s].add<2>(columns.data(), log_biomass);
    } else {
      moments[s].add<1>(columns.data(), log_biomass);
    }
  }
}

void Accumulator::merge(int64_t genus, const Accumulator& other) {
  reserve(genus + 1);
  Range& range = ranges_[static_cast<size_t>(genus)];
  const Range& added = other.range(0);
  const bool first = moments(genus, 0).n() == 0;
  range.lowest = first ? added.lowest : std::min(range.lowest, added.lowest);
  range.highest = first ? added.highest : std::max(range.highest, added.highest);
  for (size_t s = 0; s < shapes_.size(); ++s)
    moments_[static_cast<size_t>(genus) * shapes_.size() + s].merge(other.moments(0, s));
}

std::vector<Moments> Accumulator::of_shape(size_t shape) const {
  std::vector<Moments> result;
  result.reserve(ranges_.size());
  for (int64_t g = 0; g < genera(); ++g) result.push_back(moments(g, shape));
  return result;
}

int64_t Accumulator::rows() const {
  int64_t rows = 0;
  for (int64_t g = 0; g < genera(); ++g) rows += moments(g, 0).n();
  return rows;
}

}  // namespace polytask
