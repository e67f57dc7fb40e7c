#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polytask {

/// Names numbered in the order of their first appearance; made for millions of look-ups of a few names.
class NameIndex {
 public:
  NameIndex();
  /// The number of a name, which is added where it is new.
  int32_t of(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }

 private:
  // The first and last eight bytes and the length: all there is of names of up to 16 bytes.
  struct Key {
    uint64_t first = 0, last = 0;
    size_t size = 0;
    bool operator==(const Key& other) const { return first == other.first && last == other.last && size == other.size; }
  };
  struct Slot {
    Key key;
    int32_t number = -1;  // −1: free
  };

  static Key key_of(std::string_view name);
  static uint64_t hash_of(const Key& key);
  bool holds(const Slot& slot, const Key& key, std::string_view name) const;
  void grow();

  std::vector<std::string> names_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
};

}  // namespace polytask
