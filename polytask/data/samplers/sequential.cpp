#include <polytask/data/samplers/samplers.h>

namespace polytask {
namespace {

/// Every row once an epoch, in the order of the source.
class Sequential : public Sampler {
 public:
  explicit Sequential(std::vector<int64_t> rows) : rows_(std::move(rows)) {}
  std::vector<int64_t> order(uint64_t, int64_t) const override { return rows_; }

 private:
  std::vector<int64_t> rows_;
};

}  // namespace

void register_sequential(SamplerRegistry& registry) {
  registry.add<NoOptions>(
      "sequential", "Every row once an epoch, in the order of the source", "",
      [](const NoOptions&, const SamplerContext& context) { return std::make_unique<Sequential>(context.rows); });
}

}  // namespace polytask
