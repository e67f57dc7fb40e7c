#include <polytask/core/error.h>
#include <polytask/core/random.h>

#include <ATen/Context.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polytask {
namespace {

uint64_t split_mix(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

uint64_t hash_text(const std::string& text, uint64_t start) {
  uint64_t hash = start;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

uint64_t stream_seed(uint64_t seed, const std::string& name) {
  uint64_t state = seed ^ hash_text(name);
  split_mix(state);
  return split_mix(state);
}

Random::Random(uint64_t seed) {
  for (auto& word : state_) word = split_mix(seed);
}

uint64_t Random::bits() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Random::normal() {
  const double u = 1.0 - uniform();
  const double v = uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
}

int64_t Random::below(int64_t n) {
  const auto range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  uint64_t x = bits();
  while (x >= limit) x = bits();
  return static_cast<int64_t>(x % range);
}

std::vector<int64_t> Random::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order);
  return order;
}

std::vector<int64_t> Random::state() const {
  return {static_cast<int64_t>(state_[0]), static_cast<int64_t>(state_[1]), static_cast<int64_t>(state_[2]),
          static_cast<int64_t>(state_[3])};
}

void Random::set_state(const std::vector<int64_t>& words) {
  if (words.size() != 4) throw InputError("a random stream's state has 4 words, not {}", words.size());
  if (std::all_of(words.begin(), words.end(), [](int64_t word) { return word == 0; }))
    throw InputError("a random stream's state can not be all zeros");
  for (size_t i = 0; i < 4; ++i) state_[i] = static_cast<uint64_t>(words[i]);
}

void seed_torch(uint64_t seed, const std::string& name) { at::manual_seed(stream_seed(seed, name)); }

}  // namespace polytask
