#include "sharing_support.h"

#include <polytask/nn/backbones/unet.h>
#include <polytask/nn/heads/unet_decoder.h>
#include <polytask/nn/weights.h>

#include <fmt/format.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const char* const kTinyUnet = "backbone: {type: unet, width: 2, depth: 2}";

std::shared_ptr<Backbone> encoder(const std::string& options, const InputShape& shape = {2, 16, 16}) {
  seed_torch(3, "test");
  return backbones().create(yaml("{type: unet, " + options + "}"), shape);
}

std::shared_ptr<Head> decoder(const std::string& options, const std::vector<Level>& levels, int64_t outputs = 3) {
  seed_torch(4, "test");
  return heads().create(resolve_head(yaml("{type: unet_decoder" + options + "}")),
                        {"genus", levels, outputs, "test.yaml:7: head"});
}

std::vector<TaskHead> dense_tasks(const std::string& options = "") {
  const Node head = yaml("{type: unet_decoder" + options + "}");
  return {{"genus", 3, head}, {"height", 1, head}};
}

std::shared_ptr<Model> dense_model(const std::string& section, const InputShape& shape,
                                   const std::string& options = "") {
  return create_model(yaml(section), context_of(shape, dense_tasks(options)));
}

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t total = 0;
  for (const auto& p : module.parameters()) total += p.numel();
  return total;
}

TEST(Unet, OffersALevelForEveryStride) {
  const auto unet = encoder("width: 3, depth: 3");
  std::vector<std::string> names;
  const Features features = unet->forward(at::randn({2, 2, 17, 30}));
  for (size_t i = 0; i < features.size(); ++i) {
    const Level level = unet->levels()[i];
    names.push_back(level.name);
    EXPECT_EQ(features[i].sizes(), (std::vector<int64_t>{2, level.channels, 17 / level.stride, 30 / level.stride}));
    EXPECT_EQ(level.channels, 3 * level.stride);
  }
  EXPECT_THAT(names, ElementsAre("stride1", "stride2", "stride4", "stride8"));
  const auto halved = encoder("width: 4, depth: 2, halved_bottleneck: true");
  EXPECT_EQ(halved->levels()[1].channels, 8);
  EXPECT_EQ(halved->levels()[2].channels, 8);
  EXPECT_EQ(halved->forward(at::randn({2, 2, 8, 8}))[2].size(1), 8);
  const auto odd = encoder("width: 3, depth: 1, halved_bottleneck: true");
  EXPECT_EQ(odd->levels()[1].channels, 3);
  EXPECT_EQ(odd->forward(at::randn({2, 2, 8, 8}))[1].size(1), 3);
}

TEST(Unet, CountsPytorchUnetsParameters) {
  // milesial's UNet(n_channels=3, n_classes=2): 31 037 698 parameters, 17 263 042 with bilinear=True.
  const auto transpose = encoder("width: 64", {3, 32, 32});
  EXPECT_EQ(parameter_count(*transpose) + parameter_count(*decoder("", transpose->levels(), 2)), 31037698);
  const auto bilinear = encoder("width: 64, halved_bottleneck: true", {3, 32, 32});
  EXPECT_EQ(parameter_count(*bilinear) +
                parameter_count(*decoder(", upsampling: resize_conv, align_corners: true", bilinear->levels(), 2)),
            17263042);
}

TEST(Unet, StartsFromLibtorchsInitialWeights) {
  const auto unet = encoder("width: 8, depth: 1");
  const auto p = unet->named_parameters();
  const double bound = 1 / std::sqrt(8.0 * 9);  // uniform between ±1/√fan_in
  const at::Tensor weight = p["inc.double_conv.3.weight"];
  EXPECT_LE(weight.abs().max().item<double>(), bound);
  EXPECT_NEAR(weight.std().item<double>(), bound / std::sqrt(3.0), 0.1 * bound);
  EXPECT_FALSE(p.contains("inc.double_conv.3.bias"));
  EXPECT_TRUE(at::equal(p["down1.maxpool_conv.1.double_conv.4.weight"], at::ones({16})));
}

TEST(Unet, RefusesWhatCannotWork) {
  EXPECT_THAT(input_error([] {
                encoder("depth: 4", {2, 16, 15});
              }),
              AllOf(HasSubstr("16x15"), HasSubstr("at least 16x16")));
  EXPECT_THAT(input_error([] { encoder("depth: 0"); }), HasSubstr("1"));
  EXPECT_THAT(input_error([] { encoder("width: 0"); }), HasSubstr("≥ 1"));
  EXPECT_THAT(input_error([] { encoder("", {7}); }), HasSubstr("[channels, height, width]"));
  const auto unet = encoder("width: 2, depth: 2", {1, 4, 4});
  EXPECT_THAT(input_error([&] { unet->forward(at::randn({2, 1, 4, 3})); }), HasSubstr("4x3"));
  EXPECT_THAT(input_error([&] { unet->forward(at::randn({1, 1, 1, 1})); }), HasSubstr("1x1"));
}

