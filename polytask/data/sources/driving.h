#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/driving_scene.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct DrivingOptions {
  int64_t prediction = 8000;
  int64_t decision = 400;
  int64_t size = 24;
  int64_t seed = -1;
  double noise_m = 0.5;
  double grain = 6;
  double wrong = 0;
  void fields(Fields& f);
};

/// Made driving scenes from above with known ground truth, as two data sets with labels for different tasks: first
/// `prediction` rows, then `decision` rows, of scenes drawn alike.
///
/// Inputs: `image` [3, size, size] in bytes (road; vehicles now; vehicles a second ago), `route` [4] (route_left,
/// route_straight, route_right: one of them 1; route_turn_m), which the rows of `prediction` lack. Columns:
///     ahead, side  of `prediction`: where the vehicle ahead will be in a second, in metres ahead and to the right:
///                  position_in_a_second() + e, e ~ N(0, `noise_m`) for each
///     decision     of `decision`: decide(), keep, left, right or stop; a share `wrong` is one of the other three
///     data_set     prediction or decision
/// What can be reached at best: a root mean squared error of `noise_m`, and an accuracy of 1 − `wrong`, but about 0.58
/// of decide() without the route. Every row is a pure function of (seed, data set, number in it), so that more rows
/// change none of the others. Opened for prediction, the paths are annotation files of the source `images` with the
/// four columns of the route.
class DrivingSource : public Source {
 public:
  DrivingSource(const DrivingOptions& options, uint64_t seed);

  int64_t size() const override { return static_cast<int64_t>(scenes_.size()); }
  std::vector<std::string> column_names() const override { return {"ahead", "side", "decision", "data_set"}; }
  Column column(const std::string& name) const override;
  std::string unit(const std::string& column) const override;
  std::vector<DataSetRange> data_sets() const override;
  std::vector<InputSpec> inputs() const override;
  at::Tensor given(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

  /// The truth behind a row. Throws InputError where there is no such row.
  const DrivingScene& scene(int64_t row) const;

 private:
  bool decides(int64_t row) const { return row >= options_.prediction; }
  Random stream(const std::string& of, int64_t row) const;
  at::Tensor pictures(c10::ArrayRef<int64_t> rows) const;
  at::Tensor routes(c10::ArrayRef<int64_t> rows) const;

  DrivingOptions options_;
  uint64_t seed_;
  std::vector<DrivingScene> scenes_;
};

}  // namespace polytask
