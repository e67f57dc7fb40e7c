// Asking a trained run from C++. Usage: example_predict RUN_DIRECTORY INPUT…   (what its source reads: images, CSV
// files)
#include <polytask/core/error.h>
#include <polytask/training/predictor.h>

#include <iostream>

using namespace polytask;

int main(int argc, char** argv) try {
  Predictor predictor(argc > 1 ? argv[1] : "");
  const auto predictions = predictor.predict(std::vector<std::string>(argv + std::min(argc, 2), argv + argc));
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    std::cout << predictions.rows[i];
    for (const auto& task : predictions.tasks) {
      const auto row = static_cast<int64_t>(i);
      if (task.one_class)
        std::cout << "  " << task.task << ": " << task.label(row) << " (" << task.probability(row) << ")";
      else
        std::cout << "  " << task.names[0] << ": " << task.values[row][0].item<double>();
    }
    std::cout << "\n";
  }
} catch (const Error& e) {
  std::cerr << e.what() << "\n";
  return e.exit_status();
}
