// Where a call goes: one pure function of the table, the call's head, the models' health and chance.
//
//  1. The first experiment of the table that matches the path; else the first plain route; else unrouted.
//  2. A variant forced by a listed peer; else the candidate of a preview, where one is in force and the call has its
//     header; else the user's own, by the assignment rule. The key is the first of the experiment's key sources that is
//     present and not empty: an empty one is what a client without a user sends, and would make one user of them all. A
//     call without a key is a user of its own, drawn by chance. A key header that occurs twice is refused, since the
//     two ends might read different ones of it; of a parameter both read the last. A number is its decimal text. Where
//     the experiment knows sequences, a call of one that is remembered goes where its first call went, whatever the
//     weights are now; it enters no inference where they would say otherwise. One that says that it begins its sequence
//     is placed by the rule. Without a key, its sequence is the user.
//  3. Health never moves a user: it only diverts a call whose variant cannot be reached to the default, or refuses it.
//     A forced or previewed call is never diverted: its sender wants this variant or none. The default has nowhere to
//     be diverted to.
//  4. Where the rule comes to a parameter of the body and nothing of the body is known yet, there is no decision: the
//     call waits. Whatever decides before it, such as a key header that is present, spares the call the wait.
//
// A path that is not "/service/method" matches only a passthrough route for every service and method.

#ifndef WEIR_ROUTER_ROUTING_DECIDE_H_
#define WEIR_ROUTER_ROUTING_DECIDE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "absl/random/bit_gen_ref.h"
#include "router/routing/route_table.h"
#include "stats/counts.h"

namespace weir::routing {

// What routing needs to see of a request's headers, without knowing HTTP/2.
class HeaderView {
 public:
  virtual ~HeaderView() = default;
  // The first value of that name; nullopt when absent.
  virtual std::optional<std::string_view> Find(std::string_view name) const = 0;
  // Whether the name occurs more than once.
  virtual bool IsRepeated(std::string_view name) const = 0;
};

// Which variants the sequences of before went to.
class SequenceView {
 public:
  virtual ~SequenceView() = default;
  // `sequence`: as SequenceNumber gives it. nullopt: it is not known, or not any more.
  virtual std::optional<uint16_t> Find(uint32_t run, uint64_t sequence) const = 0;
};

// An entry of ModelInferRequest.parameters that an experiment asks for. Only of kinds that can name a user or a
// sequence, or say yes.
struct Parameter {
  std::string_view name;
  std::variant<bool, int64_t, uint64_t, std::string_view> value;
  bool operator==(const Parameter&) const = default;
};

struct RequestHead {
  std::string_view path;  // "/package.Service/Method"
  const HeaderView* headers;
  const std::array<uint8_t, 16>* peer;      // The client's address, IPv4 as IPv4-mapped.
  const SequenceView* sequences = nullptr;  // Null: none is remembered.
  // Those that ExperimentRoute::parameters asks for and the body has. nullopt: nothing of the body is known yet.
  std::optional<std::span<const Parameter>> parameters{};
};

// Where one copy of the call goes too.
struct MirrorChoice {
  uint16_t mirror;  // Its place in ExperimentRoute::mirrors.
  ModelIndex model;
};

struct Decision {
  enum class Kind : uint8_t {
    kForward,
    kUnrouted,       // No experiment and no route matches: UNIMPLEMENTED.
    kNeedsBody,      // The rule asks for a parameter, and RequestHead has none yet: to be decided again once it has.
                     // `experiment` holds.
    kUnavailable,    // No healthy endpoint, and no default to divert to: UNAVAILABLE. `assigned` and `reason` hold.
    kRepeatedKey,    // The header of the key, the sequence or the preview occurs twice: refused with INTERNAL (a proxy
                     // may not say INVALID_ARGUMENT, gRFC A54).
    kUnknownForced,  // The force header of a listed peer names no variant, or occurs twice: refused the same way.
  };
  static constexpr uint16_t kNone = 0xffff;

  Kind kind = Kind::kUnrouted;
  ModelIndex model = 0;         // That serves.
  uint16_t experiment = kNone;  // Its place in the table.
  uint16_t route = kNone;       // The plain route's, outside any experiment.
  uint16_t assigned = 0;        // Variant.
  uint16_t by_rule = 0;         // Variant that the rule gives, where it is asked: `assigned` unless `is_moved`.
  uint16_t served = 0;          // Variant: `assigned` unless diverted.
  stats::Reason reason = stats::Reason::kNoExperiment;
  bool is_keyless = false;
  bool enters_inference = false;  // Assigned by the rule and served by whom it gave.
  bool wants_ticket = false;      // Only where it enters inference.
  bool begins_sequence = false;   // The call says so: what is remembered of an earlier one of that name is over.
  bool ends_sequence = false;     // The call says so: nothing is to be remembered after it.
  bool is_moved = false;          // The rule gives another variant than the sequence's.
  bool is_logged = false;         // Assigned by the rule, to a user of the log's sample.
  uint8_t user_bucket = 0;
  uint64_t user = 0;      // UserNumber of the key; drawn by chance without one.
  uint64_t sequence = 0;  // That the rule looked for; 0: of none.
  // Healthy or not: what cannot be sent is the mirror's to count as dropped.
  absl::InlinedVector<MirrorChoice, 2> mirrors;
};

// `healthy[m]`: model m has an endpoint to which a call may be sent now; one for each of the table's models. `rng`
// serves keyless users, mirror percentages and the ticket sample only. Allocates nothing, except for a third mirror.
Decision Decide(const RouteTable& table, const RequestHead& head, std::span<const bool> healthy, absl::BitGenRef rng);

// The experiment that Decide goes by; null: none matches.
const ExperimentRoute* FindExperiment(const RouteTable& table, std::string_view path);

}  // namespace weir::routing

#endif  // WEIR_ROUTER_ROUTING_DECIDE_H_
