#include <polytask/objectives/losses/register.h>

#include <ATen/core/Reduction.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/tensor.h>

#include <cmath>

namespace polytask {
namespace {

struct BceOptions {
  std::vector<double> pos_weight;

  void fields(Fields& f) {
    f.field("pos_weight", pos_weight, "factor of each label's positive samples; none: 1", at_least(0));
  }
};

class Bce : public Loss {
 public:
  Bce(const BceOptions& options, int64_t labels) {
    if (options.pos_weight.empty()) return;
    if (static_cast<int64_t>(options.pos_weight.size()) != labels)
      throw InputError("bce: pos_weight needs one number per label, {}, got {}", labels, options.pos_weight.size());
    for (const double weight : options.pos_weight)
      if (std::isinf(weight)) throw InputError("bce: pos_weight must be finite");
    pos_weight_ = at::tensor(options.pos_weight, at::kDouble);
  }

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    c10::optional<at::Tensor> pos_weight;
    if (pos_weight_.defined()) pos_weight = pos_weight_.to(output.options());
    return at::binary_cross_entropy_with_logits(output, target.to(output.scalar_type()), {}, pos_weight,
                                                at::Reduction::None);
  }

 private:
  at::Tensor pos_weight_;  // double [K] or undefined
};

}  // namespace

void register_bce(LossRegistry& losses) {
  losses.add<BceOptions>(
      "bce", "binary cross entropy of each label's sigmoid probability: −w y log p − (1 − y) log(1 − p)", "",
      [](const BceOptions& options, int64_t labels) { return std::make_unique<Bce>(options, labels); });
}

}  // namespace polytask
