#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/bytes.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace polytask {
namespace {

constexpr int64_t kLengthSize = 8;
constexpr int64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
constexpr const char* kMetadataKey = "__metadata__";

struct TypeName {
  const char* name;
  at::ScalarType type;
};
constexpr TypeName kTypes[] = {{"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf},  {"BF16", at::kBFloat16},
                               {"I64", at::kLong},   {"I32", at::kInt},   {"I16", at::kShort}, {"I8", at::kChar},
                               {"U8", at::kByte},    {"BOOL", at::kBool}};

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // bytes, from the start of the data
};

struct Header {
  std::vector<Entry> entries;  // in the order of their data
  std::map<std::string, std::string> metadata;
  int64_t data_start = 0;
};

std::string where_of(const std::string& file, const std::string& tensor) {
  return fmt::format("{}: tensor \"{}\"", file, tensor);
}

const Node& member(const Node& node, const char* key, const std::string& where) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("{}: lacks \"{}\"", where, key);
  return *found;
}

std::vector<int64_t> sizes_of(const Node& node, const char* what, const std::string& where) {
  if (!node.is_sequence()) throw InputError("{}: {} is no list of sizes", where, what);
  std::vector<int64_t> sizes;
  for (const Node& item : node.items()) {
    int64_t size = -1;
    const std::string& text = item.text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!item.is_scalar() || item.quoted() || !whole || size < 0)
      throw InputError("{}: {} holds \"{}\", expected a size", where, what, text);
    sizes.push_back(size);
  }
  return sizes;
}

at::ScalarType type_of(const Node& node, const std::string& where) {
  std::string known;
  for (const TypeName& type : kTypes) {
    if (node.text() == type.name) return type.type;
    known += known.empty() ? type.name : fmt::format(", {}", type.name);
  }
  throw InputError("{}: dtype \"{}\" is not known; known are {}", where, node.text(), known);
}

Entry parse_entry(const std::string& name, const Node& node, const std::string& where) {
  if (!node.is_map()) throw InputError("{}: its header entry is no object", where);
  Entry entry;
  entry.name = name;
  entry.type = type_of(member(node, "dtype", where), where);
  entry.shape = sizes_of(member(node, "shape", where), "shape", where);
  const auto offsets = sizes_of(member(node, "data_offsets", where), "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    throw InputError("{}: data_offsets are {}, expected [begin, end]", where, shape_text(offsets));
  entry.begin = offsets[0];
  entry.end = offsets[1];
  const int64_t expected = byte_count(entry.shape, static_cast<int64_t>(at::elementSize(entry.type)), where);
  if (entry.end - entry.begin != expected)
    throw InputError("{}: shape {} of {} needs {} bytes, data_offsets span {}", where, shape_text(entry.shape),
                     node.find("dtype")->text(), expected, entry.end - entry.begin);
  return entry;
}

std::map<std::string, std::string> parse_metadata(const Node& node, const std::string& file) {
  if (!node.is_map()) throw InputError("{}: {} is no object", file, kMetadataKey);
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : node.entries()) {
    if (!value.is_scalar() || !value.quoted()) throw InputError("{}: {} \"{}\" is no text", file, kMetadataKey, key);
    metadata[key] = value.text();
  }
  return metadata;
}

// The data must be covered from its first to its last byte, once.
void check_layout(const Header& header, const ByteSource& source) {
  const int64_t size = source.size() - header.data_start;
  int64_t reached = 0;
  for (const Entry& entry : header.entries) {
    if (entry.begin != reached)
      throw InputError("{}: data_offsets begin at {}, {} the data before, which ends at {}",
                       where_of(source.name(), entry.name), entry.begin,
                       entry.begin < reached ? "overlapping" : "leaving a hole after", reached);
    reached = entry.end;
    if (reached > size)
      throw InputError("{}: data ends at byte {}, the file has {} bytes of data: truncated",
                       where_of(source.name(), entry.name), reached, size);
  }
  if (reached != size) throw InputError("{}: {} bytes of data, the header describes {}", source.name(), size, reached);
}

