#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/register.h>

#include <ATen/TensorOperators.h>

namespace polytask {
namespace {

class L1 : public Loss {
 public:
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    return (output - target).abs();
  }
};

}  // namespace

void register_l1(LossRegistry& losses) {
  losses.add<NoOptions>("l1", "absolute error", "", [](const NoOptions&, int64_t) { return std::make_unique<L1>(); });
}

void register_l1(DenseLossRegistry& losses) {
  losses.add<NoOptions>("l1", "absolute error", "",
                        [](const NoOptions&, int64_t) { return over_pixels(std::make_unique<L1>()); });
}

}  // namespace polytask