TEST(Unet, AVectorHeadPoolsTheDeepestLevel) {
  const auto model = create_model(yaml(kTinyUnet), context_of({2, 8, 8}, {{"label", 5, {}}}));
  model->eval();
  EXPECT_EQ(model->forward({{"x", at::randn({3, 2, 9, 11})}})[0].sizes(), (std::vector<int64_t>{3, 5}));
  EXPECT_FALSE(model->receptive_field(0).has_value());
}

TEST(UnetDecoder, GivesAMapOfTheInputsSize) {
  for (const char* options : {"", ", upsampling: resize_conv", ", upsampling: resize_conv, interpolation: nearest",
                              ", upsampling: resize_conv, align_corners: true"})
    for (const int64_t depth : {1, 2, 3})
      for (const auto& [height, width] : {std::pair<int64_t, int64_t>{8, 8}, {9, 15}, {17, 10}, {31, 8}}) {
        SCOPED_TRACE(fmt::format("{} depth {} {}x{}", options, depth, height, width));
        const auto unet = encoder(fmt::format("width: 2, depth: {}", depth), {1, 8, 8});
        const auto head = decoder(options, unet->levels());
        const at::Tensor y = head->forward(unet->forward(at::randn({2, 1, height, width})));
        EXPECT_EQ(y.sizes(), (std::vector<int64_t>{2, 3, height, width}));
        EXPECT_TRUE(at::isfinite(y).all().item<bool>());
        EXPECT_TRUE(head->dense());
      }
}

// One step written out with the parameters of the head; the skip comes first, and 5 columns are 2 · 2 and one of zeros.
TEST(UnetDecoder, IsUpsamplingSkipAndConvolutions) {
  const std::vector<Level> levels = {{"stride1", 3, 1}, {"stride2", 4, 2}};
  const Features f = {at::randn({2, 3, 4, 5}), at::randn({2, 4, 2, 2})};
  const auto block = [](const auto& p, const std::string& name, const at::Tensor& x) {
    at::Tensor y = x;
    for (const char* i : {"0", "3"})
      y = at::relu(at::conv2d(y, p[name + ".double_conv." + i + ".weight"], {}, 1, 1) / std::sqrt(1 + 1e-5));
    return y;
  };
  for (const bool transpose : {true, false}) {
    const auto head = decoder(transpose ? "" : ", upsampling: resize_conv, interpolation: nearest", levels);
    head->eval();
    const auto p = head->named_parameters();
    at::Tensor up = transpose ? at::conv_transpose2d(f[1], p["up1.up.weight"], p["up1.up.bias"], 2)
                              : f[1].repeat_interleave(2, 2).repeat_interleave(2, 3);
    up = at::cat({up, at::zeros({2, up.size(1), 4, 1})}, 3);
    const at::Tensor map = block(p, "up1.conv", at::cat({f[0], up}, 1));
    const at::Tensor expected = at::conv2d(map, p["outc.conv.weight"], p["outc.conv.bias"]);
    EXPECT_TRUE(at::allclose(head->forward(f), expected, 1e-5, 1e-5)) << transpose;
  }
}

TEST(UnetDecoder, ReadsAnyBackboneThatHalvesFromFullSize) {
  seed_torch(3, "test");
  const auto resnet = backbones().create(yaml("{type: resnet18, widths: [2, 3, 4, 5], stem: small}"), {2, 21, 32});
  for (const char* options : {"", ", upsampling: resize_conv"}) {
    const auto head = decoder(options, resnet->levels());  // its maps are rounded up, so that doubled ones are cut
    EXPECT_EQ(head->forward(resnet->forward(at::randn({2, 2, 21, 32}))).sizes(), (std::vector<int64_t>{2, 3, 21, 32}));
  }
}

TEST(UnetDecoder, RefusesWhatCannotWork) {
  const auto refusal = [](const std::vector<Level>& levels, const std::string& options = "") {
    return input_error([&] { decoder(options, levels); });
  };
  EXPECT_THAT(refusal({{"layer1", 4, 4}, {"layer2", 8, 8}, {"pooled", 8, 0}}),
              AllOf(HasSubstr("test.yaml:7: head"), HasSubstr("task \"genus\""), HasSubstr("none of stride 1"),
                    HasSubstr("layer2 (8 channels, stride 8)"), HasSubstr("backbone unet")));
  EXPECT_THAT(refusal({{"features", 4, 0}}), HasSubstr("none of stride 1"));
  EXPECT_THAT(refusal({}), HasSubstr("it offers none"));
  EXPECT_THAT(refusal({{"full", 4, 1}}), HasSubstr("none of stride 2"));
  EXPECT_THAT(refusal({{"full", 4, 1}, {"half", 4, 2}, {"eighth", 4, 8}}), HasSubstr("none of stride 4"));
  EXPECT_THAT(refusal({{"full", 4, 1}, {"half", 4, 2}, {"third", 4, 3}}), HasSubstr("third is of another stride"));
  const std::vector<Level> fine = {{"full", 4, 1}, {"half", 4, 2}};
  EXPECT_THAT(refusal(fine, ", align_corners: true"), HasSubstr("upsampling is transpose"));
  EXPECT_THAT(refusal(fine, ", upsampling: resize_conv, interpolation: nearest, align_corners: true"),
              HasSubstr("interpolation nearest"));
  EXPECT_THAT(refusal(fine, ", interpolation: bicubic"), HasSubstr("nearest, bilinear"));
  const auto head = decoder("", fine);
  EXPECT_THAT(input_error([&] {
                head->forward({at::randn({2, 4, 9, 9}), at::randn({2, 4, 3, 4})});
              }),
              HasSubstr("9x9"));
  EXPECT_THAT(input_error([] { resolve_head(yaml("{type: unet_decoder, level: x}")); }), HasSubstr("unknown key"));
}

