#include "router/runtime/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>

#include "absl/strings/escaping.h"

namespace weir::runtime {
namespace {

// Lines that may wait for the stream: some seconds of a busy control thread, about 2 MB at worst.
constexpr size_t kQueuedLines = 4096;

spdlog::level::level_enum LevelOf(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || std::any_of(value.begin(), value.end(), [](unsigned char c) {
           return c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f;
         });
}

std::string Escaped(std::string_view text) { return absl::Utf8SafeCEscape({text.data(), text.size()}); }

std::string LineOf(std::string_view message, Log::Fields fields) {
  std::string line = Escaped(message);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    line.append(NeedsQuotes(field.value) ? "\"" + Escaped(field.value) + "\"" : field.value);
  }
  return line;
}

}  // namespace

std::optional<Severity> ParseSeverity(std::string_view name) {
  if (name == "debug") return Severity::kDebug;
  if (name == "info") return Severity::kInfo;
  if (name == "warning") return Severity::kWarning;
  if (name == "error") return Severity::kError;
  return std::nullopt;
}

Log::Log(Severity least, std::ostream& out)
    : least_(least), writer_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)) {
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out, /*force_flush=*/true);
  sink->set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc));
  logger_ = std::make_shared<spdlog::async_logger>("weir", std::move(sink), writer_,
                                                   spdlog::async_overflow_policy::overrun_oldest);
  logger_->set_level(spdlog::level::trace);  // Write has filtered already.
}

Log::~Log() = default;

void Log::Write(Severity severity, std::string_view message, Fields fields) const {
  if (!IsEnabled(severity)) return;
  logger_->log(LevelOf(severity), spdlog::string_view_t(LineOf(message, fields)));
}

void LimitedLog::Write(absl::Time now, Severity severity, std::string_view message, Log::Fields fields) {
  if (!log_.IsEnabled(severity)) return;
  if (refilled_ != absl::InfinitePast()) {
    tokens_ = std::min(burst_, tokens_ + per_second_ * std::max(0.0, absl::ToDoubleSeconds(now - refilled_)));
  }
  refilled_ = now;
  if (tokens_ < 1) {
    ++suppressed_;
    return;
  }
  tokens_ -= 1;
  if (suppressed_ > 0) log_.Write(severity, "similar lines were left out", {{"count", suppressed_}});
  suppressed_ = 0;
  log_.Write(severity, message, fields);
}

}  // namespace weir::runtime
