#include <polytask/core/error.h>
#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <array>
#include <vector>

namespace polytask {
namespace {

struct QuarterTurnsOptions {
  void fields(Fields&) {}
};

/// Turns each picture by 0°, 90°, 180° or 270°, each as likely as any other. Pictures must be square.
class QuarterTurns : public Transform {
 public:
  TransformKind kind() const override { return TransformKind::moves; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    if (images.size(2) != images.size(3))
      throw InputError("quarter_turns: pictures must be square, not {} × {} pixels", images.size(2), images.size(3));
    std::array<std::vector<int64_t>, 4> chosen;
    for (int64_t i = 0; i < images.size(0); ++i) chosen[static_cast<size_t>(random.below(4))].push_back(i);
    at::Tensor result = images.clone();
    for (size_t turns = 1; turns < 4; ++turns) {
      if (chosen[turns].empty()) continue;
      const at::Tensor rows = at::tensor(chosen[turns], at::kLong);
      result.index_copy_(0, rows, images.index_select(0, rows).rot90(static_cast<int64_t>(turns), {2, 3}));
    }
    return result;
  }
};

}  // namespace

void register_quarter_turns(TransformRegistry& registry) {
  registry.add<QuarterTurnsOptions>("quarter_turns", "Turns each square picture by a random multiple of 90°", "",
                                    [](const QuarterTurnsOptions&) { return std::make_unique<QuarterTurns>(); });
}

}  // namespace polytask
