#pragma once
#include <polytask/objectives/metric.h>

#include <limits>
#include <string>
#include <utility>

namespace polytask {

/// A metric that is the share of what it has seen that is right.
class HitShare : public Metric {
 public:
  explicit HitShare(std::string name) : name_(std::move(name)) {}
  double value() const override {
    if (seen_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(hits_) / static_cast<double>(seen_);
  }
  void reset() override { hits_ = seen_ = 0; }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return name_; }

 protected:
  /// `hits`: one mark for each that counts, of any number of dimensions.
  void count(const at::Tensor& hits) {
    hits_ += hits.sum().item<int64_t>();
    seen_ += hits.numel();
  }

 private:
  std::string name_;
  int64_t hits_ = 0, seen_ = 0;
};

}  // namespace polytask
