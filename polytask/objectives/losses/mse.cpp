#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/register.h>

#include <ATen/TensorOperators.h>

namespace polytask {
namespace {

class Mse : public Loss {
 public:
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    return (output - target).square();
  }
};

}  // namespace

void register_mse(LossRegistry& losses) {
  losses.add<NoOptions>("mse", "squared error", "", [](const NoOptions&, int64_t) { return std::make_unique<Mse>(); });
}

void register_mse(DenseLossRegistry& losses) {
  losses.add<NoOptions>("mse", "squared error", "",
                        [](const NoOptions&, int64_t) { return over_pixels(std::make_unique<Mse>()); });
}

}  // namespace polytask
