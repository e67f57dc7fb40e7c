#include <polytask/objectives/metrics/register.h>

#include <limits>
#include <string>
#include <utility>

namespace polytask {
namespace {

class Accuracy : public Metric {
 public:
  explicit Accuracy(std::string name) : name_(std::move(name)) {}
  void update(const MetricInput& batch) override {
    correct_ += batch.prediction.argmax(1).eq(batch.target).sum().item<int64_t>();
    seen_ += batch.target.size(0);
  }
  double value() const override {
    if (seen_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(correct_) / static_cast<double>(seen_);
  }
  void reset() override { correct_ = seen_ = 0; }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return name_; }

 private:
  std::string name_;
  int64_t correct_ = 0, seen_ = 0;
};

}  // namespace

void register_accuracy(MetricRegistry& metrics) {
  metrics.add<NoOptions>("accuracy", "share of samples whose most probable class is the true one", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Accuracy>("accuracy"); });
}

void register_pixel_accuracy(MetricRegistry& metrics) {
  metrics.add<NoOptions>("pixel_accuracy", "share of labelled pixels whose most probable class is the true one", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Accuracy>("pixel_accuracy"); });
}

}  // namespace polytask
