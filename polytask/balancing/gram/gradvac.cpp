#include <polytask/balancing/gram/gradvac.h>
#include <polytask/balancing/gram/orders.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

namespace polytask {
namespace {

const double kLeastSine = 1e-8;

struct Convention {
  double beta, eps;
  const char* update;
};

const std::map<std::string, Convention>& conventions() {
  static const std::map<std::string, Convention> table = {{"paper", {0.01, 0, "always"}},
                                                          {"libmtl", {0.5, 1e-8, "always"}},
                                                          {"torchjd", {0.5, 1e-8, "always"}},
                                                          {"samsung", {0.5, 0, "violated"}}};
  return table;
}

double sine(double cosine) { return std::sqrt(std::max(0.0, 1 - cosine * cosine)); }

}  // namespace

void GradVacOptions::fields(Fields& f) {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : conventions()) names.push_back(name);
  f.field("convention", convention, "whose defaults for beta, eps and update", one_of(names));
  f.field("beta", beta, "share of a new cosine in the target cosine of its pair; default: the convention's, 0.01",
          between(0, 1));
  f.field("eps", eps, "added to the products of norms that are divided by; default: the convention's, 0", at_least(0));
  f.field("update", update,
          "always: every cosine enters the target; violated: only those below it; default: the convention's, always",
          one_of({"always", "violated"}));
  f.field("groups", groups,
          "the parameters whose gradients are compared as one: all (whole), those of a layer, or one tensor",
          one_of({"whole", "layer", "tensor"}));
}

GradVac::GradVac(const GradVacOptions& options) {
  const auto known = conventions().find(options.convention);
  if (known == conventions().end())
    throw InputError("balancing.convention: gradvac has no convention \"{}\"", options.convention);
  beta_ = options.beta.value_or(known->second.beta);
  eps_ = options.eps.value_or(known->second.eps);
  only_violated_ = options.update.value_or(known->second.update) == "violated";
  groups_ = options.groups == "layer"    ? BlockSize::layer
            : options.groups == "tensor" ? BlockSize::tensor
                                         : BlockSize::whole;
}

void GradVac::setup(const std::vector<TaskInfo>& tasks) {
  tasks_ = static_cast<int64_t>(tasks.size());
  group_count_ = 0;
  rho_.clear();
}

Needs GradVac::needs() const {
  Needs needs;
  needs.blocks = groups_;
  return needs;
}

void GradVac::start(const GramState& gram, size_t groups) {
  if (tasks_ == 0) tasks_ = gram.task_count;
  if (tasks_ != gram.task_count)
    throw WorkError("gradvac: rows of {} tasks, but setup() was given {}", gram.task_count, tasks_);
  if (group_count_ == 0) {
    group_count_ = groups;
    rho_.assign(static_cast<size_t>(tasks_ * tasks_) * groups, 0.0);
  }
  if (group_count_ != groups)
    throw WorkError("gradvac: {} groups of parameters, but the target cosines are of {}", groups, group_count_);
}

double& GradVac::rho(int64_t i, int64_t j, size_t group) {
  return rho_[static_cast<size_t>(i * tasks_ + j) * group_count_ + group];
}

void GradVac::vaccinate(const Matrix& m, int64_t j, double& target) {
  const double other = std::sqrt(std::max(0.0, m(j, j)));
  double square = 0;
  for (size_t k = 0; k < c_.size(); ++k) square += c_[k] * products_[k];
  const double own = std::sqrt(std::max(0.0, square));
  if (!(own > 0) || !(other > 0)) return;
  const double cosine = std::clamp(products_[static_cast<size_t>(j)] / (own * other + eps_), -1.0, 1.0);
  const bool violated = cosine < target;
  if (violated) {
    const double factor =
        own * (target * sine(cosine) - cosine * sine(target)) / (other * std::max(sine(target), kLeastSine) + eps_);
    c_[static_cast<size_t>(j)] += factor;
    for (size_t k = 0; k < c_.size(); ++k) products_[k] += factor * m(j, static_cast<int64_t>(k));
  }
  if (violated || !only_violated_) target = (1 - beta_) * target + beta_ * cosine;
}

void GradVac::vaccinate_row(const Matrix& m, const GramState& gram, int64_t row, size_t group,
                            const std::vector<int64_t>& order) {
  c_.assign(static_cast<size_t>(m.rows()), 0.0);
  c_[static_cast<size_t>(row)] = 1;
  products_.assign(m.row(row), m.row(row) + m.rows());
  for (int64_t j : order)
    if (j != row) vaccinate(m, j, rho(gram.tasks[static_cast<size_t>(row)], gram.tasks[static_cast<size_t>(j)], group));
}

GramWeights GradVac::weigh(const GramState& gram, const LossState& state) {
  const bool whole = groups_ == BlockSize::whole;
  const size_t groups = whole ? 1 : gram.blocks.size();
  if (groups == 0) throw WorkError("gradvac: the inner products of the parameter groups were not supplied");
  start(gram, groups);
  const int64_t n = gram.rows();
  std::vector<std::vector<double>> sums(groups, std::vector<double>(static_cast<size_t>(n), 0.0));
  for (int64_t row = 0; row < n; ++row) {
    std::vector<int64_t> order;
    if (n > 1) order = draw_order("gradvac", "gradvac/order", state, n);
    for (size_t group = 0; group < groups; ++group) {
      vaccinate_row(whole ? gram.gram : gram.blocks[group], gram, row, group, order);
      for (size_t k = 0; k < c_.size(); ++k) sums[group][k] += c_[k];
    }
  }
  GramWeights weights;
  weights.w.assign(static_cast<size_t>(n), 0.0);
  for (const auto& one : sums)
    for (size_t k = 0; k < one.size(); ++k) weights.w[k] += one[k] / static_cast<double>(groups);
  if (!whole) weights.block_w = std::move(sums);
  return weights;
}

NamedTensors GradVac::state() const {
  at::Tensor rho = at::empty({tasks_, tasks_, static_cast<int64_t>(group_count_)}, at::kDouble);
  std::copy(rho_.begin(), rho_.end(), rho.data_ptr<double>());
  return {{"rho", rho}};
}

void GradVac::load_state(const NamedTensors& state) {
  const at::Tensor rho = state.at("rho").to(at::kCPU, at::kDouble).contiguous();
  if (rho.dim() != 3 || rho.size(0) != tasks_ || rho.size(1) != tasks_)
    throw InputError("gradvac: the saved target cosines are not those of {} tasks", tasks_);
  group_count_ = static_cast<size_t>(rho.size(2));
  rho_.assign(rho.data_ptr<double>(), rho.data_ptr<double>() + rho.numel());
}

void register_gradvac(BalancerRegistry& registry) {
  add_gram_weighting<GradVacOptions>(registry, "gradvac",
                                     "Gradients bent towards the usual cosine of their pair, in random order",
                                     "Wang, Tsvetkov, Firat, Cao, Gradient Vaccine, ICLR 2021",
                                     [](const GradVacOptions& options) { return std::make_unique<GradVac>(options); });
}

}  // namespace polytask
