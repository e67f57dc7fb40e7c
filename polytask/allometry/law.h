#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace polytask {

/// A form of the relation between height H (m) and above-ground biomass B: log B as a function of log H, linear in its
/// coefficients α, β, … apart from at most one shape parameter in metres. Natural logarithms throughout.
class Law {
 public:
  virtual ~Law() = default;
  const std::string& name() const { return name_; }
  const std::string& formula() const { return formula_; }
  /// "alpha", "beta", then a third coefficient where there is one, the shape parameter last.
  const std::vector<std::string>& parameter_names() const { return parameter_names_; }
  bool has_shape() const { return has_shape_; }
  /// Coefficients besides α, which is that of the constant 1.
  int columns() const { return static_cast<int>(parameter_names_.size()) - 1 - (has_shape_ ? 1 : 0); }
  /// Whether B grows with H only where β > 0.
  bool needs_positive_beta() const { return needs_positive_beta_; }

  /// log H → log B of the same type; each parameter, in the order of parameter_names(), broadcasts with log H.
  /// Differentiable in all of them, finite with finite gradients for every finite log H; the shape must be > 0.
  virtual at::Tensor log_biomass(const at::Tensor& log_height, const std::vector<at::Tensor>& parameters) const = 0;
  /// What β and the third coefficient multiply at `log_height`: values[columns()].
  virtual void columns_at(double log_height, double shape, double* values) const = 0;
  /// The log H at which the first of the columns has a value: their inverse.
  virtual double log_height_of(double column, double shape) const {
    (void)shape;
    return column;
  }
  /// Shape parameters worth trying for heights in [lowest, highest], ascending, `count` of them, evenly in the
  /// logarithm. One 0 for laws without.
  virtual std::vector<double> shapes(double lowest, double highest, int count) const;

 protected:
  Law(std::string name, std::string formula, std::vector<std::string> parameter_names, bool has_shape,
      bool needs_positive_beta);

 private:
  std::string name_, formula_;
  std::vector<std::string> parameter_names_;
  bool has_shape_, needs_positive_beta_;
};

/// power, quadratic, segmented, asymptotic.
std::vector<std::string> law_names();
/// Throws InputError that starts with `where` for a name that is none.
const Law& law_named(const std::string& name, const std::string& where);

/// `count` values from `lowest` to `highest`, evenly in the logarithm.
std::vector<double> even_in_logarithm(double lowest, double highest, int count);

}  // namespace polytask
