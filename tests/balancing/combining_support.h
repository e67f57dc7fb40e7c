#pragma once
#include <polytask/balancing/combining_balancer.h>

#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

using RowList = std::vector<std::vector<double>>;

/// Gives the same uniforms in every step: those of a list, or (none given) a fixed pattern in [0, 1).
class GivenUniforms : public Draws {
 public:
  explicit GivenUniforms(std::vector<double> values = {}) : values_(std::move(values)) {}
  std::vector<int64_t> order(const std::string&, int64_t) override { throw std::logic_error("no orders given"); }
  std::vector<double> normals(const std::string&, int64_t) override { throw std::logic_error("no normals given"); }
  std::vector<double> uniforms(const std::string& name, int64_t n) override {
    names.push_back(name);
    std::vector<double> drawn;
    for (int64_t i = 0; i < n; ++i)
      drawn.push_back(values_.empty() ? std::fmod(0.37 + 0.618034 * static_cast<double>(i), 1.0)
                                      : values_.at(static_cast<size_t>(i)));
    return drawn;
  }
  std::vector<std::string> names;  ///< asked for so far

 private:
  std::vector<double> values_;
};

inline at::Tensor matrix_of(const RowList& rows, at::ScalarType dtype = torch::kDouble) {
  std::vector<double> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return torch::tensor(flat, torch::kDouble)
      .reshape({static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size())})
      .to(dtype);
}

/// Rows of the tasks 0, 1, …; `batches` samples with the same gradients.
inline GradientRows rows_of(const RowList& rows, std::vector<double> losses = {}, size_t batches = 1,
                            at::ScalarType dtype = torch::kDouble) {
  GradientRows result;
  result.samples.assign(batches, matrix_of(rows, dtype));
  result.tasks.resize(rows.size());
  std::iota(result.tasks.begin(), result.tasks.end(), 0);
  result.losses = losses.empty() ? std::vector<double>(rows.size(), 1.0) : std::move(losses);
  result.task_count = static_cast<int64_t>(rows.size());
  return result;
}

/// The rows belong to these of `count` tasks.
inline GradientRows of_tasks(GradientRows rows, std::vector<int64_t> tasks, int64_t count) {
  rows.tasks = std::move(tasks);
  rows.task_count = count;
  return rows;
}

struct Combined {
  GramWeights weights;
  std::vector<double> direction;  ///< the combiner's, or Gᵀw of the last sample
};

inline std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(torch::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

inline Combined combine(GradientCombiner& combiner, const GradientRows& rows, Draws* draws = nullptr) {
  LossState state = LossState::of(std::vector<double>(static_cast<size_t>(rows.task_count), 1.0));
  for (size_t i = 0; i < rows.tasks.size(); ++i) state.losses[static_cast<size_t>(rows.tasks[i])] = rows.losses[i];
  GivenUniforms fixed;
  state.draws = draws != nullptr ? draws : &fixed;
  at::Tensor direction = torch::zeros({rows.columns()}, rows.grads().options());
  Combined result;
  result.weights = combiner.combine(rows, state, direction);
  if (!combiner.makes_direction())
    direction = torch::mv(rows.samples.back().to(torch::kDouble).t(), torch::tensor(result.weights.w, torch::kDouble));
  result.direction = numbers(direction);
  return result;
}

inline void expect_close(const std::vector<double>& got, const std::vector<double>& expected, double relative = 1e-12) {
  ASSERT_EQ(got.size(), expected.size());
  double size = 0;
  for (double value : expected) size = std::max(size, std::abs(value));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], relative * std::max(size, 1e-300)) << i;
}

inline void expect_finite(const Combined& result) {
  for (const auto& values : {result.weights.w, result.direction, result.weights.heads})
    for (double value : values) EXPECT_TRUE(std::isfinite(value)) << value;
  for (const auto& [name, values] : result.weights.shown)
    for (double value : values) EXPECT_TRUE(std::isfinite(value)) << name << ' ' << value;
}

using MakeCombiner = std::function<std::unique_ptr<GradientCombiner>()>;

inline std::unique_ptr<GradientCombiner> set_up(const MakeCombiner& make, size_t tasks) {
  auto combiner = make();
  combiner->setup(numbered_tasks(tasks));
  return combiner;
}

/// Rows of three tasks that differ from step to step.
inline GradientRows varied_rows(int64_t step, size_t batches, at::ScalarType dtype = torch::kDouble) {
  GradientRows rows = rows_of(RowList(3, std::vector<double>(40, 0.0)), {1.5, 0.25, 3.0}, batches, dtype);
  for (size_t s = 0; s < batches; ++s) {
    at::Tensor wave = torch::arange(120, torch::kDouble).add(static_cast<double>(step) + 0.3 * static_cast<double>(s));
    rows.samples[s] = wave.mul(0.7).sin().add(0.1).reshape({3, 40}).to(dtype).contiguous();
  }
  return rows;
}

/// Zero, duplicate, opposite and badly scaled rows, in float32 and float64, over several steps.
inline void expect_finite_whatever_comes(const MakeCombiner& make) {
  const std::vector<RowList> inputs = {
      {{0, 0, 0}, {0, 0, 0}},
      {{1, -2, 0.5}, {1, -2, 0.5}, {1, -2, 0.5}},
      {{1, -2, 0.5}, {-1, 2, -0.5}},
      {{0, 0, 0}, {3, -1, 2}, {1, 1, 1}},
      {{3e10, -1e10, 2e10}, {1e-10, 2e-10, -1e-10}, {1, 1, 1}},
      {{3e10, -1e10, 2e10}, {1e10, 2e10, -1e10}},
      {{3e-10, -1e-10, 2e-10}, {1e-10, 2e-10, -1e-10}},
  };
  for (auto dtype : {torch::kDouble, torch::kFloat})
    for (const auto& input : inputs) {
      SCOPED_TRACE(testing::PrintToString(input));
      const auto combiner = set_up(make, input.size());
      const auto batches = static_cast<size_t>(combiner->needs().independent_batches);
      for (int step = 0; step < 4; ++step) expect_finite(combine(*combiner, rows_of(input, {}, batches, dtype)));
    }
}

