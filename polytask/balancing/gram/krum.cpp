#include <polytask/balancing/gram/krum.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

namespace polytask {

void KrumOptions::fields(Fields& f) {
  f.field("n_byzantine", n_byzantine, "tasks whose gradient may be anything; leaves at least three others",
          at_least(0));
  f.field("n_selected", n_selected, "gradients that are averaged", at_least(1));
}

Krum::Krum(const KrumOptions& options) : n_byzantine_(options.n_byzantine), n_selected_(options.n_selected) {}

void Krum::setup(const std::vector<TaskInfo>& tasks) {
  const auto count = static_cast<int64_t>(tasks.size());
  if (n_byzantine_ > 0 && count < n_byzantine_ + 3)
    throw InputError("balancing.n_byzantine: {} of {} tasks leaves too few to tell: at most {} for {} tasks",
                     n_byzantine_, count, std::max<int64_t>(0, count - 3), count);
  if (n_selected_ > count)
    throw InputError("balancing.n_selected: {} gradients can not be selected from {} tasks", n_selected_, count);
}

double Krum::score(const Matrix& gram, int64_t row) {
  const int64_t rows = gram.rows();
  distances_.clear();
  for (int64_t j = 0; j < rows; ++j)
    if (j != row) distances_.push_back(std::sqrt(std::max(0.0, gram(row, row) + gram(j, j) - 2 * gram(row, j))));
  const int64_t closest = std::max(std::min<int64_t>(1, rows - 1), rows - n_byzantine_ - 2);
  const auto end = distances_.begin() + static_cast<std::ptrdiff_t>(closest);
  std::partial_sort(distances_.begin(), end, distances_.end());
  return std::accumulate(distances_.begin(), end, 0.0);
}

GramWeights Krum::weigh(const GramState& gram, const LossState&) {
  scores_.clear();
  for (int64_t row = 0; row < gram.rows(); ++row) scores_.push_back(score(gram.gram, row));
  std::vector<size_t> order(scores_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) { return scores_[a] < scores_[b]; });
  const int64_t selected = gram.rows() < 3 ? gram.rows() : std::min(n_selected_, gram.rows());
  order.resize(static_cast<size_t>(selected));
  GramWeights weights;
  weights.w.assign(scores_.size(), 0.0);
  for (size_t row : order) weights.w[row] = 1.0 / static_cast<double>(order.size());
  weights.shown["score"] = scores_;
  return weights;
}

void register_krum(BalancerRegistry& registry) {
  add_gram_weighting<KrumOptions>(registry, "krum",
                                  "The mean of the gradients nearest to their neighbours (Krum, multi-Krum)",
                                  "Blanchard, El Mhamdi, Guerraoui, Stainer, NeurIPS 2017",
                                  [](const KrumOptions& options) { return std::make_unique<Krum>(options); });
}

}  // namespace polytask
