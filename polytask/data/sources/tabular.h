#pragma once
#include <polytask/data/source.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

struct TabularOptions {
  int64_t count = 5000;
  int64_t seed = -1;
  int64_t features = 12;
  double noise = 0.3;
  double missing = 0;
  void fields(Fields& f);
};

/// A made table with known ground truth, for tasks that share latent factors.
///
/// Features: x1 … xK (K = `features` ≥ 6), independent, standard normal; `material` (oak, pine, steel, glass) and
/// `quality` (low, medium, high), uniform. Factors, with m = 0.8, −0.8, 0.4, −0.4 by material and q = −1, 0, 1 by
/// quality:
///     z1 = (x1 + x2 − x3) / √3 + m,    z2 = tanh(x4 · x5) + x4 / 2,    z3 = (x6 − x1) / √2 + 0.7 q
/// Targets, each with noise e ~ N(0, `noise`) of its own (four of them for `kind`):
///     kind     = the largest of  a: z1 + e,  b: z2 + e,  c: −z1 + e,  d: z3 − z2 + e     (text a, b, c, d)
///     defect   = 1 where z1 − z3 + e > 0, else 0
///     strength = 50 + 10 (z1 + z1 z2 / 2 + e)                                             in MPa
///     price    = 100 exp((z1 + z3) / 4 + e / 4)                                           in EUR
/// x7 … xK mean nothing. A share `missing` of the numbers x is left out (after the targets were computed). Targets are
/// never inputs, whether a task uses them or not. Every row is a pure function of (seed, row). Opened for prediction,
/// the paths are CSV files with the columns of the features.
class TabularSource : public Source {
 public:
  TabularSource(const TabularOptions& options, uint64_t seed);

  int64_t size() const override { return count_; }
  std::vector<std::string> column_names() const override { return names_; }
  Column column(const std::string& name) const override;
  std::string unit(const std::string& column) const override;
  std::vector<InputSpec> inputs() const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  void exclude_from_inputs(const std::vector<std::string>& columns) override;
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  void draw_row(int64_t row, const TabularOptions& options);
  void gather_inputs();

  int64_t count_;
  uint64_t seed_;
  std::string digest_;
  std::vector<std::string> names_;  // features, then targets
  std::map<std::string, Column> columns_;
  std::vector<InputColumn> input_columns_;
  at::Tensor raw_;  // float [N, input columns]
};

}  // namespace polytask
