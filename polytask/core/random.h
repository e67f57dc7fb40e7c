#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// 64-bit FNV-1a of a text; the base of stream names and data fingerprints.
uint64_t hash_text(const std::string& text, uint64_t start = 14695981039346656037ULL);

/// The seed of the stream `name` of an experiment with `seed`; independent of the order in which streams are asked for.
uint64_t stream_seed(uint64_t seed, const std::string& name);

/// A small, fast, portable generator (xoshiro256**): the same numbers on every machine and compiler.
class Random {
 public:
  explicit Random(uint64_t seed = 0);
  Random(uint64_t seed, const std::string& name) : Random(stream_seed(seed, name)) {}

  uint64_t bits();
  double uniform();                         ///< [0, 1)
  double uniform(double low, double high);  ///< [low, high)
  double normal();                          ///< mean 0, standard deviation 1 (Box–Muller, no state carried over)
  int64_t below(int64_t n);                 ///< 0 … n−1, unbiased; n > 0
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (int64_t i = static_cast<int64_t>(values.size()) - 1; i > 0; --i)
      std::swap(values[static_cast<size_t>(i)], values[static_cast<size_t>(below(i + 1))]);
  }
  std::vector<int64_t> permutation(int64_t n);

  /// Four words; a generator set to them goes on where this one stands.
  std::vector<int64_t> state() const;
  void set_state(const std::vector<int64_t>& words);

 private:
  uint64_t state_[4];
};

/// Seeds libtorch's default generators (initialisation, dropout) from the stream `name`.
void seed_torch(uint64_t seed, const std::string& name);

}  // namespace polytask
