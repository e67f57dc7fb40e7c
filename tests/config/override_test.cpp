#include <polytask/config/yaml.h>
#include <polytask/core/error.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Node sample() { return parse_yaml("a: {b: 1, c: [x, {d: 2}]}\nempty:\ntext: word\n", "c.yaml"); }

std::string with(const std::string& assignment) {
  Node root = sample();
  apply_override(root, assignment);
  return write_yaml(root);
}

std::string error_of(const std::string& assignment) {
  Node root = sample();
  try {
    apply_override(root, assignment);
  } catch (const InputError& e) {
    EXPECT_EQ(write_yaml(root), write_yaml(sample())) << "a refused override changes nothing";
    return e.what();
  }
  return "no error";
}

TEST(ApplyOverride, ReplacesInPlaceAndAddsAtTheEnd) {
  EXPECT_EQ(with("a.b=7"), "a:\n  b: 7\n  c:\n    - x\n    - d: 2\nempty: null\ntext: word\n");
  EXPECT_EQ(with("a=5"), "a: 5\nempty: null\ntext: word\n");
  EXPECT_THAT(with("new.deep.key=1"), HasSubstr("new:\n  deep:\n    key: 1\n"));
  EXPECT_THAT(with("empty.k=1"), HasSubstr("empty:\n  k: 1\n"));
}

TEST(ApplyOverride, ValuesAreYaml) {
  EXPECT_THAT(with("a=[1,2]"), HasSubstr("a: [1, 2]\n"));
  EXPECT_THAT(with("a={x: 1}"), HasSubstr("a:\n  x: 1\n"));
  EXPECT_THAT(with("a=text with spaces"), HasSubstr("a: text with spaces\n"));
  EXPECT_THAT(with("a="), HasSubstr("a: null\n"));
  EXPECT_THAT(with("a='5'"), HasSubstr("a: \"5\"\n"));
  EXPECT_THAT(with("a=x=y"), HasSubstr("a: x=y\n"));
}

TEST(ApplyOverride, ReachesItemsOfLists) {
  EXPECT_THAT(with("a.c[0]=3"), HasSubstr("c:\n    - 3\n    - d: 2\n"));
  EXPECT_THAT(with("a.c.0=3"), HasSubstr("c:\n    - 3\n    - d: 2\n"));
  EXPECT_THAT(with("a.c[1].d=9"), HasSubstr("- d: 9\n"));
  EXPECT_THAT(with("a.c[1]=[[1,2],[3]]"), HasSubstr("- x\n    - - [1, 2]\n      - [3]\n"));
}

TEST(ApplyOverride, PlacesAndPathsAreThoseOfTheCommandLine) {
  Node root = sample();
  apply_override(root, "a.c[1]={d: {e: 1}}");
  apply_override(root, "new.deep=[1]");
  EXPECT_EQ(root.find("a")->find("c")->items()[1].find("d")->find("e")->where(), "command line: a.c[1].d.e");
  EXPECT_EQ(root.find("new")->where(), "command line: new");
  EXPECT_EQ(root.find("new")->find("deep")->items()[0].where(), "command line: new.deep[0]");
  EXPECT_EQ(root.find("a")->find("c")->items()[0].where(), "c.yaml:1: a.c[0]");
  EXPECT_EQ(root.find("text")->where(), "c.yaml:3: text");
}

TEST(ApplyOverride, RefusesMalformedAssignments) {
  EXPECT_THAT(error_of("a.b"), AllOf(HasSubstr("override \"a.b\""), HasSubstr("there is no \"=\"")));
  for (const char* bad : {"=1", "a..b=1", ".a=1", "a.=1", "[0]=1"})
    EXPECT_THAT(error_of(bad), HasSubstr("a key is empty")) << bad;
  for (const char* bad : {"a[=1", "a[]=1", "a[x]=1", "a[-1]=1", "a[99999999999999999999]=1"})
    EXPECT_THAT(error_of(bad), HasSubstr("the number of a list's item")) << bad;
  EXPECT_THAT(error_of("a.c[0]d=1"), HasSubstr("a dot is missing after the brackets"));
  EXPECT_THAT(error_of("a=[1"),
              AllOf(HasSubstr("command line"), HasSubstr("is a bracket not closed?"), HasSubstr("override \"a=[1\"")));
  EXPECT_THAT(error_of("a='x"), AllOf(HasSubstr("not valid YAML"), HasSubstr("override \"a='x\"")));
}

TEST(ApplyOverride, RefusesPathsThatLeadNowhere) {
  EXPECT_THAT(error_of("text.x=1"), HasSubstr("text is \"word\", which holds no \"x\""));
  EXPECT_THAT(error_of("a.c[2]=1"), HasSubstr("a.c has 2 items, numbered from 0; there is no item 2"));
  EXPECT_THAT(error_of("a.c.name=1"), HasSubstr("a.c is a list; name its item by number, not \"name\""));
  EXPECT_THAT(error_of("a[0]=1"), HasSubstr("a is no list, so it has no item [0]"));
  EXPECT_THAT(error_of("fresh.x[0]=1"), HasSubstr("fresh.x is no list"));
}

TEST(ApplyOverride, BoundsNesting) {
  std::string key = "k";
  for (size_t i = 1; i < kMaxYamlDepth; ++i) key += ".k";
  Node root;
  apply_override(root, key + "=1");
  EXPECT_EQ(write_yaml(parse_yaml(write_yaml(root), "w")), write_yaml(root));
  EXPECT_THAT(error_of(key + ".k=1"), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(error_of(key + "=[1]"), HasSubstr("nested deeper"));
}

TEST(SetPaths, FillsEveryPathFromTheRoot) {
  Node root = Node::map_of({{"a", Node::sequence_of({Node::map_of({{"b", Node::scalar_of("1")}})})}});
  set_paths(root);
  EXPECT_EQ(root.find("a")->items()[0].find("b")->path, "a[0].b");
  set_paths(root, "top");
  EXPECT_EQ(root.find("a")->items()[0].find("b")->path, "top.a[0].b");
}

}  // namespace
}  // namespace polytask
