#include <polytask/core/error.h>
#include <polytask/data/labelled_sampler.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

// One mark a row of the whole data: has it a label of any task?
std::vector<char> labelled_rows(const std::map<std::string, Targets>& targets) {
  at::Tensor any;
  for (const auto& [task, target] : targets) {
    const at::Tensor rows = target.valid.defined() ? target.valid.reshape({target.valid.size(0), -1}).any(1)
                                                   : at::ones({target.rows()}, at::kBool);
    any = any.defined() ? any.logical_or(rows) : rows;
  }
  any = any.contiguous();
  return {any.data_ptr<bool>(), any.data_ptr<bool>() + any.numel()};
}

// Epoch e draws from the inner epochs e·R, e·R + 1, … until it is as long as one of them. R leaves room for epochs with
// fewer labelled rows than the first has; where even that is not enough, rows of the same epoch come again.
class OnlyLabelled : public Sampler {
 public:
  OnlyLabelled(std::unique_ptr<Sampler> inner, std::vector<char> labelled, int64_t repeats)
      : inner_(std::move(inner)), labelled_(std::move(labelled)), repeats_(repeats) {}

  std::vector<int64_t> order(uint64_t seed, int64_t epoch) const override {
    std::vector<int64_t> order;
    size_t length = 0;
    for (int64_t r = 0; r < repeats_; ++r) {
      const auto rows = inner_->order(seed, epoch * repeats_ + r);
      length = rows.size();
      std::copy_if(rows.begin(), rows.end(), std::back_inserter(order),
                   [&](int64_t row) { return labelled_[static_cast<size_t>(row)] != 0; });
      if (order.size() >= length) break;
    }
    const size_t found = order.size();
    if (found == 0) throw InputError("data.unlabelled: the sampler draws no row that has a label");
    for (size_t i = found; i < length; ++i) order.push_back(order[i - found]);
    order.resize(length);
    return order;
  }

 private:
  std::unique_ptr<Sampler> inner_;
  std::vector<char> labelled_;
  int64_t repeats_;
};

}  // namespace

std::unique_ptr<Sampler> only_labelled(std::unique_ptr<Sampler> inner, const std::vector<int64_t>& rows,
                                       const std::map<std::string, Targets>& targets, uint64_t seed) {
  auto labelled = labelled_rows(targets);
  const auto has_label = [&](int64_t row) { return labelled[static_cast<size_t>(row)] != 0; };
  if (std::none_of(rows.begin(), rows.end(), has_label))
    throw InputError("data.unlabelled: no training row has a label of any task");
  if (std::all_of(rows.begin(), rows.end(), has_label)) return inner;
  const auto first = inner->order(seed, 0);  // how dense labels are is the sampler's doing too
  const auto found = static_cast<int64_t>(std::count_if(first.begin(), first.end(), has_label));
  if (found == 0) throw InputError("data.unlabelled: the sampler draws no row that has a label");
  const int64_t repeats = 2 * ((static_cast<int64_t>(first.size()) + found - 1) / found) + 1;
  return std::make_unique<OnlyLabelled>(std::move(inner), std::move(labelled), repeats);
}

}  // namespace polytask
