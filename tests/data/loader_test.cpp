#include <polytask/data/loader.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <numeric>
#include <thread>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<int64_t>;
using Augment = std::vector<std::unique_ptr<Transform>>;

Rows counting(int64_t n) {
  Rows rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

struct Fixture {
  std::shared_ptr<MemorySource> source;
  std::unique_ptr<Dataset> dataset;
  explicit Fixture(int64_t n, int64_t side = 8) : source(std::make_shared<MemorySource>(numbered_images(n, side))) {
    std::map<std::string, Targets> targets;
    targets["row"].values = at::arange(n, at::kLong);
    targets["part"].values = at::arange(n, at::kFloat).view({n, 1});
    targets["part"].valid = at::arange(n, at::kLong).remainder(2).eq(0).view({n, 1});
    dataset = std::make_unique<Dataset>(source, source->fit({}), std::move(targets));
  }
};

LoaderOptions loader_options(int64_t workers, int64_t batch_size = 8) {
  LoaderOptions options;
  options.workers = workers;
  options.batch_size = batch_size;
  return options;
}

Augment all_transforms() {
  std::vector<Node> nodes;
  for (const auto& name : transforms().names()) nodes.push_back(Node::map_of({{"type", Node::scalar_of(name)}}));
  return create_transforms(nodes);
}

std::vector<Batch> drain(Loader& loader) {
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].rows, b[k].rows) << k;
    EXPECT_TRUE(at::equal(a[k].inputs.at("image"), b[k].inputs.at("image"))) << k;
    EXPECT_TRUE(at::equal(a[k].targets.at("row"), b[k].targets.at("row"))) << k;
  }
}

TEST(Loader, BatchesHoldWhatTheRowsHold) {
  const Fixture data(20);
  const Augment none;
  Loader loader(*data.dataset, loader_options(1), 1, none);
  loader.start({7, 3, 19}, 0);
  const auto batch = loader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->size(), 3);
  EXPECT_EQ(batch->inputs.at("image").scalar_type(), at::kFloat);
  EXPECT_NEAR(batch->inputs.at("image")[0][0][0][0].item<float>(), (7 / 255.0 - 0.5) / 0.25, 1e-5);
  EXPECT_TRUE(at::equal(batch->targets.at("row"), at::tensor({7, 3, 19}, at::kLong)));
  EXPECT_EQ(batch->valid.count("row"), 0U);
  EXPECT_FALSE(batch->valid.at("part").any().item<bool>());
  EXPECT_EQ(batch->labelled, (std::map<std::string, int64_t>{{"part", 0}}));
  EXPECT_FALSE(loader.next());
  EXPECT_FALSE(loader.next());
}

TEST(Loader, CountsTheLabelsOfPartlyLabelledTasks) {
  const Fixture data(20);
  const Augment none;
  Loader loader(*data.dataset, loader_options(2, 3), 1, none);
  loader.start({1, 2, 3, 4, 6, 8, 5, 7, 10}, 0);
  std::vector<int64_t> counts;
  while (const auto batch = loader.next()) {
    EXPECT_EQ(batch->labelled.count("row"), 0U) << "has a label everywhere";
    counts.push_back(batch->labelled.at("part"));
  }
  EXPECT_EQ(counts, (std::vector<int64_t>{1, 3, 1}));
}

TEST(Loader, IsTheSameForAnyNumberOfWorkers) {
  const Fixture data(101);
  const Augment augment = all_transforms();
  std::vector<std::vector<Batch>> seen;
  for (const int64_t workers : {0, 1, 3}) {
    Loader loader(*data.dataset, loader_options(workers), 5, augment);
    loader.start(counting(101), 2);
    seen.push_back(drain(loader));
  }
  EXPECT_EQ(seen[0].size(), 13U);
  expect_equal(seen[0], seen[1]);
  expect_equal(seen[0], seen[2]);
}

TEST(Loader, AugmentationChangesWithEpochAndSeed) {
  const Fixture data(16);
  const Augment augment = all_transforms();
  Loader loader(*data.dataset, loader_options(2), 5, augment);
  loader.start(counting(16), 0);
  const auto epoch_0 = drain(loader);
  loader.start(counting(16), 1);
  const auto epoch_1 = drain(loader);
  loader.start(counting(16), 0);
  expect_equal(epoch_0, drain(loader));
  EXPECT_FALSE(at::equal(epoch_0[0].inputs.at("image"), epoch_1[0].inputs.at("image")));
  EXPECT_FALSE(at::equal(epoch_0[0].inputs.at("image"), epoch_0[1].inputs.at("image")));
}

TEST(Loader, ResumesAtAnyBatch) {
  const Fixture data(50);
  const Augment augment = all_transforms();
  for (const int64_t workers : {0, 2}) {
    Loader loader(*data.dataset, loader_options(workers), 5, augment);
    loader.start(counting(50), 3);
    auto whole = drain(loader);
    loader.start(counting(50), 3, 4);
    whole.erase(whole.begin(), whole.begin() + 4);
    expect_equal(whole, drain(loader));
    loader.start(counting(50), 3, 7);
    EXPECT_FALSE(loader.next());
  }
}

