#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/progress.h>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace polytask {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    const auto mode = std::getenv("NO_COLOR") != nullptr ? spdlog::color_mode::never : spdlog::color_mode::automatic;
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode);
    sink->set_pattern("%^%l%$: %v");
    auto result = std::make_shared<spdlog::logger>("polytask", std::move(sink));
    result->set_level(spdlog::level::info);
    return result;
  }();
  return *instance;
}

}  // namespace

void log_message(LogLevel level, const std::string& message) {
  clear_progress_line();
  logger().log(spdlog_level(level), message);
}

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

void open_log_file(const std::filesystem::path& file) {
  close_log_file();
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    logger().sinks().push_back(std::move(sink));
    logger().flush_on(spdlog::level::info);
  } catch (const spdlog::spdlog_ex& e) {
    throw InputError("{}: cannot be opened for the log: {}", file.string(), e.what());
  }
}

void close_log_file() {
  auto& sinks = logger().sinks();
  if (sinks.size() > 1) sinks.resize(1);
}

}  // namespace polytask
