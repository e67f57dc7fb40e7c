#include <polytask/balancing/balancer.h>
#include <polytask/config/yaml.h>

#include <balancing/support.h>
#include <balancing/tiny_training.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace polytask {
namespace {

// What every balancing method must do, whatever it computes. The list is that of the registry: a method that is added
// there is tested here.

// The section of a method for tasks with these numbers: the options without which it can not be made.
std::string section_of(const std::string& name, const std::vector<int64_t>& tasks) {
  if (name == "crmogm") return "{method: crmogm, inner: {method: gradvac}}";
  if (name != "fixed") return "{method: " + name + "}";
  std::string weights;
  for (int64_t task : tasks) weights += (weights.empty() ? "" : ", ") + std::to_string(1 + task) + ".5";
  return "{method: fixed, weights: [" + weights + "]}";
}

TinyTraining training_of(const std::string& section, const TinyOptions& options = {}) {
  return TinyTraining(parse_yaml(section, "test.yaml"), options);
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// got = factor · plain with a factor above 0
void expect_positive_multiple(const std::vector<double>& got, const std::vector<double>& plain) {
  ASSERT_EQ(got.size(), plain.size());
  const double factor = dot(got, plain) / dot(plain, plain), size = std::sqrt(dot(got, got));
  EXPECT_GT(factor, 0);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], factor * plain[i], 1e-9 * size);
}

void expect_close(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  const double size = std::sqrt(dot(expected, expected));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-8 * size);
}

std::string test_name(const testing::TestParamInfo<std::string>& tested) {
  std::string name = tested.param;
  for (char& letter : name)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  return name + "_" + std::to_string(tested.index);
}

class EveryMethod : public testing::TestWithParam<std::string> {
 protected:
  static TinyTraining make(const std::vector<int64_t>& tasks, bool equal = false) {
    return training_of(section_of(GetParam(), tasks), {tasks, equal, false});
  }
};

TEST_P(EveryMethod, OfOneTaskIsPlainTrainingButForScale) {
  TinyTraining training = make({1});
  const auto plain = training.plain_gradient(0), head = training.gradients(Role::task, 0);
  const Weights weights = training.backward();
  ASSERT_EQ(weights.w.size(), 1U);
  EXPECT_GT(weights.w[0], 0);
  expect_positive_multiple(training.gradients(Role::shared), plain);
  expect_positive_multiple(training.gradients(Role::task, 0), head);
}

TEST_P(EveryMethod, OfEqualGradientsIsPlainTrainingButForScale) {
  TinyTraining training = make({0, 1, 2}, true);
  const auto plain = training.plain_gradient(0);
  const Weights weights = training.backward();
  EXPECT_TRUE(all_finite(weights.w));
  expect_positive_multiple(training.gradients(Role::shared), plain);
}

TEST_P(EveryMethod, TrainsWithoutTheAbsent) {
  for (size_t absent = 0; absent < 3; ++absent) {
    SCOPED_TRACE(absent);
    TinyTraining training = make({0, 1, 2});
    for (int i = 0; i < 6; ++i) {
      const Weights weights = training.step(i % 2 == 1 ? std::vector<size_t>{absent} : std::vector<size_t>{});
      ASSERT_EQ(weights.w.size(), 3U);
      EXPECT_TRUE(all_finite(weights.w));
      if (i % 2 == 1) {
        EXPECT_EQ(weights.w[absent], 0);
        for (double value : training.gradients(Role::task, static_cast<int64_t>(absent))) EXPECT_EQ(value, 0);
      }
      for (const auto& value : training.values()) EXPECT_TRUE(at::isfinite(value).all().item<bool>());
    }
  }
}

// In the first step no method has anything to remember of the task that is not there. Two defaults are 1/T of all
// tasks, present or not; given as a number they are the same for any T.
TEST_P(EveryMethod, TakesTheOthersAsIfTheAbsentDidNotExist) {
  const auto section = [](const std::vector<int64_t>& tasks) {
    if (GetParam() == "cosmos") return std::string("{method: cosmos, weights: 1}");
    if (GetParam() == "excess") return std::string("{method: excess, sum: tasks}");
    return section_of(GetParam(), tasks);
  };
  for (size_t absent = 0; absent < 3; ++absent) {
    SCOPED_TRACE(absent);
    std::vector<int64_t> others = {0, 1, 2};
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(absent));
    TinyTraining with = training_of(section({0, 1, 2}), {{0, 1, 2}, false, false});
    TinyTraining without = training_of(section(others), {others, false, false});
    Weights of_all = with.backward({absent});
    const Weights of_others = without.backward();
    of_all.w.erase(of_all.w.begin() + static_cast<std::ptrdiff_t>(absent));
    expect_close(of_all.w, of_others.w);
    expect_close(with.gradients(Role::shared), without.gradients(Role::shared));
    for (size_t r = 0; r < others.size(); ++r)
      expect_close(with.gradients(Role::task, others[r]), without.gradients(Role::task, static_cast<int64_t>(r)));
  }
}