TEST(UnetDecoder, HasExactGradients) {
  for (const char* options : {"", ", upsampling: resize_conv", ", upsampling: resize_conv, align_corners: true"}) {
    SCOPED_TRACE(options);
    const auto model = create_model(yaml("backbone: {type: unet, width: 2, depth: 1}"),
                                    context_of({2, 5, 4}, {dense_tasks(options)[0]}));
    expect_exact_model_gradients(*model, {2, 5, 4});
  }
}

TEST(UnetDecoder, ATraceFollowsTheSizeOfTheImage) {
  for (const char* options : {"", ", upsampling: resize_conv", ", upsampling: resize_conv, interpolation: nearest"}) {
    const auto model = dense_model("backbone: {type: unet, width: 2, depth: 3}", {2, 16, 16}, options);
    model->eval();
    for (auto& p : model->parameters()) p.requires_grad_(false);
    const auto run = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
      torch::jit::Stack outputs;
      for (const auto& output : model->forward({{"x", inputs.at(0).toTensor()}})) outputs.emplace_back(output);
      return outputs;
    };
    const auto traced =
        torch::jit::tracer::trace({at::randn({2, 2, 16, 16})}, run, [](const at::Tensor&) { return std::string(); });
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{16, 16}, {37, 29}, {23, 24}, {8, 15}}) {
      const at::Tensor x = at::randn({1, 2, height, width});
      torch::jit::GraphExecutor executor(traced.first->graph, "forward");
      torch::jit::Stack stack = {x};
      executor.run(stack);
      const auto expected = model->forward({{"x", x}});
      for (size_t t = 0; t < expected.size(); ++t)
        EXPECT_TRUE(at::allclose(stack.at(t).toTensor(), expected[t], 1e-5, 1e-6)) << options << height << "x" << width;
    }
  }
}

TEST(UnetDecoder, WorksWithTheSharingArchitectures) {
  for (const char* sharing : {"hard", "soft", "cross_stitch", "ltb", "mmoe", "cgc", "dselect_k", "ple"}) {
    SCOPED_TRACE(sharing);
    const auto model = dense_model(fmt::format("{{sharing: {}, {}}}", sharing, kTinyUnet), {2, 9, 8});
    expect_all_parameters_listed(*model);
    model->eval();
    const auto outputs = model->forward({{"x", at::randn({2, 2, 9, 8})}});
    EXPECT_EQ(outputs[0].sizes(), (std::vector<int64_t>{2, 3, 9, 8}));
    EXPECT_EQ(outputs[1].sizes(), (std::vector<int64_t>{2, 1, 9, 8}));
  }
}

TEST(UnetDecoder, DecodersAreTheirTasksAlone) {
  const auto model = dense_model(kTinyUnet, {2, 8, 8});
  expect_roles_hold(*model, at::randn({3, 2, 8, 8}));
  EXPECT_EQ(model->last_shared_layer(), "backbone.down2.maxpool_conv.1.double_conv.3");
}

TEST(UnetDecoder, AFrozenEncoderKeepsItsStatistics) {
  const auto model = dense_model(fmt::format("{{{}, freeze: [backbone.*]}}", kTinyUnet), {2, 8, 8});
  model->train();
  NamedTensors before;
  for (const auto& [name, tensor] : model->state()) before[name] = tensor.clone();
  model->forward({{"x", at::randn({3, 2, 8, 8})}});
  const NamedTensors after = model->state();
  for (const char* name :
       {"backbone.inc.double_conv.1.running_mean", "backbone.down2.maxpool_conv.1.double_conv.4.running_var"})
    EXPECT_TRUE(at::equal(after.at(name), before.at(name))) << name;
  const char* const own = "heads.genus.up1.conv.double_conv.1.running_mean";
  EXPECT_FALSE(at::equal(after.at(own), before.at(own)));
}

TEST(UnetDecoder, AuxiliaryInputsAreRefused) {
  TaskHead task{"genus", 3, yaml("{type: unet_decoder, auxiliary: {input: route}}")};
  ModelContext context = context_of({2, 8, 8}, {task});
  context.input_shapes["route"] = {4};
  EXPECT_THAT(input_error([&] { create_model(yaml(kTinyUnet), context); }), HasSubstr("reads no such vector"));
}

}  // namespace
}  // namespace polytask
