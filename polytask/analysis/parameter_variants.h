#pragma once
#include <polytask/allometry/parameters.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Genera whose parameters vary together: one, or all where they share a line.
struct VaryingGenera {
  std::string name;
  std::vector<size_t> classes;
  Matrix covariance;  ///< of the coefficients
};

/// The coefficients under which a model is asked: as fitted, every genus drawn (`draws` times), each group of genera
/// alone drawn, each coefficient of a group moved by ParameterSwing::kSteps standard errors; in this order.
class ParameterVariants {
 public:
  /// `genera`: of the classes, in their order. Throws InputError where none has a covariance.
  ParameterVariants(const Law& law, const std::vector<GenusParameters>& genera, bool one_line, int64_t draws,
                    uint64_t seed, const std::string& where);

  const at::Tensor& coefficients() const { return coefficients_; }  ///< double [variants, classes × K]
  const std::vector<VaryingGenera>& groups() const { return groups_; }
  const std::vector<std::string>& fixed() const { return fixed_; }
  int64_t coefficients_of_genus() const { return k_; }  ///< K

  // Where the variants stand.
  int64_t drawn(int64_t draw) const { return 1 + draw; }
  int64_t drawn_alone(size_t group, int64_t draw) const {
    return 1 + draws_ * (1 + static_cast<int64_t>(group)) + draw;
  }
  int64_t moved(size_t group, int64_t coefficient, size_t step) const;

 private:
  void group(const std::vector<GenusParameters>& genera, bool one_line, const std::string& where);
  void draw(size_t group, uint64_t seed);
  void move(size_t group);
  void add(int64_t variant, size_t group, int64_t coefficient, double difference);

  int64_t k_, draws_;
  std::vector<VaryingGenera> groups_;
  std::vector<std::string> fixed_;
  at::Tensor coefficients_;
};

}  // namespace polytask
