#include "kinds.h"
#include "sharing.h"
#include "task_encoders.h"

#include <polytask/nn/sharing/cross_stitch.h>

namespace polytask::golden {
namespace {

Subject make(const Case& golden) {
  const auto tasks = texts(config(golden, "tasks"));
  Subject subject;
  subject.model = std::make_shared<CrossStitch>(task_encoders(golden), tasks_of(golden), 1, CrossStitchOptions{},
                                                golden.input.at("x0").sizes().slice(1).vec());
  subject.level = config(golden, "layers").items().size() - 1;
  subject.reference_name = [tasks](const std::string& ours) {
    const auto parts = parts_of(ours);
    if (parts[0] == "encoders") return task_encoder_name(parts, tasks);
    return fmt::format("encoder.cross_unit[{}]", stage_number(parts[1]) - 1);
  };
  return subject;
}

}  // namespace

NamedTensors run_cross_stitch(const Case& golden) {
  return run_sharing(golden, [&] { return make(golden); });
}

}  // namespace polytask::golden
