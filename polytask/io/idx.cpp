#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/bytes.h>
#include <polytask/io/gzip.h>
#include <polytask/io/idx.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

namespace polytask {
namespace {

constexpr char kUint8Code = 0x08;

std::optional<at::ScalarType> idx_type(char code) {
  switch (code) {
    case kUint8Code:
      return at::kByte;
    case 0x09:
      return at::kChar;
    case 0x0B:
      return at::kShort;
    case 0x0C:
      return at::kInt;
    case 0x0D:
      return at::kFloat;
    case 0x0E:
      return at::kDouble;
    default:
      return std::nullopt;
  }
}

struct IdxHeader {
  at::ScalarType type;
  std::vector<int64_t> shape;
  int64_t item_size;
  int64_t size;  // bytes before the data
};

IdxHeader read_header(const ByteSource& source) {
  const std::string& name = source.name();
  if (source.size() < 4) throw InputError("{}: truncated IDX file: {} bytes, no magic number", name, source.size());
  const std::string magic = source.read_text(0, 4);
  const auto type = idx_type(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || !type)
    throw InputError("{}: no IDX file: magic number {:08x}, expected 00 00, a type (08, 09, 0b … 0e), the dimensions",
                     name, load_big32(magic.data()));
  const auto dimensions = static_cast<unsigned char>(magic[3]);
  IdxHeader header{*type, {}, static_cast<int64_t>(at::elementSize(*type)), 4 + 4 * int64_t{dimensions}};
  if (source.size() < header.size)
    throw InputError("{}: truncated IDX file: ends inside the header of {} dimensions", name, dimensions);
  const std::string sizes = source.read_text(4, header.size - 4);
  for (size_t at = 0; at < sizes.size(); at += 4) header.shape.push_back(load_big32(sizes.data() + at));
  const int64_t expected = byte_count(header.shape, header.item_size, name);
  const int64_t given = source.size() - header.size;
  if (given != expected)
    throw InputError("{}: {} IDX file: shape {} needs {} bytes of data, the file has {}", name,
                     given < expected ? "truncated" : "overlong", shape_text(header.shape), expected, given);
  return header;
}

at::Tensor read_values(const ByteSource& source) {
  const IdxHeader header = read_header(source);
  at::Tensor values = at::empty(header.shape, header.type);
  source.read(header.size, values.data_ptr(), source.size() - header.size);
  swap_bytes(values.data_ptr(), values.numel(), header.item_size);
  return values;
}

// Single bytes need no conversion, so the tensor keeps the inflated text instead of a copy.
at::Tensor adopt_values(std::string bytes, const std::string& name) {
  const IdxHeader header = read_header(MemoryBytes(bytes, name));
  if (header.item_size > 1) return read_values(MemoryBytes(bytes, name));
  const auto owner = std::make_shared<std::string>(std::move(bytes));
  return at::from_blob(
      owner->data() + header.size, header.shape, [owner](void*) {}, header.type);
}

void append_big32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

at::Tensor parse_idx(const std::string& bytes, const std::string& name) {
  return read_values(MemoryBytes(bytes, name));
}

at::Tensor read_idx(const std::filesystem::path& path) {
  const FileBytes file(path);
  if (!is_gzip(file.read_text(0, std::min<int64_t>(2, file.size())))) return read_values(file);
  return adopt_values(read_maybe_gzip(path), path.string());
}

void write_idx(const std::filesystem::path& path, const at::Tensor& values) {
  if (!values.defined() || values.scalar_type() != at::kByte || values.dim() > 255)
    throw InputError("{}: an IDX file is written from a uint8 tensor of at most 255 dimensions", path.string());
  std::string header{0, 0, kUint8Code, static_cast<char>(values.dim())};
  for (const int64_t extent : values.sizes()) {
    if (extent > std::numeric_limits<uint32_t>::max())
      throw InputError("{}: an IDX file cannot hold a dimension of {}", path.string(), extent);
    append_big32(header, static_cast<uint32_t>(extent));
  }
  const at::Tensor data = values.cpu().contiguous();
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
    out.write(static_cast<const char*>(data.data_ptr()), data.numel());
  });
}

}  // namespace polytask
