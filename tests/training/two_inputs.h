#pragma once
#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/data/source.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Pictures (input "scene", [1, 12, 12]) and two numbers (input "route") with labels in memory:
///   light     yes where the picture's left half is the brighter one
///   coin      yes or no by chance: nothing to learn
///   coin_half the same, without a label in every other row
///   level     the brightness of the left half, a number
///   turn      left, right (as the route says) or stop (where the left half is very bright)
class TwoInputSource : public Source {
 public:
  struct Options {
    int64_t count = 96;
    void fields(Fields& f) { f.field("count", count, "rows", at_least(1)); }
  };

  TwoInputSource(int64_t count, uint64_t seed)
      : scenes_(at::empty({count, 1, 12, 12}, at::kByte)), routes_(at::zeros({count, 2}, at::kFloat)) {
    columns_["turn"].numeric = false;
    for (int64_t row = 0; row < count; ++row) {
      Random random(seed, fmt::format("two_inputs/{}", row));
      const double left = random.uniform(), right = random.uniform();
      scenes_[row].narrow(2, 0, 6).fill_(static_cast<int64_t>(255 * left));
      scenes_[row].narrow(2, 6, 6).fill_(static_cast<int64_t>(255 * right));
      const int64_t way = random.below(2);
      routes_[row][way] = 1;
      const double coin = static_cast<double>(random.below(2));
      columns_["light"].numbers.push_back(left > right ? 1 : 0);
      columns_["coin"].numbers.push_back(coin);
      columns_["coin_half"].numbers.push_back(row % 2 == 0 ? coin : std::numeric_limits<double>::quiet_NaN());
      columns_["level"].numbers.push_back(left);
      columns_["turn"].texts.emplace_back(left > 0.7 ? "stop" : way == 0 ? "left" : "right");
    }
  }

  int64_t size() const override { return scenes_.size(0); }
  std::vector<std::string> column_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, column] : columns_) names.push_back(name);
    return names;
  }
  Column column(const std::string& name) const override {
    if (columns_.count(name) == 0)
      throw InputError("unknown column \"{}\"{}", name, did_you_mean(name, column_names()));
    return columns_.at(name);
  }
  std::vector<InputSpec> inputs() const override {
    return {{"scene", {1, 12, 12}, {}}, {"route", {2}, {{"to_left", {}, false}, {"to_right", {}, false}}}};
  }
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override {
    return (input == 0 ? scenes_ : routes_).index_select(0, at::tensor(rows, at::kLong));
  }
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override {
    const auto specs = inputs();
    return {Preprocess::for_images(specs[0], 1.0 / 255, {0.5}, {0.25}),
            Preprocess::for_table(specs[1], read(1, train_rows), true)};
  }
  std::string row_name(int64_t row) const override { return fmt::format("row {}", row); }

 private:
  at::Tensor scenes_, routes_;
  std::map<std::string, Column> columns_;
};

inline void register_two_inputs() {
  sources().add<TwoInputSource::Options>("two_inputs", "pictures and routes", "",
                                         [](const TwoInputSource::Options& options, const OpenRequest& request) {
                                           return std::make_unique<TwoInputSource>(options.count, request.seed);
                                         });
}

/// A run on both inputs: `turn` takes the route at its head, `level` sees the scene alone.
inline const char* two_inputs_experiment() {
  return R"(
name: crossing
seed: 3
device: cpu
threads: 1
data: {source: two_inputs, batch_size: 16, split: {validation: 0.25}}
model: {backbone: {type: lenet, channels: [4], kernel: 3, features: 8}}
tasks:
  turn:
    type: classification
    target: turn
    head: {type: mlp, hidden: [8], auxiliary: {input: route, hidden: [4]}}
  level: {type: regression, target: level}
balancing: {method: equal}
optimizer: {type: adam, lr: 5e-3, weight_decay: 0}
train: {epochs: 2}
tracking: {tensorboard: false}
)";
}

}  // namespace polytask