// Five tasks: no dimension of the network is five, so a first dimension of five counts tasks.
TEST_P(EveryMethod, KeepsTheStateOfTheAbsent) {
  const int64_t absent = 3;
  TinyTraining training = make({0, 1, 2, 3, 4});
  for (int i = 0; i < 5; ++i) training.step();
  const auto before = training.save();
  training.backward({static_cast<size_t>(absent)});
  for (const auto& [name, scale] : training.balancer().method().parameters())
    if (name.size() > 3 && name.compare(name.size() - 3, 3, ".t3") == 0 && scale.grad().defined())
      EXPECT_EQ(scale.grad().item<double>(), 0) << name;
  training.load(before);
  training.step({static_cast<size_t>(absent)});
  for (const auto& [name, was] : before.balancer) {
    const NamedTensors state = training.balancer().state();
    ASSERT_EQ(state.count(name), 1U) << name;
    if (was.dim() == 0 || was.size(0) != 5) continue;
    EXPECT_TRUE(at::allclose(state.at(name)[absent], was[absent], 0, 0, /*equal_nan=*/true)) << name;
  }
}

TEST_P(EveryMethod, TakesABatchWithoutAnyLabel) {
  TinyTraining training = make({0, 1, 2});
  training.step();
  const Weights weights = training.step({0, 1, 2});
  EXPECT_EQ(weights.w, std::vector<double>(3, 0.0));
  training.step();
  for (const auto& value : training.values()) EXPECT_TRUE(at::isfinite(value).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryMethod, testing::ValuesIn(balancers().names()), test_name);

// Sections whose state differs from that of the method's defaults.
std::vector<std::string> resumable_sections() {
  std::vector<std::string> sections;
  for (const auto& name : balancers().names()) sections.push_back(section_of(name, {0, 1, 2}));
  for (const char* more :
       {"{method: dwa, convention: nash, window: 2}", "{method: dwa, convention: libmtl}",
        "{method: stch, convention: libmtl, warmup: 1}", "{method: famo, convention: official}",
        "{method: excess, convention: torchjd}", "{method: gradnorm, convention: libmtl}",
        "{method: gradnorm, convention: samsung}", "{method: gradnorm, convention: lucidrains}",
        "{method: gradvac, groups: tensor}", "{method: nash, every: 3}", "{method: pcgrad, every: 2}",
        "{method: uncertainty, form: softplus_reg}", "{method: crmogm, inner: {method: uncertainty}}"})
    sections.push_back(more);
  return sections;
}

class Resume : public testing::TestWithParam<std::string> {
 protected:
  // Whether the runs go the same way to the last bit.
  static bool same(TinyTraining& one, TinyTraining& other, int steps) {
    bool equal = true;
    for (int i = 0; i < steps; ++i) {
      const Weights first = one.step(i == 1 ? std::vector<size_t>{2} : std::vector<size_t>{});
      const Weights second = other.step(i == 1 ? std::vector<size_t>{2} : std::vector<size_t>{});
      equal = equal && first.w == second.w;
    }
    const auto a = one.values(), b = other.values();
    for (size_t i = 0; i < a.size(); ++i) equal = equal && at::equal(a[i], b[i]);
    return equal;
  }
};

TEST_P(Resume, GoesOnBitForBit) {
  for (int taken : {0, 1, 5}) {
    SCOPED_TRACE(taken);
    TinyTraining whole = training_of(GetParam());
    for (int i = 0; i < taken; ++i) whole.step(i == 2 ? std::vector<size_t>{1} : std::vector<size_t>{});
    const auto saved = whole.save();
    TinyTraining resumed = training_of(GetParam());
    resumed.load(saved);
    EXPECT_TRUE(same(whole, resumed, 5));
  }
}

INSTANTIATE_TEST_SUITE_P(Registered, Resume, testing::ValuesIn(resumable_sections()), test_name);

// That the test above can fail: without the balancer's state these methods go another way.
TEST(ResumeWithoutState, Shows) {
  for (const char* name : {"famo", "dtp", "moco", "modo", "db_mtl", "excess", "gradvac", "crmogm"}) {
    TinyTraining whole = training_of(section_of(name, {0, 1, 2}));
    for (int i = 0; i < 5; ++i) whole.step();
    TinyTraining resumed = training_of(section_of(name, {0, 1, 2}));
    resumed.load(whole.save(), false);
    whole.step();
    resumed.step();
    whole.step();
    resumed.step();
    const auto a = whole.values(), b = resumed.values();
    bool equal = true;
    for (size_t i = 0; i < a.size(); ++i) equal = equal && at::equal(a[i], b[i]);
    EXPECT_FALSE(equal) << name;
  }
}

}  // namespace
}  // namespace polytask
