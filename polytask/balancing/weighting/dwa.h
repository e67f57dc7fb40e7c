#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention    | average    | normalize |
/// | paper, libmtl | samples    | sum       |
/// | torchjd       | batches    | sum       |
/// | nash, samsung | iterations | mean      |
struct DwaOptions {
  std::string convention = "paper";
  double tau = 2;  ///< temperature: the higher, the more alike the weights
  /// What L̄ is the mean of. samples: an epoch's losses, weighted by batch size (LossState::epoch_losses); batches: an
  /// epoch's losses, every batch the same; iterations: the last `window` batches.
  std::optional<std::string> average;
  int64_t window = 25;                   ///< batches in a mean, of `average: iterations` only
  std::optional<std::string> normalize;  ///< sum: Σ w = T; mean: Σ w = 1
  void fields(Fields& f);
};

/// Dynamic weight average: a task weighs more the slower its loss falls. With L̄ the means of the last and the
/// last-but-one finished epoch, r_t = L̄_t(last)/L̄_t(before),
///   λ_t = T e^{r_t/τ} / Σ_s e^{r_s/τ},  w_t = λ_t (normalize: sum) or λ_t/T (mean),
/// and λ_t = 1 in the first two epochs. `average: iterations` takes r of the means of the last and the previous
/// `window` batches, the current one included, from a buffer that starts as ones, once more than `window` batches have
/// gone by. Weights::shown has "lambda".
/// Absent tasks have no share in T and Σ, and their buffers and means stay as they are. A task whose r is not known (it
/// was absent throughout one of the epochs, its mean was 0) has λ = 1; the others' λ then sum to their own number, so
/// that Σ λ is the number of present tasks always.
/// Sources: Liu, Johns, Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, eq. 7; iterations: code of
/// Navon et al., Nash-MTL.
class Dwa : public LossWeighting {
 public:
  explicit Dwa(const DwaOptions& options);
  ~Dwa() override;
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  Weights weigh(const LossState& state, bool train) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

  class History;

 private:
  DwaOptions options_;
  bool mean_;
  size_t tasks_ = 0;
  std::unique_ptr<History> history_;
};

}  // namespace polytask
