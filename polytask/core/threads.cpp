#include <polytask/core/threads.h>

#include <dlfcn.h>
#include <fmt/format.h>
#include <sched.h>

#include <ATen/Parallel.h>

#include <filesystem>

namespace polytask {
namespace {

std::string library_of(void* symbol) {
  Dl_info info{};
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "";
  std::error_code ignored;
  const auto real = std::filesystem::canonical(info.dli_fname, ignored);
  return ignored ? info.dli_fname : real.string();
}

template <class Function>
Function* loaded(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

std::string openblas_thread_layer() {
  auto* parallel = loaded<int()>("openblas_get_parallel");
  if (parallel == nullptr) return "unknown";
  switch (parallel()) {
    case 0:
      return "sequential";
    case 1:
      return "pthreads";
    case 2:
      return "OpenMP";
    default:
      return "unknown";
  }
}

}  // namespace

int64_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return CPU_COUNT(&set);
}

void set_threads(int64_t threads) { at::set_num_threads(static_cast<int>(threads > 0 ? threads : usable_cores())); }

BlasReport blas_report() {
  BlasReport report;
  report.path = library_of(dlsym(RTLD_DEFAULT, "sgemm_"));
  const std::string install = "install libopenblas0-openmp and run the program again";
  if (auto* config = loaded<char*()>("openblas_get_config"); config != nullptr) {
    const std::string text = config();
    report.name = text.substr(0, text.find(' ', text.find(' ') + 1));
    report.thread_layer = openblas_thread_layer();
    if (report.thread_layer == "pthreads")
      report.warning = "this OpenBLAS has threads of its own that fight with libtorch's: " + install;
    return report;
  }
  report.name = report.path.empty()                            ? "unknown BLAS"
                : report.path.find("mkl") != std::string::npos ? "MKL"
                                                               : "reference BLAS";
  report.thread_layer = report.name == "reference BLAS" ? "sequential" : "unknown";
  if (report.name == "reference BLAS")
    report.warning =
        fmt::format("matrix products run on the reference BLAS, some 40 times slower than they could: {}", install);
  return report;
}

}  // namespace polytask
