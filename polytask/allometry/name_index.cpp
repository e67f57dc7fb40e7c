#include <polytask/allometry/name_index.h>
#include <polytask/io/bytes.h>

#include <utility>

namespace polytask {
namespace {

constexpr size_t kFirstSlots = 64, kWord = 8;

}  // namespace

NameIndex::NameIndex() : slots_(kFirstSlots) {}

NameIndex::Key NameIndex::key_of(std::string_view name) {
  const char* text = name.data();
  const size_t size = name.size();
  if (size >= kWord) return {load_little<uint64_t>(text), load_little<uint64_t>(text + size - kWord), size};
  if (size >= kWord / 2) return {load_little<uint32_t>(text), load_little<uint32_t>(text + size - kWord / 2), size};
  uint64_t bytes = 0;
  for (const char c : name) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return {bytes, 0, size};
}

uint64_t NameIndex::hash_of(const Key& key) {
  constexpr uint64_t kMix = 0x9e3779b97f4a7c15ULL;
  uint64_t hash = (key.first ^ key.size) * kMix;
  hash = (hash ^ (hash >> 29) ^ key.last) * kMix;
  return hash ^ (hash >> 32);
}

bool NameIndex::holds(const Slot& slot, const Key& key, std::string_view name) const {
  if (!(slot.key == key)) return false;
  return key.size <= 2 * kWord || names_[static_cast<size_t>(slot.number)] == name;
}

int32_t NameIndex::of(std::string_view name) {
  const Key key = key_of(name);
  const size_t mask = slots_.size() - 1;
  size_t place = hash_of(key) & mask;
  while (slots_[place].number >= 0) {
    if (holds(slots_[place], key, name)) return slots_[place].number;
    place = (place + 1) & mask;
  }
  const auto number = static_cast<int32_t>(names_.size());
  names_.emplace_back(name);
  slots_[place] = {key, number};
  if (2 * names_.size() > slots_.size()) grow();
  return number;
}

void NameIndex::grow() {
  const auto old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  const size_t mask = slots_.size() - 1;
  for (const auto& slot : old) {
    if (slot.number < 0) continue;
    size_t place = hash_of(slot.key) & mask;
    while (slots_[place].number >= 0) place = (place + 1) & mask;
    slots_[place] = slot;
  }
}

}  // namespace polytask
