#include <polytask/allometry/name_index.h>

#include <gtest/gtest.h>

#include <map>

namespace polytask {
namespace {

TEST(NameIndex, numbers_names_of_every_length_in_their_order) {
  NameIndex index;
  std::map<std::string, int32_t> expected;
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 3000; ++i) {
      // Long ones agree in their first and last eight bytes.
      const std::string name = i % 3 == 0   ? std::string(static_cast<size_t>(i % 9), 'a') + std::to_string(i)
                               : i % 3 == 1 ? "Quercus_" + std::to_string(i) + "_Quercus"
                                            : std::to_string(i);
      const auto number = expected.emplace(name, static_cast<int32_t>(expected.size())).first->second;
      ASSERT_EQ(index.of(name), number) << name;
      ASSERT_EQ(index.names()[static_cast<size_t>(number)], name);
    }
  EXPECT_EQ(index.of(""), static_cast<int32_t>(expected.size()));
  EXPECT_EQ(index.of(std::string(1, '\0')), static_cast<int32_t>(expected.size()) + 1);
}

}  // namespace
}  // namespace polytask
