#include <polytask/balancing/gram/dual_cone.h>
#include <polytask/core/error.h>

#include <cmath>
#include <map>

namespace polytask {
namespace {

double default_epsilon(const std::string& method, const std::string& convention) {
  static const std::map<std::string, double> table = {{"paper", 0.0}, {"torchjd", 1e-4}, {"libmtl", 1e-4}};
  const auto known = table.find(convention);
  if (known == table.end()) throw InputError("balancing.convention: {} has no convention \"{}\"", method, convention);
  return known->second;
}

}  // namespace

void DualConeOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for norm_eps and reg_eps: paper 0, torchjd and libmtl 1e-4",
          one_of({"paper", "torchjd", "libmtl"}));
  f.field("preference", preference, "importance of each task, in the order of the tasks; default: 1/T each");
  f.field("norm_eps", norm_eps,
          "where the trace of M is below, every gradient counts as 0; default: the convention's, 0", at_least(0));
  f.field("reg_eps", reg_eps,
          "ridge on M divided by its trace; above 0 the step may oppose tasks slightly; default: the convention's, 0",
          at_least(0));
}

DualCone::DualCone(const std::string& method, const DualConeOptions& options)
    : preference_(method, options.preference),
      norm_eps_(options.norm_eps.value_or(default_epsilon(method, options.convention))),
      reg_eps_(options.reg_eps.value_or(default_epsilon(method, options.convention))) {}

std::vector<double> DualCone::preference(const std::vector<int64_t>& tasks) const {
  return preference_.of(tasks, 1.0 / static_cast<double>(tasks.size()));
}

const Matrix& DualCone::matrix(const Matrix& gram) {
  if (norm_eps_ == 0 && reg_eps_ == 0) return gram;
  double trace = 0;
  for (int64_t t = 0; t < gram.rows(); ++t) trace += gram(t, t);
  regularised_.resize(gram.rows(), gram.cols());
  if (trace >= norm_eps_ && trace > 0)
    for (int64_t i = 0; i < gram.rows(); ++i)
      for (int64_t j = 0; j < gram.cols(); ++j) regularised_(i, j) = gram(i, j) / trace;
  for (int64_t t = 0; t < gram.rows(); ++t) regularised_(t, t) += reg_eps_;
  return regularised_;
}

}  // namespace polytask
