// The client of the examples.
//   client [replay]  sends the held-out rows as many unequal users, tells outcomes by ticket, prints what it saw
//   client faults    tells a model server how to misbehave; without a fault: to be well again
// Exit status: 0 done, 1 not possible (nobody answered), 2 the command line is wrong.

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "examples/faults.grpc.pb.h"
#include "examples/flags.h"
#include "examples/heldout.h"
#include "examples/replay.h"
#include "examples/summary.h"
#include "grpcpp/grpcpp.h"

namespace weir::examples {
namespace {

struct ReplayFlags {
  ReplayOptions options;
  std::string rows = "examples/models/heldout.csv";
  bool replay_once = false;
  bool json = false;
};

Flags FlagsOf(ReplayFlags& to) {
  Flags flags;
  LoadOptions& load = to.options.load;
  flags.Add("target", &to.options.target, "host:port of weir, or of a model server");
  flags.Add("model", &to.options.model, "the model's name in the requests");
  flags.Add("header", &to.options.header, "sent with each call, such as x-preview=green");
  flags.Add("rows", &to.rows, "the file of held-out rows");
  flags.Add("replay-once", &to.replay_once, "send each row exactly once, as fast as it goes");
  flags.Add("rate", &load.rate, "calls a second at random times; 0: as fast as it goes");
  flags.Add("duration", &load.duration, "for so long");
  flags.Add("requests", &load.requests, "so many calls");
  flags.Add("users", &load.users, "so many users");
  flags.Add("zipf", &load.zipf, "how unequal the users are; 0: equal");
  flags.Add("streaming", &load.streaming_share, "the share of calls by ModelStreamInfer");
  flags.Add("stream-length", &load.stream_length, "rows of a streaming call");
  flags.Add("late-share", &load.late_share, "the share of outcomes that are told late");
  flags.Add("late-by", &load.late_by, "how late");
  flags.Add("seed", &load.seed, "the same seed makes the same calls");
  flags.Add("connections", &to.options.connections, "HTTP/2 connections");
  flags.Add("in-flight", &to.options.max_in_flight, "at most so many calls at once");
  flags.Add("deadline", &to.options.deadline, "of each call");
  flags.Add("connect-timeout", &to.options.connect_timeout, "for the first connection");
  flags.Add("json", &to.json, "print the summary as JSON");
  return flags;
}

struct FaultFlags {
  std::string target;
  absl::Duration latency = absl::ZeroDuration();
  absl::Duration jitter = absl::ZeroDuration();
  example::FaultSettings settings;
  double fail_share = 0;
  std::string fail_code = "UNAVAILABLE";
  double worse_share = 0;
  bool not_ready = false;
  bool hang = false;
};

Flags FlagsOf(FaultFlags& to) {
  Flags flags;
  flags.Add("target", &to.target, "host:port of a model server");
  flags.Add("latency", &to.latency, "added to each inference");
  flags.Add("jitter", &to.jitter, "added on top, from nothing to so much");
  flags.Add("fail-share", &to.fail_share, "the share of calls that fail");
  flags.Add("fail-code", &to.fail_code, "the gRPC status that they fail with");
  flags.Add("worse-share", &to.worse_share, "the share of rows with a wrong label");
  flags.Add("not-ready", &to.not_ready, "say that the server is not ready");
  flags.Add("hang", &to.hang, "accept calls and never answer");
  return flags;
}

absl::StatusOr<std::vector<HeldOutRow>> ReadRows(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the held-out rows '", path, "' (--rows)"));
  std::stringstream content;
  content << file.rdbuf();
  absl::StatusOr<std::vector<HeldOutRow>> rows = ParseHeldOut(content.str());
  if (rows.ok()) return rows;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(rows.status().message())));
}

absl::Status RunReplay(ReplayFlags& flags) {
  if (flags.options.target.empty()) return absl::InvalidArgumentError("--target is needed");
  const absl::StatusOr<std::vector<HeldOutRow>> rows = ReadRows(flags.rows);
  if (!rows.ok()) return rows.status();
  if (flags.replay_once) {
    flags.options.load.rate = 0;
    flags.options.load.requests = rows->size();
    flags.options.load.stream_length = 1;
    flags.options.max_in_flight = std::min<int64_t>(flags.options.max_in_flight, 64);
  }
  const absl::StatusOr<example::Summary> summary = Replay(flags.options, *rows);
  if (!summary.ok()) return summary.status();
  std::cout << (flags.json ? AsJson(*summary) + "\n" : AsTable(*summary)) << std::flush;
  return absl::OkStatus();
}

absl::StatusOr<example::FaultSettings> SettingsOf(const FaultFlags& flags) {
  example::FaultSettings settings;
  const auto set = [](absl::Duration from, google::protobuf::Duration* to) {
    to->set_seconds(absl::ToInt64Seconds(from));
    to->set_nanos((from - absl::Seconds(absl::ToInt64Seconds(from))) / absl::Nanoseconds(1));
  };
  set(flags.latency, settings.mutable_latency());
  set(flags.jitter, settings.mutable_jitter());
  settings.set_fail_share(flags.fail_share);
  for (int code = 1; code <= 16; ++code) {
    if (CodeName(code) == flags.fail_code) settings.set_fail_code(code);
  }
  if (settings.fail_code() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--fail-code: expected a gRPC status such as UNAVAILABLE, got '", flags.fail_code, "'"));
  }
  settings.set_worse_share(flags.worse_share);
  settings.set_not_ready(flags.not_ready);
  settings.set_hang(flags.hang);
  return settings;
}

absl::Status RunFaults(const FaultFlags& flags) {
  if (flags.target.empty()) return absl::InvalidArgumentError("--target is needed");
  const absl::StatusOr<example::FaultSettings> settings = SettingsOf(flags);
  if (!settings.ok()) return settings.status();
  const auto stub = example::Faults::NewStub(grpc::CreateChannel(flags.target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  example::FaultSettings in_force;
  const grpc::Status status = stub->Set(&context, *settings, &in_force);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat(CodeName(status.error_code()), ": ", status.error_message()));
  }
  std::cout << "in force: " << in_force.ShortDebugString() << std::endl;
  return absl::OkStatus();
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::cerr << "client: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

int Main(std::vector<std::string> arguments) {
  std::string command = arguments.empty() ? "" : arguments.front();
  if (command.starts_with("--") && command != "--help") {
    command = "replay";
  } else if (!arguments.empty()) {
    arguments.erase(arguments.begin());
  }
  ReplayFlags replay;
  FaultFlags faults;
  const Flags replay_flags = FlagsOf(replay), fault_flags = FlagsOf(faults);
  if (command != "replay" && command != "faults") {
    std::cerr << "client [replay] --target HOST:PORT [flags]\n"
              << replay_flags.Usage() << "\nclient faults --target HOST:PORT [flags]\n"
              << fault_flags.Usage();
    return 2;
  }
  const absl::Status parsed = (command == "replay" ? replay_flags : fault_flags).Parse(arguments);
  if (!parsed.ok()) return Report(parsed);
  if (command == "faults") return Report(RunFaults(faults));

  // Blocked before gRPC makes threads: the replay looks for them itself, and ends in order.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Report(RunReplay(replay));
}

}  // namespace
}  // namespace weir::examples

int main(int argc, char** argv) { return weir::examples::Main({argv + 1, argv + argc}); }