/// float32 rows give what float64 rows give, to float32's precision.
inline void expect_float_like_double(const MakeCombiner& make) {
  const auto one = set_up(make, 3), other = set_up(make, 3);
  const auto batches = static_cast<size_t>(one->needs().independent_batches);
  for (int64_t step = 0; step < 3; ++step) {
    const auto exact = combine(*one, varied_rows(step, batches));
    const auto rounded = combine(*other, varied_rows(step, batches, torch::kFloat));
    expect_close(rounded.direction, exact.direction, 1e-4);
    expect_close(rounded.weights.w, exact.weights.w, 1e-4);
  }
}

inline void expect_same_state(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    EXPECT_EQ(tensor.scalar_type(), b.at(name).scalar_type()) << name;
    EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
  }
}

/// Saving, loading into a new method and continuing is continuing, bit for bit; from the start and from step 3.
inline void expect_resumes(const MakeCombiner& make) {
  for (int64_t before : {0, 3})
    for (auto dtype : {torch::kDouble, torch::kFloat}) {
      const auto continued = set_up(make, 3), resumed = set_up(make, 3);
      const auto batches = static_cast<size_t>(continued->needs().independent_batches);
      for (int64_t step = 0; step < before; ++step) combine(*continued, varied_rows(step, batches, dtype));
      const NamedTensors kept = continued->state();
      resumed->load_state(kept);
      for (int64_t step = before; step < before + 3; ++step) {
        const auto one = combine(*continued, varied_rows(step, batches, dtype));
        const auto other = combine(*resumed, varied_rows(step, batches, dtype));
        EXPECT_EQ(one.direction, other.direction);
        EXPECT_EQ(one.weights.w, other.weights.w);
      }
      expect_same_state(continued->state(), resumed->state());
      const auto again = set_up(make, 3);
      again->load_state(kept);  // what was saved has not moved with the method
      expect_same_state(again->state(), kept);
    }
}

/// What a state's entry keeps of one task: its row or element.
inline at::Tensor of_task(const at::Tensor& entry, int64_t task) {
  return entry.dim() == 0 ? entry : entry.select(0, task);
}

/// A step without task 1 leaves that task's entries of the state as they are, and moves others.
inline void expect_absent_keep_state(const MakeCombiner& make) {
  const auto combiner = set_up(make, 3);
  const auto batches = static_cast<size_t>(combiner->needs().independent_batches);
  for (int64_t step = 0; step < 2; ++step) combine(*combiner, varied_rows(step, batches));
  const NamedTensors before = combiner->state();
  GradientRows rows = varied_rows(2, batches);
  for (at::Tensor& sample : rows.samples) sample = sample.index_select(0, torch::tensor({int64_t(0), int64_t(2)}));
  rows.losses = {1.5, 3.0};
  const auto result = combine(*combiner, of_tasks(rows, {0, 2}, 3));
  EXPECT_EQ(result.weights.w.size(), 2u);
  bool moved = false;
  for (const auto& [name, entry] : combiner->state()) {
    if (entry.dim() == 0) continue;
    EXPECT_TRUE(torch::equal(of_task(entry, 1), of_task(before.at(name), 1))) << name;
    moved = moved || !torch::equal(of_task(entry, 0), of_task(before.at(name), 0));
  }
  EXPECT_TRUE(moved);
}

/// In a new method, two of four tasks give what they give alone.
inline void expect_absent_take_no_part(const MakeCombiner& make) {
  const auto all = set_up(make, 4), alone = set_up(make, 2);
  const auto batches = static_cast<size_t>(all->needs().independent_batches);
  const RowList rows = {{1, -2, 0.5, 0.2}, {0.3, 1, -1, 0.8}};
  for (int step = 0; step < 3; ++step) {
    const auto expected = combine(*alone, rows_of(rows, {0.5, 2}, batches));
    const auto got = combine(*all, of_tasks(rows_of(rows, {0.5, 2}, batches), {1, 3}, 4));
    expect_close(got.direction, expected.direction);
    expect_close(got.weights.w, expected.weights.w);
  }
}

/// A method whose state has a column per shared parameter says so where other columns come.
inline void expect_refuses_other_columns(const MakeCombiner& make) {
  const auto combiner = set_up(make, 2);
  combine(*combiner, rows_of({{1, 2, 3}, {3, 2, 1}}));
  EXPECT_THAT(message_of<WorkError>([&] {
                combine(*combiner, rows_of({{1, 2}, {2, 1}}));
              }),
              testing::HasSubstr("that of another model"));
}

inline void expect_refuses_representation(const MakeCombiner& make) {
  GradientOptions options;
  options.scope = {"representation"};
  EXPECT_THROW(CombiningBalancer(make(), options), InputError);
}

/// A method's options from YAML text, with the options that stand beside them.
template <class Options>
Options options_of(const std::string& yaml) {
  return read_options<Options>(parse_yaml(yaml, "test.yaml"));
}

}  // namespace polytask
