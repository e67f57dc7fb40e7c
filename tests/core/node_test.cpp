#include <polytask/core/node.h>

#include <gtest/gtest.h>

namespace polytask {
namespace {

TEST(Node, MapsKeepOrderAndReplaceInPlace) {
  Node map;
  EXPECT_TRUE(map.is_null());
  map.set("b", Node::scalar_of("1"));
  map.set("a", Node::scalar_of("2"));
  map.set("b", Node::scalar_of("3")).path = "b";
  ASSERT_TRUE(map.is_map()) << "a null node becomes a map";
  ASSERT_EQ(map.entries().size(), 2u);
  EXPECT_EQ(map.entries()[0].first, "b");
  EXPECT_EQ(map.find("b")->text(), "3");
  EXPECT_EQ(map.find("b")->path, "b");
  map.erase("b");
  map.erase("none");
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(map.entries().size(), 1u);
}

TEST(Node, FindOfWhatIsNoMapIsNull) {
  EXPECT_EQ(Node().find("a"), nullptr);
  EXPECT_EQ(Node::scalar_of("a").find("a"), nullptr);
  EXPECT_EQ(Node::sequence_of({Node::scalar_of("a")}).find("a"), nullptr);
}

TEST(Node, AppendMakesAList) {
  Node list;
  list.append(Node::scalar_of("1", true));
  list.append(Node());
  ASSERT_TRUE(list.is_sequence());
  EXPECT_TRUE(list.items()[0].quoted());
  EXPECT_TRUE(list.items()[1].is_null());
}

TEST(Node, TextOrFallsBackForWhatIsNoScalar) {
  const Node map = Node::map_of({{"a", Node::scalar_of("x")}, {"m", Node::map_of()}});
  EXPECT_EQ(map.text_or("a", "y"), "x");
  EXPECT_EQ(map.text_or("m", "y"), "y");
  EXPECT_EQ(map.text_or("none", "y"), "y");
}

TEST(Node, WhereSaysPlaceAndPath) {
  Node node;
  EXPECT_EQ(node.where(), "configuration");
  node.path = "a.b";
  EXPECT_EQ(node.where(), "a.b");
  node.place = {"command line", 0};
  EXPECT_EQ(node.where(), "command line: a.b");
  node.place = {"c.yaml", 12};
  EXPECT_EQ(node.where(), "c.yaml:12: a.b");
  node.path.clear();
  EXPECT_EQ(node.where(), "c.yaml:12");
}

}  // namespace
}  // namespace polytask