TEST(Loader, DropLastLeavesOutTheShortBatch) {
  const Fixture data(20);
  const Augment none;
  LoaderOptions options = loader_options(1);
  EXPECT_EQ(Loader(*data.dataset, options, 1, none).batches(20), 3);
  EXPECT_EQ(Loader(*data.dataset, options, 1, none).batches(0), 0);
  options.drop_last = true;
  Loader loader(*data.dataset, options, 1, none);
  EXPECT_EQ(loader.batches(20), 2);
  loader.start(counting(20), 0);
  EXPECT_EQ(drain(loader).size(), 2U);
}

TEST(Loader, ErrorsComeAtTheirBatch) {
  for (const int64_t workers : {0, 1, 3}) {
    const Fixture data(64);
    data.source->broken = {19};
    const Augment none;
    Loader loader(*data.dataset, loader_options(workers), 1, none);
    loader.start(counting(64), 0);
    EXPECT_EQ(loader.next()->rows.front(), 0);
    EXPECT_EQ(loader.next()->rows.front(), 8);
    EXPECT_THAT(error_of([&] { loader.next(); }), HasSubstr("memory[19]: broken"));
    EXPECT_FALSE(loader.next());
    data.source->broken.clear();
    loader.start(counting(64), 0);
    EXPECT_EQ(drain(loader).size(), 8U);
  }
}

TEST(Loader, SkipsBadSamplesAndListsThem) {
  for (const int64_t workers : {0, 3}) {
    const Fixture data(32);
    data.source->broken = {1, 16, 17, 18, 19, 20, 21, 22, 23};
    const Augment augment = all_transforms();
    LoaderOptions options = loader_options(workers);
    options.on_bad_sample = "skip";
    Loader loader(*data.dataset, options, 1, augment);
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      loader.start(counting(32), epoch);
      const auto batches = drain(loader);
      ASSERT_EQ(batches.size(), 3U);
      EXPECT_THAT(batches[0].rows, ElementsAre(0, 2, 3, 4, 5, 6, 7));
      EXPECT_EQ(batches[0].inputs.at("image").size(0), 7);
      EXPECT_EQ(batches[2].rows.front(), 24);
    }
    EXPECT_EQ(loader.skipped().size(), 9U);
    EXPECT_EQ(loader.skipped().front(), "memory[1]: memory[1]: broken");
  }
}

TEST(Loader, SkipsRowsWhoseLabelsPerPixelCanNotBeRead) {
  const auto source = std::make_shared<MemorySource>(numbered_images(16));
  source->add_layer({"height", {}, "m"}, at::zeros({16, 4, 4}));
  source->broken = {1};
  source->broken_layers = {2, 8, 9, 10, 11, 12, 13, 14, 15};
  TargetRequest height{"height", TargetKind::real, {"height"}, {}};
  height.dense = true;
  const Dataset dataset(source, source->fit({}), {{"height", encode_targets(*source, height)}});
  EXPECT_EQ(read_failure(*source, dataset.targets(), 0), "");
  EXPECT_EQ(read_failure(*source, dataset.targets(), 2), "memory[2]: broken layer");
  const Augment none;
  LoaderOptions options = loader_options(1);
  options.on_bad_sample = "skip";
  Loader loader(dataset, options, 1, none);
  loader.start(counting(16), 0);
  const auto batches = drain(loader);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_THAT(batches[0].rows, ElementsAre(0, 3, 4, 5, 6, 7));
  EXPECT_EQ(batches[0].targets.at("height").size(0), 6);
  EXPECT_EQ(loader.skipped().size(), 10U);
  options.on_bad_sample = "error";
  Loader strict(dataset, options, 1, none);
  strict.start({2, 3}, 0);
  EXPECT_THAT(error_of([&] { strict.next(); }), HasSubstr("memory[2]: broken layer"));
}

TEST(Loader, WorkersRunOperationsOnOneThreadAndLeaveTheOthersAlone) {
  at::set_num_threads(2);
  const Fixture data(64);
  const Augment none;
  {
    Loader loader(*data.dataset, loader_options(3), 1, none);
    EXPECT_EQ(at::get_num_threads(), 2);
    loader.start(counting(64), 0);
    drain(loader);
  }
  EXPECT_THAT(data.source->threads_in_read, testing::Each(1));
  EXPECT_EQ(at::get_num_threads(), 2);
  int elsewhere = 0;
  std::thread([&] { elsewhere = at::get_num_threads(); }).join();
  EXPECT_EQ(elsewhere, 2);
  EXPECT_FALSE(data.dataset->batch({1, 2}).inputs.at("image").requires_grad());
}

TEST(Loader, MakesNoMoreThanPrefetchAhead) {
  const Fixture data(800);
  const Augment none;
  LoaderOptions options = loader_options(3);
  options.prefetch = 2;
  Loader loader(*data.dataset, options, 1, none);
  loader.start(counting(800), 0);
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::lock_guard<std::mutex> lock(data.source->mutex);
  EXPECT_EQ(data.source->threads_in_read.size(), 3U);
}

TEST(Loader, StopsPromptlyInTheMiddle) {
  const Fixture data(8000);
  const Augment augment = all_transforms();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    Loader loader(*data.dataset, loader_options(3), 1, augment);
    loader.start(counting(8000), 0);
    if (i % 2 == 0) loader.next();
    if (i % 3 == 0) loader.start(counting(8), 1);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace polytask
