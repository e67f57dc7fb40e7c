#include <polytask/core/suggest.h>

#include <gtest/gtest.h>

namespace polytask {
namespace {

TEST(Nearest, CountsInsertionDeletionReplacementAndSwapAsOne) {
  const std::vector<std::string> known = {"balancing", "optimizer", "data", "lr"};
  EXPECT_EQ(nearest("optimiser", known), "optimizer");
  EXPECT_EQ(nearest("balancnig", known), "balancing");
  EXPECT_EQ(nearest("dat", known), "data");
  EXPECT_EQ(nearest("datas", known), "data");
  EXPECT_EQ(nearest("OPTIMIZER", known), "optimizer");
  EXPECT_EQ(nearest("rl", known), "lr");
}

TEST(Nearest, IsSilentWhereNothingIsMeant) {
  const std::vector<std::string> known = {"x", "balancing", "lr"};
  EXPECT_EQ(nearest("", known), "") << "an empty name is near nothing";
  EXPECT_EQ(nearest("q", known), "") << "one letter replaced by another is another word";
  EXPECT_EQ(nearest("tracking", known), "");
  EXPECT_EQ(nearest("anything", {}), "");
  EXPECT_EQ(nearest(std::string(1000000, 'x'), known), "");
}

TEST(Nearest, PrefersTheNearestThenTheFirst) { EXPECT_EQ(nearest("hidden", {"hiden_", "hidde", "hidden_"}), "hidde"); }

TEST(DidYouMean, SuggestsOrLists) {
  EXPECT_EQ(did_you_mean("dat", {"data", "model"}), "; did you mean \"data\"?");
  EXPECT_EQ(did_you_mean("zzz", {"data", "model"}), "; known: data, model");
  EXPECT_EQ(did_you_mean("zzz", {}), "");
  std::vector<std::string> many;
  for (int i = 0; i < 25; ++i) many.push_back("name" + std::to_string(i));
  const std::string text = did_you_mean("q", many);
  EXPECT_NE(text.find("name19, …"), std::string::npos);
  EXPECT_EQ(text.find("name20"), std::string::npos);
}

}  // namespace
}  // namespace polytask
