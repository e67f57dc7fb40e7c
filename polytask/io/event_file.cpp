#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/event_file.h>
#include <polytask/io/file_descriptor.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace polytask {
namespace {

constexpr size_t kFlushSize = 1 << 16;

// Field numbers of TensorFlow's event.proto, summary.proto and tensor.proto.
enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5 };
enum SummaryField { kValue = 1 };
enum ValueField { kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9 };
enum MetadataField { kPluginData = 1, kDataClass = 4 };
enum PluginField { kPluginName = 1 };
enum TensorField { kType = 1, kShape = 2, kStringValue = 8 };
enum ShapeField { kDimension = 2 };
enum DimensionField { kSize = 1 };
constexpr uint64_t kStringType = 7;       // DT_STRING
constexpr uint64_t kTensorDataClass = 2;  // DATA_CLASS_TENSOR

// A protocol buffer message under construction.
class Message {
 public:
  Message& integer(int field, uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& fixed64(int field, double value) {
    key(field, 1);
    return raw(value);
  }
  Message& fixed32(int field, float value) {
    key(field, 5);
    return raw(value);
  }
  Message& bytes(int field, const std::string& value) {
    key(field, 2);
    varint(value.size());
    text_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.text_); }
  const std::string& text() const { return text_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field << 3 | wire_type)); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  template <class T>
  Message& raw(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }

  std::string text_;
};

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

Message value_event(const Message& value, int64_t step) {
  return Message()
      .fixed64(kWallTime, wall_time())
      .integer(kStep, static_cast<uint64_t>(step))
      .message(kSummary, Message().message(kValue, value));
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

constexpr std::array<uint32_t, 256> crc_table() {
  constexpr uint32_t kReversedPolynomial = 0x82f63b78;
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? kReversedPolynomial : 0);
  }
  return table;
}

}  // namespace

struct EventFile::State {
  std::filesystem::path path;
  FileDescriptor file;
  std::string pending;  // whole records only

  void add(const Message& event) {
    const uint64_t length = event.text().size();
    append(pending, length);
    append(pending, masked_crc32c(&length, sizeof(length)));
    pending += event.text();
    append(pending, masked_crc32c(event.text().data(), event.text().size()));
    if (pending.size() >= kFlushSize) flush();
  }
  void flush() {
    const int error = write_all(file.number(), pending.data(), pending.size());
    pending.clear();
    if (error != 0) throw InputError("{}: cannot be written: {}", path.string(), system_reason(error));
  }
};

EventFile::EventFile(const std::filesystem::path& directory) {
  make_directory(directory);
  const std::string name = fmt::format("events.out.tfevents.{}.{}", static_cast<int64_t>(wall_time()), host_name());
  std::filesystem::path path = directory / name;
  int file = -1;
  for (int i = 1; (file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666)) < 0; ++i) {
    if (errno != EEXIST) throw InputError("{}: cannot be written: {}", path.string(), system_reason(errno));
    path = directory / fmt::format("{}.{}", name, i);
  }
  state_ = std::make_unique<State>(State{path, FileDescriptor(file), ""});
  state_->add(Message().fixed64(kWallTime, wall_time()).bytes(kFileVersion, "brain.Event:2"));
  state_->flush();
}

EventFile::~EventFile() {
  try {
    flush();
  } catch (const Error&) {  // whoever must know calls flush
  }
}

void EventFile::add_scalar(const std::string& tag, double value, int64_t step) {
  state_->add(value_event(Message().bytes(kTag, tag).fixed32(kSimpleValue, static_cast<float>(value)), step));
}

void EventFile::add_text(const std::string& tag, const std::string& text, int64_t step) {
  const Message shape = Message().message(kDimension, Message().integer(kSize, 1));
  const Message tensor = Message().integer(kType, kStringType).message(kShape, shape).bytes(kStringValue, text);
  const Message metadata =
      Message().message(kPluginData, Message().bytes(kPluginName, "text")).integer(kDataClass, kTensorDataClass);
  state_->add(value_event(Message().bytes(kTag, tag).message(kTensor, tensor).message(kMetadata, metadata), step));
}

void EventFile::flush() { state_->flush(); }

uint32_t crc32c(const void* data, size_t size) {
  static constexpr auto kTable = crc_table();
  uint32_t crc = 0xffffffff;
  const auto* at = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) crc = kTable[(crc ^ at[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

uint32_t masked_crc32c(const void* data, size_t size) {
  const uint32_t crc = crc32c(data, size);
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

}  // namespace polytask
