#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/bytes.h>
#include <polytask/io/gzip.h>
#include <polytask/io/idx.h>

#include <ATen/ops/empty.h>

#include <limits>
#include <optional>
#include <string_view>

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
  size_t size;  // bytes before the data
};

IdxHeader parse_header(std::string_view bytes, const std::string& name) {
  if (bytes.size() < 4) throw InputError("{}: truncated IDX file: {} bytes, no magic number", name, bytes.size());
  const auto type = idx_type(bytes[2]);
  if (bytes[0] != 0 || bytes[1] != 0 || !type)
    throw InputError("{}: no IDX file: magic number {:08x}, expected 00 00, a type (08, 09, 0b … 0e), the dimensions",
                     name, load_big32(bytes.data()));
  const auto dimensions = static_cast<unsigned char>(bytes[3]);
  IdxHeader header{*type, {}, 4 + 4 * size_t{dimensions}};
  if (bytes.size() < header.size)
    throw InputError("{}: truncated IDX file: ends inside the header of {} dimensions", name, dimensions);
  for (size_t at = 4; at < header.size; at += 4) header.shape.push_back(load_big32(bytes.data() + at));
  return header;
}

void append_big32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

at::Tensor parse_idx(const std::string& bytes, const std::string& name) {
  const IdxHeader header = parse_header(bytes, name);
  const auto item_size = static_cast<int64_t>(at::elementSize(header.type));
  const int64_t expected = byte_count(header.shape, item_size, name);
  const auto given = static_cast<int64_t>(bytes.size() - header.size);
  if (given != expected)
    throw InputError("{}: {} IDX file: shape {} needs {} bytes of data, the file has {}", name,
                     given < expected ? "truncated" : "overlong", shape_text(header.shape), expected, given);
  at::Tensor values = at::empty(header.shape, header.type);
  if (expected > 0) std::memcpy(values.data_ptr(), bytes.data() + header.size, static_cast<size_t>(expected));
  swap_bytes(values.data_ptr(), expected / item_size, item_size);
  return values;
}

at::Tensor read_idx(const std::filesystem::path& path) { return parse_idx(read_maybe_gzip(path), path.string()); }

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
