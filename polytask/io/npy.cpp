#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/bytes.h>
#include <polytask/io/npy.h>
#include <polytask/io/npy_header.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace polytask {
namespace {

struct NpyType {
  char kind = 0;     // numpy's letter
  int64_t size = 0;  // bytes of an item
  bool big_endian = false;
};

// How an item of a file lies in a tensor; unsigned ones that libtorch lacks are read as signed and then widened.
struct Storage {
  const char* name;
  at::ScalarType stored;
  at::ScalarType wanted;
  int64_t mask = 0;
};
constexpr Storage kStorages[] = {
    {"b1", at::kByte, at::kBool},
    {"u1", at::kByte, at::kByte},
    {"i1", at::kChar, at::kChar},
    {"i2", at::kShort, at::kShort},
    {"i4", at::kInt, at::kInt},
    {"i8", at::kLong, at::kLong},
    {"f2", at::kHalf, at::kHalf},
    {"f4", at::kFloat, at::kFloat},
    {"f8", at::kDouble, at::kDouble},
    {"u2", at::kShort, at::kInt, 0xffff},
    {"u4", at::kInt, at::kLong, 0xffffffff},
};
constexpr const char* kKnownTypes = "bool, (u)int8, (u)int16, (u)int32, int64, float16/32/64 and texts";

NpyType parse_type(const std::string& text, const std::string& name) {
  NpyType type;
  size_t at = 0;
  if (!text.empty() && (text[0] == '<' || text[0] == '>' || text[0] == '|' || text[0] == '='))
    type.big_endian = text[at++] == '>';
  if (at < text.size()) type.kind = text[at++];
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), type.size);
  if (type.kind == 'O')
    throw InputError("{}: npy type \"{}\" is pickled objects; known are {}", name, text, kKnownTypes);
  if (error != std::errc() || end != text.data() + text.size() || type.size < 1)
    throw InputError("{}: unknown npy type \"{}\"; known are {}", name, text, kKnownTypes);
  return type;
}

const Storage& storage_of(const NpyType& type, const std::string& text, const std::string& name) {
  for (const Storage& storage : kStorages)
    if (storage.name[0] == type.kind && storage.name[1] - '0' == type.size) return storage;
  throw InputError("{}: unknown npy type \"{}\"; known are {}", name, text, kKnownTypes);
}

// Bytes of data, which the file must hold exactly.
int64_t checked_bytes(const ByteSource& source, const NpyHeader& header, int64_t item_size) {
  const int64_t expected = byte_count(header.shape, item_size, source.name());
  const int64_t given = source.size() - header.data_offset;
  if (given != expected)
    throw InputError("{}: {} npy file: shape {} of type \"{}\" needs {} bytes of data, the file has {}", source.name(),
                     given < expected ? "truncated" : "overlong (trailing bytes)", shape_text(header.shape),
                     header.type, expected, given);
  return expected;
}

at::Tensor as_bool(const at::Tensor& bytes, const std::string& name) {
  const auto* first = bytes.data_ptr<uint8_t>();
  const auto* last = first + bytes.numel();
  const auto* bad = std::find_if(first, last, [](uint8_t value) { return value > 1; });
  if (bad != last) throw InputError("{}: value {} of a bool array is {}, expected 0 or 1", name, bad - first, *bad);
  return bytes.to(at::kBool);
}

at::Tensor read_numbers(const ByteSource& source, const NpyHeader& header, const NpyType& type) {
  const Storage& storage = storage_of(type, header.type, source.name());
  const int64_t bytes = checked_bytes(source, header, type.size);
  std::vector<int64_t> shape = header.shape;
  if (header.fortran_order) std::reverse(shape.begin(), shape.end());
  at::Tensor values = at::empty(shape, storage.stored);
  source.read(header.data_offset, values.data_ptr(), bytes);
  if (type.big_endian) swap_bytes(values.data_ptr(), bytes / type.size, type.size);
  if (storage.wanted == at::kBool) values = as_bool(values, source.name());
  if (storage.mask != 0) values = values.to(storage.wanted).bitwise_and(storage.mask);
  if (!header.fortran_order) return values;
  std::vector<int64_t> order(shape.size());
  std::iota(order.rbegin(), order.rend(), 0);
  return values.permute(order).contiguous();
}

void append_utf8(std::string& out, uint32_t code, const std::string& name, int64_t item) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    throw InputError("{}: text {} holds U+{:04X}, which is no character", name, item, code);
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[more] | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3f));
}

std::string text_of(const char* item, const NpyType& type, const std::string& name, int64_t index) {
  if (type.kind == 'S') {
    const std::string all(item, static_cast<size_t>(type.size));
    return all.substr(0, all.find_last_not_of('\0') + 1);
  }
  int64_t length = type.size;
  while (length > 0 && load_little<uint32_t>(item + 4 * (length - 1)) == 0) --length;
  std::string text;
  for (int64_t i = 0; i < length; ++i) {
    const char* at = item + 4 * i;
    append_utf8(text, type.big_endian ? load_big32(at) : load_little<uint32_t>(at), name, index);
  }
  return text;
}

// Where the items of a Fortran-ordered array stand in row-major order.
std::vector<std::string> to_row_major(std::vector<std::string> texts, const std::vector<int64_t>& shape) {
  std::vector<std::string> result(texts.size());
  std::vector<int64_t> index(shape.size());
  for (auto& text : texts) {
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + index[d];
    result[static_cast<size_t>(at)] = std::move(text);
    for (size_t d = 0; d < shape.size() && ++index[d] == shape[d]; ++d) index[d] = 0;
  }
  return result;
}

std::vector<std::string> read_texts(const ByteSource& source, const NpyHeader& header, const NpyType& type) {
  int64_t item_size = 0;
  if (__builtin_mul_overflow(type.size, type.kind == 'U' ? int64_t{4} : int64_t{1}, &item_size))
    throw InputError("{}: npy type \"{}\" is larger than any memory", source.name(), header.type);
  const int64_t bytes = checked_bytes(source, header, item_size);
  const std::string data = source.read_text(header.data_offset, bytes);
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(bytes / item_size));
  for (int64_t at = 0; at < bytes; at += item_size)
    texts.push_back(text_of(data.data() + at, type, source.name(), at / item_size));
  return header.fortran_order ? to_row_major(std::move(texts), header.shape) : texts;
}

NpyArray read_array(const ByteSource& source) {
  const NpyHeader header = read_npy_header(source);
  const NpyType type = parse_type(header.type, source.name());
  NpyArray array;
  array.shape = header.shape;
  if (type.kind == 'U' || type.kind == 'S') {
    array.texts = read_texts(source, header, type);
  } else {
    array.values = read_numbers(source, header, type);
  }
  return array;
}

std::string type_text(at::ScalarType type, const std::string& name) {
  for (const Storage& storage : kStorages)
    if (storage.wanted == type && storage.mask == 0)
      return (storage.name[1] == '1' ? "|" : "<") + std::string(storage.name);
  throw InputError("{}: numpy has no type for tensors of {}", name, at::toString(type));
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) { return read_array(FileBytes(path)); }

NpyArray parse_npy(const std::string& bytes, const std::string& name) { return read_array(MemoryBytes(bytes, name)); }

void write_npy(const std::filesystem::path& path, const at::Tensor& values) {
  if (!values.defined()) throw InputError("{}: no tensor to write", path.string());
  const std::string type = type_text(values.scalar_type(), path.string());
  const at::Tensor data = values.detach().cpu().contiguous();
  const std::string header = npy_header_text(type, data.sizes().vec());
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
    out.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
  });
}

}  // namespace polytask
