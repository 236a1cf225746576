#include "router/cli/simulation/fault.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::cli {
namespace {

// "5%" or "0.05", in (0, 1); else NaN.
double ReadRate(std::string text) {
  double scale = 1;
  if (!text.empty() && text.back() == '%') text.pop_back(), scale = 100;
  double rate = 0;
  if (!absl::SimpleAtod(text, &rate)) return std::nan("");
  rate /= scale;
  return rate > 0 && rate < 1 ? rate : std::nan("");
}

// "2x" or "2", positive; else NaN.
double ReadFactor(std::string text) {
  if (!text.empty() && text.back() == 'x') text.pop_back();
  double factor = 0;
  return absl::SimpleAtod(text, &factor) && factor > 0 && factor <= 1000 ? factor : std::nan("");
}

}  // namespace

absl::StatusOr<Fault> ParseFault(const std::string& text) {
  const absl::Status refusal = absl::InvalidArgumentError(absl::StrCat(
      "--fault ", text,
      ": must be errors=RATE or latency=FACTORx, and @stageN where it begins later: ", "errors=5%@stage2, latency=2x"));
  const size_t at = text.find('@'), equals = text.find('=');
  if (equals == std::string::npos) return refusal;
  Fault fault;
  const std::string kind = text.substr(0, equals);
  const std::string size = text.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
  if (kind == "errors") {
    fault.size = ReadRate(size);
  } else if (kind == "latency") {
    fault.kind = Fault::Kind::kLatency;
    fault.size = ReadFactor(size);
  } else {
    return refusal;
  }
  if (std::isnan(fault.size)) return refusal;
  if (at == std::string::npos) return fault;
  const std::string stage = text.substr(at + 1);
  if (stage.rfind("stage", 0) != 0 || !absl::SimpleAtoi(stage.substr(5), &fault.stage) || fault.stage < 1) {
    return refusal;
  }
  return fault;
}

std::string ToString(const Fault& fault) {
  return fault.kind == Fault::Kind::kErrors ? absl::StrFormat("errors=%g%%@stage%d", 100 * fault.size, fault.stage)
                                            : absl::StrFormat("latency=%gx@stage%d", fault.size, fault.stage);
}

}  // namespace weir::cli
