#include <polytask/core/progress.h>
#include <polytask/data/data_module.h>
#include <polytask/data/make.h>
#include <polytask/data/sources/implants.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

MakeOptions options_for(const fs::path& directory, int64_t count) {
  set_progress_enabled(false);
  MakeOptions options;
  options.directory = directory;
  options.count = count;
  options.seed = 4;
  return options;
}

TEST(Make, ImplantsReadBackAsTheyWereDrawn) {
  const TemporaryDirectory directory;
  make_data("implants", options_for(directory.path() / "set", 30));
  Node node = Node::map_of({{"source", Node::scalar_of("images")}, {"channels", Node::scalar_of("1")}});
  node.set("train", Node::scalar_of((directory.path() / "set/train.json").string(), true));
  node.set("validation", Node::scalar_of((directory.path() / "set/val.json").string(), true));
  const auto files = sources().create(node, OpenRequest{});
  ImplantsOptions made;
  made.count = 30;
  const ImplantsSource drawn(made, 4);

  ASSERT_EQ(files->size(), 30);
  int64_t validation = 0;
  for (int64_t row = 0; row < 30; ++row) {
    validation += files->part(row) == Part::validation ? 1 : 0;
    const std::string name = fs::path(files->row_name(row)).stem().string();
    const int64_t index = std::stol(name.substr(name.size() - 5));
    EXPECT_TRUE(at::equal(files->read(0, row), drawn.read(0, index))) << index;
    EXPECT_EQ(files->column("model").label(row), drawn.column("model").label(index));
    EXPECT_EQ(files->column("company").label(row), drawn.column("company").label(index));
    EXPECT_EQ(files->column("diameter").numbers[static_cast<size_t>(row)],
              drawn.column("diameter").numbers[static_cast<size_t>(index)]);
    EXPECT_EQ(files->column("length").numbers[static_cast<size_t>(row)],
              drawn.column("length").numbers[static_cast<size_t>(index)]);
  }
  EXPECT_EQ(validation, 6);
}

TEST(Make, TabularReadsBackAsItWasDrawn) {
  const TemporaryDirectory directory;
  make_data("tabular", options_for(directory.path(), 50));
  const CsvTable train = read_csv(directory.path() / "train.csv"), val = read_csv(directory.path() / "val.csv");
  EXPECT_EQ(train.rows(), 40);
  EXPECT_EQ(val.rows(), 10);
  Node node = Node::map_of({{"source", Node::scalar_of("tabular")}, {"count", Node::scalar_of("50")}});
  OpenRequest request;
  request.seed = 4;
  const auto drawn = sources().create(node, request);
  EXPECT_EQ(train.names, drawn->column_names());
  std::multiset<double> expected, written;
  for (const double price : drawn->column("price").numbers) expected.insert(price);
  for (const auto* table : {&train, &val})
    for (const auto& price : table->columns[static_cast<size_t>(table->column_index("price"))])
      written.insert(csv_number(price, false, "price"));
  EXPECT_EQ(expected, written);
}

TEST(Make, MakesItsOwnDirectoryAnew) {
  const TemporaryDirectory directory;
  make_data("implants", options_for(directory.path(), 12));
  make_data("implants", options_for(directory.path(), 5));
  EXPECT_TRUE(fs::exists(directory.path() / "images/00004.png"));
  EXPECT_FALSE(fs::exists(directory.path() / "images/00005.png"));
  EXPECT_FALSE(fs::exists(directory.path() / "images/00011.png"));
  EXPECT_EQ(read_json_file(directory.path() / "train.json").items().size(), 4U);
}

TEST(Make, RefusesWhatItDidNotMake) {
  const TemporaryDirectory directory;
  write_file_atomically(directory.path() / "thesis.txt", std::string("precious"));
  MakeOptions options = options_for(directory.path(), 5);
  EXPECT_THAT(error_of([&] { make_data("tabular", options); }), HasSubstr("is not empty"));
  EXPECT_FALSE(fs::exists(directory.path() / "train.csv"));
  options.overwrite = true;
  make_data("tabular", options);
  EXPECT_EQ(read_file(directory.path() / "thesis.txt"), "precious");
  EXPECT_THAT(error_of([&] { make_data("implants", options_for(directory.path(), 5)); }), HasSubstr("is not empty"));
}

TEST(Make, MistakesAreNamed) {
  const TemporaryDirectory directory;
  write_file_atomically(directory.path() / "file", std::string("x"));
  EXPECT_THAT(error_of([&] { make_data("implant", options_for(directory.path(), 5)); }),
              HasSubstr("did you mean \"implants\""));
  EXPECT_THAT(error_of([&] { make_data("tabular", options_for(directory.path() / "file", 5)); }),
              HasSubstr("is a file"));
  EXPECT_THAT(error_of([&] { make_data("tabular", options_for("", 5)); }), HasSubstr("no directory given"));
  EXPECT_THAT(error_of([&] { make_data("implants", options_for(directory.path() / "new", -3)); }), HasSubstr("count"));
  EXPECT_FALSE(fs::exists(directory.path() / "new"));
  for (const double share : {-0.5, 1.0, 2.0, std::nan("")}) {
    MakeOptions divided = options_for(directory.path() / "new", 5);
    divided.validation = share;
    EXPECT_THAT(error_of([&] { make_data("tabular", divided); }),
                AllOf(HasSubstr("validation: "), HasSubstr("must be in [0, 1)")));
  }
  EXPECT_FALSE(fs::exists(directory.path() / "new"));
  MakeOptions sized = options_for(directory.path() / "new", 5);
  sized.size = 32;
  EXPECT_THAT(error_of([&] { make_data("tabular", sized); }), HasSubstr("no pictures"));
}

}  // namespace
}  // namespace polytask
