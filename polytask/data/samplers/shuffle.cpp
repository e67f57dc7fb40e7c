#include <polytask/core/random.h>
#include <polytask/data/samplers/samplers.h>

#include <fmt/format.h>

namespace polytask {
namespace {

/// Every row once an epoch, in a new order each epoch.
class Shuffle : public Sampler {
 public:
  explicit Shuffle(std::vector<int64_t> rows) : rows_(std::move(rows)) {}
  std::vector<int64_t> order(uint64_t seed, int64_t epoch) const override {
    std::vector<int64_t> order = rows_;
    Random(seed, fmt::format("data/shuffle/{}", epoch)).shuffle(order);
    return order;
  }

 private:
  std::vector<int64_t> rows_;
};

}  // namespace

void register_shuffle(SamplerRegistry& registry) {
  registry.add<NoOptions>(
      "shuffle", "Every row once an epoch, in a new order each epoch", "",
      [](const NoOptions&, const SamplerContext& context) { return std::make_unique<Shuffle>(context.rows); });
}

}  // namespace polytask
