#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/random.h>
#include <polytask/data/keep_labels.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

at::Tensor mask_of(const Targets& targets) {
  if (targets.valid.defined()) return targets.valid.clone();
  return targets.dense != nullptr ? at::ones({targets.rows()}, at::kBool) : at::ones_like(targets.values, at::kBool);
}

}  // namespace

void keep_labels(Targets& targets, const std::string& task, const std::vector<int64_t>& train, double share,
                 uint64_t seed) {
  if (share >= 1) return;
  const at::Tensor valid = mask_of(targets);
  const at::Tensor labelled = valid.view({valid.size(0), -1}).any(1).contiguous();
  std::vector<int64_t> rows;
  for (const int64_t row : train)
    if (labelled.data_ptr<bool>()[row]) rows.push_back(row);
  const auto kept = static_cast<size_t>(std::llround(share * static_cast<double>(rows.size())));
  if (kept == 0)
    throw InputError("data.keep_labels: {} of the {} training labels of task \"{}\" are none: keep more",
                     number_text(share), rows.size(), task);
  Random(seed, "data/keep_labels/" + task).shuffle(rows);
  rows.erase(rows.begin(), rows.begin() + static_cast<int64_t>(kept));
  if (rows.empty()) return;
  valid.index_fill_(0, at::tensor(rows, at::kLong), false);
  targets.valid = valid;
}

}  // namespace polytask
