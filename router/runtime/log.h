// What an operator reads afterwards: one line an event, as `key=value` pairs that a program can take apart again. The
// only door to spdlog.
//
//   2026-03-01T12:00:00.123Z info  rolled back experiment=income guardrail=errors log10_evidence=3.02
//
// A value with spaces, quotes, `=` or control characters is quoted and escaped, so that nothing from a peer or a file
// can forge a line or a pair.

#ifndef WEIR_ROUTER_RUNTIME_LOG_H_
#define WEIR_ROUTER_RUNTIME_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace weir::runtime {

enum class Severity { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning" or "error".
std::optional<Severity> ParseSeverity(std::string_view name);

// One pair. Text, and anything else that absl::StrCat takes, is a value.
struct LogField {
  template <typename T>
  LogField(std::string_view key, const T& value) : key(key), value(TextOf(value)) {}
  std::string_view key;
  std::string value;

 private:
  template <typename T>
  static std::string TextOf(const T& value) {
    if constexpr (std::is_constructible_v<std::string, const T&>) {
      return std::string(value);
    } else {
      return absl::StrCat(value);
    }
  }
};

// Writes lines of `least` severity and above. Any thread; never waits: lines go through a bounded queue to a thread of
// its own, and when the stream does not take them fast enough the oldest are lost.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  // `out` (std::cerr in production) is borrowed and outlives the log.
  Log(Severity least, std::ostream& out);
  // Writes what is queued.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void Debug(std::string_view message, Fields fields = {}) const { Write(Severity::kDebug, message, fields); }
  void Info(std::string_view message, Fields fields = {}) const { Write(Severity::kInfo, message, fields); }
  void Warning(std::string_view message, Fields fields = {}) const { Write(Severity::kWarning, message, fields); }
  void Error(std::string_view message, Fields fields = {}) const { Write(Severity::kError, message, fields); }
  void Write(Severity severity, std::string_view message, Fields fields) const;
  bool IsEnabled(Severity severity) const { return severity >= least_; }

 private:
  const Severity least_;
  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::logger> logger_;
};

// Lines about the faults of peers, of which an attacker can make any number: at most `burst` at once and `per_second`
// over time; the next line that passes says how many were left out. One thread; each worker has its own.
class LimitedLog {
 public:
  // `log` is borrowed.
  LimitedLog(const Log& log, double per_second = 1, double burst = 10)
      : log_(log), per_second_(per_second), burst_(burst), tokens_(burst) {}

  void Write(absl::Time now, Severity severity, std::string_view message, Log::Fields fields = {});
  int64_t suppressed() const { return suppressed_; }  // Since the last line that passed.

 private:
  const Log& log_;
  const double per_second_;
  const double burst_;
  double tokens_;
  absl::Time refilled_ = absl::InfinitePast();
  int64_t suppressed_ = 0;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_LOG_H_