Header read_header(const ByteSource& source) {
  const std::string& file = source.name();
  if (source.size() < kLengthSize)
    throw InputError("{}: truncated safetensors file: {} bytes, too short for a header", file, source.size());
  uint64_t length = 0;
  source.read(0, &length, kLengthSize);
  const auto left = static_cast<uint64_t>(source.size() - kLengthSize);
  if (length > static_cast<uint64_t>(kLongestHeader))
    throw InputError("{}: no safetensors file: a header of {} bytes, at most {} are allowed", file, length,
                     kLongestHeader);
  if (length > left)
    throw InputError("{}: truncated safetensors file: a header of {} bytes, {} are left", file, length, left);
  const Node root = parse_json(source.read_text(kLengthSize, static_cast<int64_t>(length)), file + " (header)");
  if (!root.is_map()) throw InputError("{}: the header is no JSON object", file);
  Header header;
  header.data_start = kLengthSize + static_cast<int64_t>(length);
  for (const auto& [name, node] : root.entries()) {
    if (name == kMetadataKey) {
      header.metadata = parse_metadata(node, file);
    } else {
      header.entries.push_back(parse_entry(name, node, where_of(file, name)));
    }
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  check_layout(header, source);
  return header;
}

// A byte that is neither 0 nor 1 has no meaning as a bool.
void check_bools(const at::Tensor& values, const std::string& where) {
  const auto* first = static_cast<const uint8_t*>(values.data_ptr());
  const auto* last = first + values.numel();
  const auto* bad = std::find_if(first, last, [](uint8_t value) { return value > 1; });
  if (bad != last) throw InputError("{}: value {} of a BOOL tensor is {}, expected 0 or 1", where, bad - first, *bad);
}

Safetensors read_all(const ByteSource& source) {
  Header header = read_header(source);
  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (const Entry& entry : header.entries) {
    at::Tensor values = at::empty(entry.shape, entry.type);
    source.read(header.data_start + entry.begin, values.data_ptr(), entry.end - entry.begin);
    if (entry.type == at::kBool) check_bools(values, where_of(source.name(), entry.name));
    result.tensors.emplace(entry.name, std::move(values));
  }
  return result;
}

const char* type_name(at::ScalarType type, const std::string& where) {
  for (const TypeName& known : kTypes)
    if (known.type == type) return known.name;
  throw InputError("{}: safetensors has no dtype for {}", where, at::toString(type));
}

Node size_list(const std::vector<int64_t>& sizes) {
  Node list = Node::sequence_of({});
  for (const int64_t size : sizes) list.append(Node::scalar_of(std::to_string(size)));
  return list;
}

using NamedTensor = NamedTensors::value_type;

// Large items first, so that every tensor starts at a multiple of its item size; then by name.
std::vector<const NamedTensor*> writing_order(const NamedTensors& tensors, const std::string& file) {
  std::vector<const NamedTensor*> order;
  for (const auto& named : tensors) {
    if (named.first == kMetadataKey) throw InputError("{}: no tensor can be named \"{}\"", file, kMetadataKey);
    if (!named.second.defined()) throw InputError("{}: is not defined", where_of(file, named.first));
    order.push_back(&named);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return a->second.element_size() > b->second.element_size();
  });
  return order;
}

std::string header_text(const std::vector<const NamedTensor*>& order,
                        const std::map<std::string, std::string>& metadata, const std::string& file) {
  std::vector<std::pair<std::string, Node>> entries;
  if (!metadata.empty()) {
    Node texts = Node::map_of();
    for (const auto& [key, value] : metadata) texts.set(key, Node::scalar_of(value, true));
    entries.emplace_back(kMetadataKey, std::move(texts));
  }
  int64_t begin = 0;
  for (const NamedTensor* named : order) {
    const at::Tensor& values = named->second;
    const int64_t end = begin + values.numel() * static_cast<int64_t>(values.element_size());
    const char* dtype = type_name(values.scalar_type(), where_of(file, named->first));
    entries.emplace_back(named->first, Node::map_of({{"dtype", Node::scalar_of(dtype, true)},
                                                     {"shape", size_list(values.sizes().vec())},
                                                     {"data_offsets", size_list({begin, end})}}));
    begin = end;
  }
  std::string text = write_json(Node::map_of(std::move(entries)));
  text.append((kLengthSize - text.size() % kLengthSize) % kLengthSize, ' ');
  return text;
}

at::Tensor plain_data(const at::Tensor& values) {
  const at::Tensor strided = values.layout() == at::kStrided ? values.detach() : values.detach().to_dense();
  return strided.resolve_neg().cpu().contiguous();
}

}  // namespace

Safetensors read_safetensors(const std::filesystem::path& path) { return read_all(FileBytes(path)); }

Safetensors parse_safetensors(const std::string& bytes, const std::string& name) {
  return read_all(MemoryBytes(bytes, name));
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  return read_header(FileBytes(path)).metadata;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto order = writing_order(tensors, path.string());
  const std::string header = header_text(order, metadata, path.string());
  const uint64_t length = header.size();
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&length), kLengthSize);
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
    for (const NamedTensor* named : order) {
      const at::Tensor data = plain_data(named->second);
      out.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
    }
  });
}

}  // namespace polytask
