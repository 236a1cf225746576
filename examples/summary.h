// What calls and outcome reports came to, by the variant that answered. One thread.

#ifndef WEIR_EXAMPLES_SUMMARY_H_
#define WEIR_EXAMPLES_SUMMARY_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "examples/summary.pb.h"

namespace weir::examples {

// One call as the client saw it.
struct CallResult {
  std::string variant = {};  // Empty where the answer named none.
  std::string reason = {};   // Likewise.
  std::string version = {};  // Of the model that answered.
  bool streaming = false;
  int code = 0;            // gRPC status code.
  int rows = 0;            // Answered.
  int right = 0;           // Of them.
  std::string error = {};  // gRPC's message, or the model's in a stream.
  absl::Duration latency = {};
};

struct Interval {
  double lower = 0;
  double upper = 1;
};

// Wilson's score interval for a share, 95 %. E. B. Wilson, JASA 22 (1927).
Interval WilsonInterval(int successes, int trials);

// The smallest of `sorted` that at least the share `quantile` of them does not exceed; zero where there are none.
absl::Duration QuantileOf(const std::vector<absl::Duration>& sorted, double quantile);

std::string CodeName(int grpc_code);  // "UNAVAILABLE"; "CODE_99" where there is no such code.

class SummaryBuilder {
 public:
  void AddCall(const CallResult& call);
  void AddSkipped() { ++skipped_; }
  void AddOutcome(int code, bool was_late);
  example::Summary Build(absl::Duration elapsed) const;

 private:
  struct Variant {
    example::VariantSummary counts;
    std::vector<absl::Duration> latencies;  // Eight bytes a call: bounded by the calls that were asked for.
  };
  std::map<std::string, Variant> variants_;
  example::OutcomeSummary outcomes_;
  int skipped_ = 0;
};

std::string AsTable(const example::Summary& summary);
std::string AsJson(const example::Summary& summary);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_SUMMARY_H_
