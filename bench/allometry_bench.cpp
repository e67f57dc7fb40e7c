// What `polytask allometry fit` costs beside reading its table: `bench_allometry [ROWS]` (default 10,000,000). A plain
// scan splits every row and parses the two columns of numbers, a fit does all that the verb does but write files. Times
// are the better of two, taken in turns; memory is what the process' peak grew by after a fit of 1,000 rows.
#include <polytask/allometry/back_transform.h>
#include <polytask/allometry/csv_observations.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/core/memory.h>
#include <polytask/core/progress.h>
#include <polytask/core/random.h>
#include <polytask/io/atomic_file.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polytask {
namespace {

constexpr int kGenera = 270;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void write_trees(const std::filesystem::path& path, int64_t rows) {
  write_file_atomically(path, [&](std::ostream& out) {
    Random random(1, "bench/trees");
    std::vector<double> alpha, beta;
    for (int g = 0; g < kGenera; ++g) {
      alpha.push_back(-3.6 + random.normal());
      beta.push_back(3 + 0.4 * random.normal());
    }
    out << "id,genus,study,height_m,agb_kg\n";
    for (int64_t i = 0; i < rows; ++i) {
      const auto g = static_cast<size_t>(random.below(kGenera));
      const double x = random.uniform(0, 3.6), y = alpha[g] + beta[g] * x + 0.7 * random.normal();
      out << fmt::format("{},genus_{},study_{},{:.2f},{:.5g}\n", i, g, i % 100, std::exp(x), std::exp(y));
    }
  });
}

// Splits at commas and parses the last two of five fields.
double plain_scan(const std::filesystem::path& path, double& sum) {
  const auto start = std::chrono::steady_clock::now();
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  std::string block(size_t{1} << 18, '\0');
  size_t kept = 0;
  bool header = true;
  for (;;) {
    const size_t count = std::fread(block.data() + kept, 1, block.size() - kept, file.get());
    if (count == 0) break;
    const std::string_view text(block.data(), kept + count);
    size_t at = 0;
    for (size_t end = text.find('\n'); end != std::string_view::npos; at = end + 1, end = text.find('\n', at)) {
      std::string_view fields[5];
      size_t begin = at, field = 0;
      for (size_t i = at; i <= end; ++i)
        if (i == end || text[i] == ',') {
          if (field < 5) fields[field++] = text.substr(begin, i - begin);
          begin = i + 1;
        }
      if (!std::exchange(header, false))
        for (const size_t number : {3, 4}) {
          double value = 0;
          std::from_chars(fields[number].data(), fields[number].data() + fields[number].size(), value);
          sum += value;
        }
    }
    kept = text.size() - at;
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), block.begin());
  }
  return seconds_since(start);
}

struct FitTime {
  double all = 0, reading = 0, optimising = 0;
};

FitTime fit_table(const std::filesystem::path& path, double& sum) {
  FitTime time;
  const auto start = std::chrono::steady_clock::now();
  CsvObservations table(path, {"genus", "height_m", "agb_kg", ""}, {});
  const KeptRows rows(table, 1.3);
  time.reading = seconds_since(start);
  const Law& law = law_named("power", "bench");
  const auto statistics = accumulate(rows, law, {0});
  const auto before = std::chrono::steady_clock::now();
  const Fit fit = fit_law(statistics, {Pooling::partial, true, {}});
  time.optimising = seconds_since(before);
  sum += back_transforms(fit, rows).all.duan + fit.deviance;
  time.all = seconds_since(start);
  return time;
}

void run(int64_t rows) {
  set_progress_enabled(false);
  const auto directory = std::filesystem::temp_directory_path() / "polytask-bench-allometry";
  std::filesystem::create_directories(directory);
  const auto path = directory / "trees.csv", few = directory / "few.csv";
  write_trees(path, rows);
  write_trees(few, 1000);
  double sum = 0, scan = 1e9;
  FitTime small = fit_table(few, sum), fit{1e9, 0, 0};
  const int64_t idle = peak_memory_bytes();
  for (int i = 0; i < 2; ++i) {
    scan = std::min(scan, plain_scan(path, sum));
    const FitTime time = fit_table(path, sum);
    if (time.all < fit.all) fit = time;
  }
  const auto mebibytes = static_cast<double>(peak_memory_bytes() - idle) / (1 << 20);
  fmt::print("allometry fit of {} rows, {} MiB: plain scan {:.2f} s, fit {:.2f} s (reading {:.2f} s), ratio {:.2f}\n",
             rows, std::filesystem::file_size(path) >> 20, scan, fit.all, fit.reading, fit.all / scan);
  fmt::print("optimiser {:.1f} ms (of 1,000 rows {:.1f} ms), memory {:.1f} MiB, checksum {:.6g}\n",
             1e3 * fit.optimising, 1e3 * small.optimising, mebibytes, sum);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::run(argc > 1 ? std::atoll(argv[1]) : 10000000);
}
