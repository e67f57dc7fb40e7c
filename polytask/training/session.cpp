#include <polytask/balancing/combining_balancer.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/random.h>
#include <polytask/training/initial_run.h>
#include <polytask/training/known_classes.h>
#include <polytask/training/session.h>

#include <fmt/format.h>

#include <ATen/core/grad_mode.h>
#include <torch/cuda.h>

#include <optional>

namespace polytask {
namespace {

std::vector<std::unique_ptr<TaskType>> create_tasks(const Experiment& experiment) {
  std::vector<std::unique_ptr<TaskType>> tasks;
  for (const auto& [name, section] : experiment.tasks) tasks.push_back(create_task(name, section));
  return tasks;
}

// What is asked of the data; tasks of a checkpoint or an initial run ask for the classes that they know.
std::vector<TargetRequest> target_requests(const Session& session, const InitialRun* initial) {
  std::vector<TargetRequest> requests;
  for (size_t t = 0; t < session.tasks.size(); ++t) {
    const TaskType& task = *session.tasks[t];
    requests.push_back(initial == nullptr ? with_known_classes(task.target_request(), task.class_names())
                                          : initial->request(task, session.experiment.tasks[t].second));
  }
  return requests;
}

void open_labelled_data(Session& session, const InitialRun* initial) {
  const auto requests = target_requests(session, initial);
  session.data = open_data(session.experiment.data, requests, session.experiment.seed, session.preprocess);
  for (size_t t = 0; t < requests.size(); ++t)
    if (requests[t].class_names != session.tasks[t]->target_request().class_names)
      check_known_classes(session.data.dataset->source(), requests[t]);
}

// The parts of a checkpoint that do not fit say that it belongs to another experiment.
const Node& info_of(const Checkpoint& checkpoint, const char* key) {
  const Node* node = checkpoint.info.find(key);
  if (node == nullptr) throw InputError("{}: the checkpoint holds no \"{}\"", checkpoint.info.where(), key);
  return *node;
}

std::vector<Preprocess> load_preprocess(const Checkpoint& checkpoint) {
  std::vector<Preprocess> result;
  for (const auto& spec : info_of(checkpoint, "inputs").items()) {
    const auto tensors = checkpoint.part(fmt::format("preprocess.{}.", result.size()));
    result.emplace_back(InputSpec::from_node(spec), tensors);
  }
  if (result.empty()) throw InputError("{}: the checkpoint describes no input", checkpoint.info.where());
  return result;
}

void load_tasks(const Checkpoint& checkpoint, Session& session) {
  const Node& states = info_of(checkpoint, "tasks");
  for (const auto& task : session.tasks) {
    const Node* state = states.find(task->name());
    if (state == nullptr)
      throw InputError("{}: the checkpoint is of another experiment: it knows no task \"{}\"", states.where(),
                       task->name());
    task->load_state(*state);
  }
}

void build_model(Session& session) {
  ModelContext context;
  context.seed = session.experiment.seed;
  for (const auto& preprocess : session.preprocess)
    context.input_shapes[preprocess.spec().name] = preprocess.output_shape();
  for (size_t t = 0; t < session.tasks.size(); ++t) {
    const Node* head = session.experiment.tasks[t].second.find("head");
    context.tasks.push_back(
        {session.tasks[t]->name(), session.tasks[t]->outputs(), *head, session.tasks[t]->is_dense()});
  }
  session.model = create_model(session.experiment.model, context);
  if (const Node* freeze = session.experiment.model.find("freeze")) session.freeze = parse_freeze_rules(*freeze);
}

// Methods that keep something for every shared parameter, or every layer, can not follow freezing by epoch.
void refuse_changing_columns(const Session& session) {
  auto* combining = dynamic_cast<CombiningBalancer*>(session.balancer.get());
  const bool keeps = (combining != nullptr && combining->combiner().keeps_columns()) ||
                     session.balancer->method().needs().blocks != BlockSize::whole;
  for (const FreezeRule& rule : session.freeze)
    if (keeps && (rule.from > 0 || rule.to >= 0))
      throw InputError(
          "model.freeze: \"{}\" is frozen for some epochs only, but this balancing method keeps values for every "
          "trained "
          "parameter or layer; freeze for good, or choose another method",
          rule.pattern);
}

// A coupling's gradient lies in the heads of several tasks, and before them in what these tasks share.
void refuse_balanced_couplings(const Session& session) {
  for (const auto& term : session.couplings) {
    if (!term.balanced()) continue;
    if (session.balancer->method().needs().kpis)
      throw InputError(
          "couplings.{}.balance: this balancing method weighs tasks by how well they are solved, which a "
          "coupling is not; leave balance out",
          term.name());
    if (session.balancer->splits_graph() && !session.model->shares_representation())
      throw InputError(
          "couplings.{}.balance: a gradient method needs one representation that all tasks share for it, and this "
          "model "
          "has one for each task; leave balance out, or share hard",
          term.name());
  }
}

void build_balancer(Session& session) {
  session.balancer = balancers().create(session.experiment.balancing);
  std::vector<TaskInfo> infos;
  for (size_t t = 0; t < session.tasks.size(); ++t)
    infos.push_back({session.tasks[t]->name(), session.experiment.tasks[t].second.text_or("type", ""),
                     session.tasks[t]->loss_scale()});
  for (const auto& term : session.couplings)
    if (term.balanced()) infos.push_back({term.name(), "coupling", 1});
  session.balancer->method().setup(infos);
  refuse_changing_columns(session);
  refuse_balanced_couplings(session);
  session.balancer->prepare(
      {session.model->model_parameters(), session.model->last_shared_layer(), session.model->shares_representation()});
}

void load_model(const Checkpoint& checkpoint, Session& session) {
  session.model->load_state(checkpoint.part("model."), checkpoint.info.place.file);
}

Session begin(Experiment experiment) {
  Session session;
  session.experiment = std::move(experiment);
  session.device = choose_device(session.experiment.device);
  session.tasks = create_tasks(session.experiment);
  for (const auto& [name, section] : session.experiment.couplings)
    session.couplings.emplace_back(name, section, session.tasks);
  return session;
}

// A run's weights come from its checkpoint, so the file or run they once started from is not needed any more.
void forget_initial_weights(Experiment& experiment) {
  if (experiment.model.find("init_from") != nullptr) experiment.model.set("init_from", Node::scalar_of("", true));
  if (Node weights = Node::map_of(); experiment.model.find("weights") != nullptr) {
    weights.set("path", Node::scalar_of("", true));
    experiment.model.set("weights", weights);
  }
}

std::optional<InitialRun> initial_run(const Experiment& experiment) {
  const std::string path = experiment.model.text_or("init_from", "");
  if (path.empty()) return std::nullopt;
  return InitialRun(path);
}

// Preprocessing and tasks, by the training rows; what the initial run knows is its own.
void fit(Session& session, const InitialRun* initial) {
  session.preprocess = session.data.dataset->preprocess();
  for (const auto& task : session.tasks) {
    if (initial != nullptr && initial->has_task(task->name()))
      initial->load_task(*task);
    else
      task->fit(session.data.dataset->targets().at(task->name()), session.data.split.train);
  }
  for (auto& term : session.couplings) term.attach(session.tasks);
  fit_couplings(session.couplings, *session.data.dataset, session.data.split.train);
}

void load_couplings(const Checkpoint& checkpoint, Session& session) {
  const Node* states = checkpoint.info.find("couplings");
  for (auto& term : session.couplings) {
    const Node* state = states != nullptr ? states->find(term.name()) : nullptr;
    if (state == nullptr)
      throw InputError("{}: the checkpoint is of another experiment: it knows no coupling \"{}\"",
                       checkpoint.info.where(), term.name());
    term.coupling().load_state(*state);
    term.attach(session.tasks);
  }
}

}  // namespace

std::vector<std::string> Session::task_names() const {
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task->name());
  return names;
}

