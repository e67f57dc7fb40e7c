#pragma once
#include <polytask/core/random.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Named random draws of a balancing method, so that a test can supply the numbers that a reference consumed.
class Draws {
 public:
  virtual ~Draws() = default;
  virtual std::vector<int64_t> order(const std::string& name, int64_t n) = 0;    ///< a permutation of 0 … n−1
  virtual std::vector<double> uniforms(const std::string& name, int64_t n) = 0;  ///< [0, 1)
  virtual std::vector<double> normals(const std::string& name, int64_t n) = 0;
};

/// Draws from one named stream, whose state is part of a checkpoint.
class StreamDraws : public Draws {
 public:
  explicit StreamDraws(Random& random) : random_(random) {}
  std::vector<int64_t> order(const std::string& name, int64_t n) override;
  std::vector<double> uniforms(const std::string& name, int64_t n) override;
  std::vector<double> normals(const std::string& name, int64_t n) override;

 private:
  Random& random_;
};

}  // namespace polytask
