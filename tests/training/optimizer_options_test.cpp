#include <polytask/core/error.h>
#include <polytask/training/optimizer.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(OptimizerOptions, ReadsItsSections) {
  const auto scalar = [](const std::string& text) { return Node::scalar_of(text); };
  const Node node = Node::map_of({{"type", scalar("sgd")},
                                  {"lr", scalar("1e-2")},
                                  {"shared", Node::map_of({{"lr", scalar("1e-4")}})},
                                  {"balancing", Node::map_of({{"lr", scalar("0.1")}})},
                                  {"task_lr", Node::map_of({{"digit", scalar("2")}})}});
  const auto options = read_options<OptimizerOptions>(node);
  EXPECT_EQ(options.shared.lr, 1e-4);
  EXPECT_FALSE(options.shared.weight_decay.has_value());
  EXPECT_EQ(options.balancing.lr, 0.1);
  EXPECT_EQ(options.task_lr.at("digit"), 2.0);
  const auto again = read_options<OptimizerOptions>(write_options(options));
  EXPECT_EQ(again.balancing.lr, 0.1);
  EXPECT_EQ(again.betas, options.betas);
}

TEST(OptimizerOptions, ChecksEveryOption) {
  const auto message = [](const std::string& key, Node value) -> std::string {
    try {
      read_options<OptimizerOptions>(Node::map_of({{key, std::move(value)}}));
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  };
  for (const char* key : {"lr", "weight_decay", "eps", "momentum", "betas"})
    EXPECT_THAT(message(key, Node::scalar_of("-1")), HasSubstr("-1 is out of range")) << key;
  for (const char* key : {"momentum", "betas"})
    EXPECT_THAT(message(key, Node::scalar_of("1")), HasSubstr("must be ≥ 0, < 1"));
  for (const char* key : {"shared", "heads", "balancing", "task_lr"})
    EXPECT_THAT(message(key, Node::map_of({{"lr", Node::scalar_of("-1")}})), HasSubstr("out of range")) << key;
  EXPECT_THAT(message("balancing", Node::map_of({{"weight_decay", Node::scalar_of("0.1")}})), HasSubstr("unknown key"));
  EXPECT_THAT(message("type", Node::scalar_of("rmsprop")), HasSubstr("must be one of sgd, adam, adamw"));
}

}  // namespace
}  // namespace polytask
