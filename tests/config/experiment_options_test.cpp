#include <polytask/config/experiment_options.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <fstream>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kComplete =
    "name: mnist\nseed: 3\ndata: {source: idx}\nmodel: {sharing: hard}\ntasks: {digit: {classes: 10}}\n";

class LoadConfiguration : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& text) {
    const auto path = directory_.path() / "c.yaml";
    std::ofstream(path) << text;
    return path;
  }
  std::string error_of(const std::filesystem::path& path, const std::vector<std::string>& overrides = {}) {
    try {
      read_options<ExperimentOptions>(load_configuration(path, overrides));
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  }
  TemporaryDirectory directory_;
};

TEST_F(LoadConfiguration, ReadsSectionsAndAppliesOverridesInOrder) {
  const Node root = load_configuration(file(kComplete), {"seed=4", "data.root=x", "seed=5"});
  const auto options = read_options<ExperimentOptions>(root);
  EXPECT_EQ(options.name, "mnist");
  EXPECT_EQ(options.seed, 5);
  EXPECT_EQ(options.device, "auto");
  EXPECT_EQ(options.threads, 0);
  EXPECT_EQ(options.data.find("root")->where(), "command line: data.root");
  EXPECT_EQ(options.data.find("source")->text(), "idx");
  EXPECT_TRUE(options.balancing.is_null());
}

TEST_F(LoadConfiguration, TheResolvedConfigurationCanBeFedBack) {
  const auto options = read_options<ExperimentOptions>(load_configuration(file(kComplete), {}));
  const std::string resolved = write_yaml(write_options(options));
  EXPECT_EQ(write_yaml(write_options(read_options<ExperimentOptions>(load_configuration(file(resolved), {})))),
            resolved);
  EXPECT_THAT(resolved, HasSubstr("threads: 0\n"));
}

TEST_F(LoadConfiguration, SaysWhatIsWrongWithTheFile) {
  EXPECT_THAT(error_of(directory_.path() / "none.yaml"), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(error_of(directory_.path()), HasSubstr("is a directory; a YAML file is expected"));
  std::ofstream(directory_.path() / "config.yaml") << kComplete;
  EXPECT_THAT(error_of(directory_.path()), HasSubstr("did you mean \"" + (directory_.path() / "config.yaml").string()));
  EXPECT_THAT(error_of(file("")), HasSubstr("c.yaml: the configuration is empty"));
  EXPECT_THAT(error_of(file("# nothing\n")), HasSubstr("the configuration is empty"));
  EXPECT_THAT(error_of(file("- a\n")), HasSubstr("expected a map of sections (data, model, tasks, …), got a list"));
  EXPECT_THAT(error_of(file("word\n")), HasSubstr("got \"word\""));
}

TEST_F(LoadConfiguration, SaysWhatIsWrongWithValues) {
  EXPECT_THAT(error_of(file("balance: {}\n" + kComplete)),
              AllOf(HasSubstr("c.yaml:1: balance: unknown key"), HasSubstr("balancing")));
  EXPECT_THAT(error_of(file(kComplete), {"seed=-1"}), HasSubstr("command line: seed: -1 is out of range: must be ≥ 0"));
  EXPECT_THAT(error_of(file(kComplete), {"threads=-2"}), HasSubstr("threads: -2 is out of range"));
  EXPECT_THAT(error_of(file(kComplete), {"seed=1.5"}), HasSubstr("expected an integer, got \"1.5\""));
  EXPECT_THAT(error_of(file(kComplete), {"seed"}), HasSubstr("there is no \"=\""));
  EXPECT_THAT(error_of(file("data: {}\nmodel: {}\n")), HasSubstr("\"tasks\" is missing"));
}

TEST_F(LoadConfiguration, ChecksDeviceAndName) {
  for (const char* good : {"auto", "cpu", "cuda", "cuda:0", "cuda:12"})
    EXPECT_EQ(error_of(file(kComplete), {std::string("device=") + good}), "no error") << good;
  for (const char* bad : {"gpu", "'cuda:'", "cuda:x", "cuda:1234", "CPU", "''"})
    EXPECT_THAT(error_of(file(kComplete), {std::string("device=") + bad}),
                HasSubstr("is not a device: must be auto, cpu, cuda or cuda:N"))
        << bad;
  for (const char* bad : {"a/b", "''", "..", "."})
    EXPECT_THAT(error_of(file(kComplete), {std::string("name=") + bad}), HasSubstr("can not name a folder of runs"))
        << bad;
}

TEST(ExperimentOptionsFields, AreDocumented) {
  ExperimentOptions options;
  for (const auto& row : describe_fields([&](Fields& f) { options.fields(f); }))
    EXPECT_FALSE(row.doc.empty()) << row.name;
}

}  // namespace
}  // namespace polytask
