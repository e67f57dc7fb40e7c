#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/samplers/samplers.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

struct BalancedOptions {
  std::string task;
  void fields(Fields& f) { f.field("task", task, "the task whose classes shall be equally frequent", required()); }
};

/// As many draws an epoch as there are rows, equally many of each class of one task (but for a remainder of one), with
/// replacement within a class. Rows without a label of that task are never drawn.
class Balanced : public Sampler {
 public:
  Balanced(const BalancedOptions& options, const SamplerContext& context)
      : draws_(static_cast<int64_t>(context.rows.size())) {
    const Targets& targets = targets_of(options.task, context);
    const at::Tensor classes = targets.values.to(at::kLong).view({-1}).contiguous();
    const at::Tensor valid = targets.valid.defined() ? targets.valid.view({-1}).contiguous() : at::Tensor();
    std::map<int64_t, std::vector<int64_t>> by_class;
    for (const int64_t row : context.rows)
      if (!valid.defined() || valid.data_ptr<bool>()[row]) by_class[classes.data_ptr<int64_t>()[row]].push_back(row);
    for (auto& [label, rows] : by_class) classes_.push_back(std::move(rows));
    if (classes_.empty())
      throw InputError("data.sampler.task: no training row has a label of task \"{}\"", options.task);
  }

  std::vector<int64_t> order(uint64_t seed, int64_t epoch) const override {
    Random random(seed, fmt::format("data/balanced/{}", epoch));
    const auto first = random.permutation(static_cast<int64_t>(classes_.size()));  // who gets the remainder
    std::vector<int64_t> order;
    for (int64_t i = 0; i < draws_; ++i) {
      const auto& rows = classes_[static_cast<size_t>(first[static_cast<size_t>(i) % first.size()])];
      order.push_back(rows[static_cast<size_t>(random.below(static_cast<int64_t>(rows.size())))]);
    }
    random.shuffle(order);
    return order;
  }

 private:
  static const Targets& targets_of(const std::string& task, const SamplerContext& context) {
    std::vector<std::string> names;
    for (const auto& [name, targets] : context.targets) names.push_back(name);
    const auto found = context.targets.find(task);
    if (found == context.targets.end())
      throw InputError("data.sampler.task: unknown task \"{}\"{}", task, did_you_mean(task, names));
    if (found->second.dense != nullptr)
      throw InputError(
          "data.sampler.task: task \"{}\" has a label per pixel; classes can be balanced where a row has one", task);
    const at::Tensor& values = found->second.values;
    const bool binary =
        values.dim() == 2 && values.size(1) == 1 && values.eq(0).logical_or(values.eq(1)).all().item<bool>();
    if (values.scalar_type() != at::kLong && !binary)
      throw InputError("data.sampler.task: task \"{}\" has no classes to balance; name a classification task", task);
    return found->second;
  }

  int64_t draws_;
  std::vector<std::vector<int64_t>> classes_;  // rows of each class
};

}  // namespace

void register_balanced(SamplerRegistry& registry) {
  registry.add<BalancedOptions>("balanced", "Draws the classes of one task equally often, with replacement", "",
                                [](const BalancedOptions& options, const SamplerContext& context) {
                                  return std::make_unique<Balanced>(options, context);
                                });
}

}  // namespace polytask
