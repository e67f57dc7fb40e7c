#include <polytask/core/registry.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};

struct CircleOptions {
  double radius = 1.0;
  std::vector<int64_t> marks = {1};
  std::optional<double> hole;
  void fields(Fields& f) {
    f.field("radius", radius, "radius", above(0));
    f.field("marks", marks, "marks");
    f.field("hole", hole, "radius of the hole");
  }
};

struct Area : Shape {
  explicit Area(double a) : area_(a) {}
  double area() const override { return area_; }
  double area_;
};

using Shapes = Registry<Shape, double>;

Shapes shapes() {
  Shapes registry("shape");
  registry.add<CircleOptions>("circle", "A round one.", "Euclid, III", [](const CircleOptions& o, double scale) {
    return std::make_unique<Area>(3.0 * o.radius * o.radius * scale);
  });
  registry.add<NoOptions>("point", "Nothing at all.", "",
                          [](const NoOptions&, double) { return std::make_unique<Area>(0.0); });
  return registry;
}

Node named(const std::string& type) {
  Node type_node = Node::scalar_of(type);
  type_node.place = {"c.yaml", 4};
  type_node.path = "shape.type";
  Node node = Node::map_of({{"type", type_node}});
  node.place = {"c.yaml", 3};
  node.path = "shape";
  return node;
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(Registry, CreatesByNameWithOptionsAndArguments) {
  Node node = named("circle");
  node.set("radius", Node::scalar_of("2"));
  EXPECT_EQ(shapes().create(node, 10.0)->area(), 120.0);
  EXPECT_EQ(shapes().create(named("point"), 10.0)->area(), 0.0);
}

TEST(Registry, KnowsItsMembers) {
  const auto registry = shapes();
  EXPECT_THAT(registry.names(), ElementsAre("circle", "point"));
  EXPECT_TRUE(registry.contains("circle"));
  EXPECT_FALSE(registry.contains("square"));
  const auto infos = registry.infos();
  EXPECT_EQ(infos[0].summary, "A round one.");
  EXPECT_EQ(infos[0].source, "Euclid, III");
  ASSERT_EQ(infos[0].options().size(), 3u);
  EXPECT_EQ(infos[0].options()[0].default_value, "1");
  EXPECT_TRUE(infos[1].options().empty());
}

TEST(Registry, ResolveWritesEveryDefaultAndIsIdempotent) {
  Node node = named("circle");
  node.set("marks", Node::scalar_of("7"));
  const Node resolved = shapes().resolve(node);
  EXPECT_EQ(resolved.where(), "c.yaml:3: shape");
  EXPECT_EQ(resolved.find("type")->text(), "circle");
  EXPECT_EQ(resolved.find("radius")->text(), "1");
  EXPECT_EQ(resolved.find("marks")->items()[0].text(), "7");
  EXPECT_EQ(resolved.find("hole"), nullptr);
  const Node again = shapes().resolve(resolved);
  ASSERT_EQ(again.entries().size(), resolved.entries().size());
  for (size_t i = 0; i < again.entries().size(); ++i) {
    EXPECT_EQ(again.entries()[i].first, resolved.entries()[i].first);
    EXPECT_EQ(again.entries()[i].second.text(), resolved.entries()[i].second.text());
    EXPECT_EQ(again.entries()[i].second.items().size(), resolved.entries()[i].second.items().size());
  }
}

TEST(Registry, SaysWhatIsWrong) {
  EXPECT_EQ(error_of([] { shapes().create(named("cirlce"), 1.0); }),
            "c.yaml:4: shape.type: unknown shape \"cirlce\"; did you mean \"circle\"?");
  EXPECT_EQ(error_of([] { shapes().resolve(named("hexagon")); }),
            "c.yaml:4: shape.type: unknown shape \"hexagon\"; known: circle, point");
  Node nameless = named("circle");
  nameless.erase("type");
  EXPECT_EQ(error_of([&] { shapes().create(nameless, 1.0); }),
            "c.yaml:3: shape: no shape given: \"type\" must name one; known: circle, point");
  EXPECT_THAT(error_of([] { shapes().create(Node(), 1.0); }), HasSubstr("no shape given"));
  Node wrong = named("circle");
  wrong.set("radus", Node::scalar_of("2"));
  EXPECT_THAT(error_of([&] { shapes().create(wrong, 1.0); }), HasSubstr("unknown key; did you mean \"radius\"?"));
  EXPECT_THAT(error_of([&] { shapes().resolve(wrong); }), HasSubstr("unknown key"));
}

TEST(Registry, AddingANameAgainReplacesIt) {
  auto registry = shapes();
  registry.add<NoOptions>("circle", "Another.", "",
                          [](const NoOptions&, double) { return std::make_unique<Area>(5.0); });
  EXPECT_EQ(registry.create(named("circle"), 1.0)->area(), 5.0);
  EXPECT_THAT(registry.names(), ElementsAre("circle", "point"));
}

TEST(Registry, TheKeyThatNamesAMemberCanBeAnother) {
  Registry<Shape> registry("method", "method");
  registry.add<NoOptions>("equal", "", "", [](const NoOptions&) { return std::make_unique<Area>(1.0); });
  EXPECT_EQ(registry.create(Node::map_of({{"method", Node::scalar_of("equal")}}))->area(), 1.0);
  EXPECT_THAT(error_of([&] { registry.create(named("equal")); }), HasSubstr("\"method\" must name one"));
}

}  // namespace
}  // namespace polytask
