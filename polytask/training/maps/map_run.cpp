#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/training/maps/map_run.h>
#include <polytask/training/predictor.h>
#include <polytask/training/run_directory.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace polytask {
namespace {

// The only input, which is a picture.
const Preprocess& picture_of(const Session& session) {
  if (session.preprocess.size() != 1 || !session.preprocess[0].spec().is_image())
    throw InputError("the run reads more than one picture of a scene, so it can not make maps");
  return session.preprocess[0];
}

void widen(MapModel& model, const Session& session, size_t task) {
  const auto field = session.model->receptive_field(static_cast<int64_t>(task));
  if (!field)
    throw InputError(
        "task \"{}\": its map can not be made tile by tile: a pixel depends on the whole scene, or a layer of the "
        "model "
        "does not say on what",
        session.tasks[task]->name());
  model.radius = std::max(model.radius, field->radius);
  model.stride = std::lcm(model.stride, field->stride);
}

// [B, K, h, w] as a user reads them → the maps of a task.
void append_maps(const TaskType& task, const at::Tensor& values, std::vector<at::Tensor>& maps) {
  if (task.class_names().empty()) {
    maps.push_back(values.select(1, 0));
  } else {
    maps.push_back(values.argmax(1));
    maps.push_back(values.amax(1));
  }
}

// How the run's scenes are read. The made forest's pictures are those that `polytask data make forest` writes: one file
// with two bands.
RasterOptions reading_of(const Node& data) {
  if (data.text_or("source", "") == "raster") return read_options<RasterOptions>(source_options(data), {"source"});
  Node input = Node::map_of({{"file", Node::scalar_of("<scene>.tif", true)}});
  if (data.text_or("domain", "") == "db") input.set("domain", Node::scalar_of("db", true));
  return read_options<RasterOptions>(Node::map_of({{"inputs", Node::sequence_of({input})}}));
}

// Which channels a scene's file says to be in dB: bool [C, 1, 1].
at::Tensor channels_in_db(const RasterStack& scene) {
  std::vector<int64_t> in_db;
  for (const auto& part : scene.parts())
    for (int64_t i = 0; i < part.count(); ++i) {
      const std::string& unit = part.band(i).unit;
      in_db.push_back(unit == "dB" || unit == "db" ? 1 : 0);
    }
  return at::tensor(in_db, at::kLong).to(at::kBool).view({-1, 1, 1});
}

// For a run of the made forest in linear power: `polytask data make forest` writes its scenes in dB.
void take_as_power(MapModel& model, const RasterStack& scene) {
  model.predict = [predict = std::move(model.predict), in_db = channels_in_db(scene)](const at::Tensor& raw) {
    return predict(at::where(in_db, power_of_db(raw), raw));
  };
}

}  // namespace

MapModel map_model(const Session& session) {
  MapModel model;
  const Preprocess& picture = picture_of(session);
  std::vector<size_t> dense;
  for (size_t t = 0; t < session.tasks.size(); ++t) {
    const TaskType& task = *session.tasks[t];
    if (!task.is_dense()) {
      log_info("task \"{}\" gives no value per pixel, so there is no map of it", task.name());
      continue;
    }
    dense.push_back(t);
    widen(model, session, t);
    model.products.push_back({task.name(), task.class_names(), task.unit()});
    if (!task.class_names().empty()) model.products.push_back({task.name() + "_probability", {}, ""});
  }
  std::vector<const CouplingTerm*> coupled;
  for (const auto& term : session.couplings) {
    const bool mapped = std::all_of(term.tasks().begin(), term.tasks().end(), [&](const size_t t) {
      return std::find(dense.begin(), dense.end(), t) != dense.end();
    });
    if (!mapped || !term.coupling().has_residual()) continue;
    coupled.push_back(&term);
    model.products.push_back({term.name() + "_residual", {}, "", /*gaps=*/true});
  }
  if (dense.empty()) throw InputError("no task of the run gives a value per pixel, so there is nothing to map");
  model.predict = [&session, &picture, dense, coupled](const at::Tensor& raw) {
    InputSpec spec = picture.spec();
    spec.shape = raw.sizes().slice(1).vec();  // a tile of the scene is larger than one of training
    const at::Tensor input = Preprocess(spec, picture.state()).apply(raw).to(session.device);
    const auto outputs = session.model->forward({{spec.name, input}});
    std::vector<at::Tensor> maps;
    for (const size_t t : dense) append_maps(*session.tasks[t], session.tasks[t]->predict(outputs[t]).cpu(), maps);
    for (const auto* term : coupled) maps.push_back(term->residual(outputs).cpu());
    return maps;
  };
  return model;
}

std::vector<std::filesystem::path> map_scene(const MapRequest& request) {
  const Predictor predictor(request.run, request.checkpoint, request.device);
  const Session& session = predictor.session();
  const Node& data = session.experiment.data;
  const RasterStack scene = open_scene(reading_of(data), request.scene);
  const InputSpec& expected = picture_of(session).spec();
  if (scene.channels() != expected.shape[0])
    throw InputError("{}: the scene has {} bands, but the model was trained on {}", request.scene[0], scene.channels(),
                     expected.shape[0]);
  MapModel model = map_model(session);
  if (data.text_or("source", "") == "forest" && data.text_or("domain", "") == "linear") take_as_power(model, scene);
  write_maps(scene, model, request.output, request.options);
  std::vector<std::filesystem::path> files;
  for (const auto& product : model.products) files.push_back(request.output / (product.name + ".tif"));
  return files;
}

bool reads_rasters(const std::filesystem::path& run) {
  const std::string source = read_run_configuration(run).data.text_or("source", "");
  return source == "raster" || source == "forest";
}

}  // namespace polytask
