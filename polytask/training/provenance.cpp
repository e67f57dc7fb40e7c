#include <polytask/core/threads.h>
#include <polytask/training/provenance.h>
#include <polytask/version.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <array>
#include <cstdio>
#include <memory>

namespace polytask {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

// libtorch states it only inside its configuration text.
std::string instruction_set() {
  const std::string config = at::show_config(), key = "CPU capability usage: ";
  const auto begin = config.find(key);
  if (begin == std::string::npos) return "unknown";
  return config.substr(begin + key.size(), config.find('\n', begin) - begin - key.size());
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// "" outside a git checkout or where there is no git.
std::string git_commit() {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen("git rev-parse HEAD 2>/dev/null", "r"), pclose);
  std::array<char, 64> line{};
  if (pipe == nullptr || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return "";
  const std::string text = line.data();
  return text.substr(0, text.find('\n'));
}

Node text(const std::string& value) { return Node::scalar_of(value, true); }

}  // namespace

std::string utc_time() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::vector<std::pair<std::string, std::string>> version_facts() {
  const auto blas = blas_report();
  return {{"polytask", POLYTASK_VERSION},
          {"libtorch", TORCH_VERSION},
          {"compiler", compiler()},
          {"instruction_set", instruction_set()},
          {"blas", fmt::format("{} ({}), {}", blas.name, blas.thread_layer, blas.path)},
          {"cores", std::to_string(usable_cores())},
          {"threads", std::to_string(at::get_num_threads())}};
}

Node provenance(const Experiment& experiment, const std::vector<std::string>& command_line) {
  Node node = Node::map_of();
  node.set("status", text("running"));
  node.set("started", text(utc_time()));
  for (const auto& [name, value] : version_facts()) node.set(name, text(value));
  if (const auto commit = git_commit(); !commit.empty()) node.set("git_commit", text(commit));
  Node words = Node::sequence_of({});
  for (const auto& word : command_line) words.append(text(word));
  node.set("command_line", words);
  node.set("host", text(host_name()));
  node.set("pid", Node::scalar_of(std::to_string(getpid())));
  node.set("seed", Node::scalar_of(std::to_string(experiment.seed)));
  return node;
}

}  // namespace polytask