std::vector<std::string> Session::objective_names() const {
  std::vector<std::string> names = task_names();
  for (const auto& term : couplings)
    if (term.balanced()) names.push_back(term.name());
  return names;
}

std::vector<std::string> Session::coupling_names() const {
  std::vector<std::string> names;
  for (const auto& term : couplings) names.push_back(term.name());
  return names;
}

Session open_session(Experiment experiment, const Checkpoint* from) {
  if (from != nullptr) forget_initial_weights(experiment);
  Session session = begin(std::move(experiment));
  if (from != nullptr) {
    load_tasks(*from, session);
    load_couplings(*from, session);
    session.preprocess = load_preprocess(*from);
  }
  const auto initial = from == nullptr ? initial_run(session.experiment) : std::nullopt;
  if (initial) session.preprocess = initial->preprocess();
  open_labelled_data(session, initial ? &*initial : nullptr);
  if (initial)
    if (const auto warning = initial->split_warning(session.experiment, session.data.dataset->source());
        !warning.empty())
      session.data.warnings.push_back(warning);
  if (from == nullptr) fit(session, initial ? &*initial : nullptr);
  build_model(session);
  if (from != nullptr) load_model(*from, session);
  if (initial) log_info("model.init_from: {}", initial->load_model(*session.model));
  session.model->to(session.device);
  build_balancer(session);
  return session;
}

