// Peak resident memory of one way of training, in MiB: `bench_memory ours|bare mlp|lenet`. Each way in a process of its
// own; scripts/bench compares them.
#include "bare_loop.h"

#include <polytask/core/memory.h>
#include <polytask/core/threads.h>
#include <polytask/training/step.h>

#include <fmt/format.h>

#include <cstring>

int main(int argc, char** argv) {
  using namespace polytask;
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_memory ours|bare mlp|lenet\n");
    return 2;
  }
  configure_allocator();
  set_threads(0);
  const bool ours = std::strcmp(argv[1], "ours") == 0, mlp = std::strcmp(argv[2], "mlp") == 0;
  const auto directory = std::filesystem::temp_directory_path() / "polytask-bench-memory";
  constexpr int kSteps = 200;
  if (ours) {
    Session session = open_bench_session(mlp ? kMlp : kLenet, directory);
    GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {},
                               session.task_names());
    Random random(1);
    Stepper stepper(session, optimizer, random);
    session.model->train();
    const auto& rows = session.data.split.train;
    for (int i = 0; i < kSteps; ++i) {
      const auto first = rows.begin() + 64 * (i % 32);
      stepper.step({session.data.dataset->batch(std::vector<int64_t>(first, first + 64))}, LossState(), false);
    }
  } else {
    auto model = mlp ? bare_mlp() : bare_lenet();
    torch::optim::Adam adam(model.parameters(), torch::optim::AdamOptions(1e-3));
    write_bench_data(directory, !mlp);
    const auto images = read_npy(directory / "x.npy").values;
    const auto labels = read_npy(directory / "y.npy").values.to(at::kLong);
    for (int i = 0; i < kSteps; ++i) {
      const auto x = images.narrow(0, 64 * (i % 32), 64), y = labels.narrow(0, 64 * (i % 32), 64);
      model.step(adam, x, y, at::remainder(y, 2));
    }
  }
  std::filesystem::remove_all(directory);
  fmt::print("{:.1f}\n", static_cast<double>(peak_memory_bytes()) / (1 << 20));
}