Session open_model(Experiment experiment, const Checkpoint& from) {
  forget_initial_weights(experiment);
  Session session = begin(std::move(experiment));
  load_tasks(from, session);
  load_couplings(from, session);
  session.preprocess = load_preprocess(from);
  build_model(session);
  load_model(from, session);
  session.model->to(session.device);
  session.model->eval();
  return session;
}

void save_session(const Session& session, Checkpoint& checkpoint) {
  Node inputs = Node::sequence_of({});
  for (size_t i = 0; i < session.preprocess.size(); ++i) {
    inputs.append(session.preprocess[i].spec().to_node());
    checkpoint.add(fmt::format("preprocess.{}.", i), session.preprocess[i].state());
  }
  Node tasks = Node::map_of();
  for (const auto& task : session.tasks) tasks.set(task->name(), task->state());
  checkpoint.info.set("inputs", inputs);
  checkpoint.info.set("tasks", tasks);
  Node couplings = Node::map_of();
  for (const auto& term : session.couplings) couplings.set(term.name(), term.coupling().state());
  checkpoint.info.set("couplings", couplings);
  checkpoint.add("model.", session.model->state());
}

void load_balancing(const Checkpoint& checkpoint, Session& session) {
  at::NoGradGuard no_grad;
  auto& method = session.balancer->method();
  const auto scales = checkpoint.part("balancing.parameters.");
  for (auto& [name, parameter] : method.parameters()) {
    const auto saved = scales.find(name);
    if (saved == scales.end() || saved->second.sizes() != parameter.sizes())
      throw InputError("{}: the checkpoint is of another experiment: balancing parameter \"{}\" does not fit",
                       checkpoint.info.where(), name);
    at::Tensor(parameter).copy_(saved->second);
  }
  session.balancer->load_state(checkpoint.part("balancing.state."));
}

c10::Device choose_device(const std::string& name) {
  if (name == "auto") return torch::cuda::is_available() ? c10::Device(c10::kCUDA) : c10::Device(c10::kCPU);
  if (name == "cpu") return c10::kCPU;
  if (name != "cuda" && name.rfind("cuda:", 0) != 0)
    throw InputError("device: \"{}\" is not known: must be auto, cpu, cuda or cuda:N", name);
  const auto count = static_cast<int64_t>(torch::cuda::device_count());
  const std::string index = name == "cuda" ? "0" : name.substr(5);
  const bool digits = !index.empty() && index.size() < 4 && index.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoll(index) >= count)
    throw InputError("device: \"{}\" does not exist here: this libtorch sees {} CUDA devices", name, count);
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(std::stoll(index)));
}

}  // namespace polytask
