#include "router/dataplane/parameter_scan.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "proto/inference/open_inference.pb.h"

namespace weir::dataplane {
namespace {

using inference::InferParameter;
using inference::ModelInferRequest;
using routing::Parameter;
using State = ParameterScan::State;

constexpr size_t kBound = config::limits::kScannedBodyBytes;

const std::vector<std::string> kNames = {"sequence_end", "sequence_id", "sequence_start", "user_id"};

// With its prefix.
std::string Framed(std::string_view message, char flags = 0) {
  const auto size = static_cast<uint32_t>(message.size());
  std::string body = {flags, static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                      static_cast<char>(size)};
  return body.append(message);
}

std::string Framed(const ModelInferRequest& request) { return Framed(request.SerializeAsString()); }

// Of an entry and of a field in general, written by hand.
std::string Field(int number, std::string_view payload) {
  EXPECT_LT(payload.size(), 128u);
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(payload.size())}.append(payload);
}
std::string Entry(std::string_view name, std::string_view value) { return Field(4, Field(1, name) + Field(2, value)); }
std::string Text(std::string_view text) { return Field(3, text); }

ParameterScan Scan(std::string_view body, bool is_ended = false) { return ScanParameters(body, is_ended, kNames); }
// Of a body that could be read.
std::vector<Parameter> Found(std::string_view body) {
  const ParameterScan scan = Scan(body, /*is_ended=*/true);
  EXPECT_EQ(scan.state, State::kRead);
  return {scan.found.begin(), scan.found.end()};
}

ModelInferRequest SequenceRequest() {
  ModelInferRequest request;
  request.set_model_name("chat");
  (*request.mutable_parameters())["sequence_id"].set_int64_param(42);
  (*request.mutable_parameters())["sequence_start"].set_bool_param(true);
  (*request.mutable_parameters())["priority"].set_double_param(0.5);
  (*request.mutable_parameters())["user_id"].set_string_param("ann");
  auto* const input = request.add_inputs();
  input->set_name("x");
  (*input->mutable_parameters())["sequence_end"].set_bool_param(true);  // Of the tensor, not of the request.
  request.add_raw_input_contents(std::string(64, '\x22'));
  return request;
}

TEST(ParameterScanTest, FindsWhatIsAskedForAmongTheRequestsParametersAlone) {
  const std::string body = Framed(SequenceRequest());
  EXPECT_EQ(Found(body),
            (std::vector<Parameter>{
                {"sequence_id", int64_t{42}}, {"sequence_start", true}, {"user_id", std::string_view("ann")}}));
}

TEST(ParameterScanTest, EveryKindOfNumberTextAndYesIsReadAndADoubleIsNone) {
  ModelInferRequest request;
  InferParameter& parameter = (*request.mutable_parameters())["user_id"];
  const auto value = [&] { return Found(Framed(request)).at(0).value; };
  parameter.set_int64_param(-1);
  EXPECT_EQ(std::get<int64_t>(value()), -1);
  parameter.set_uint64_param(UINT64_MAX);
  EXPECT_EQ(std::get<uint64_t>(value()), UINT64_MAX);
  parameter.set_bool_param(false);
  EXPECT_EQ(std::get<bool>(value()), false);
  parameter.set_string_param("");
  EXPECT_EQ(Found(Framed(request)).at(0), (Parameter{"user_id", std::string_view()}));
  parameter.set_double_param(1);
  EXPECT_TRUE(Found(Framed(request)).empty());
  parameter.Clear();
  EXPECT_TRUE(Found(Framed(request)).empty());
}

TEST(ParameterScanTest, OfTwoEntriesWithOneNameTheLastHoldsEvenIfItSaysNothing) {
  const std::string twice = Entry("user_id", Text("first")) + Field(1, "model") + Entry("user_id", Text("last"));
  EXPECT_EQ(Found(Framed(twice)), (std::vector<Parameter>{{"user_id", std::string_view("last")}}));
  EXPECT_TRUE(Found(Framed(twice + Entry("user_id", ""))).empty());
}

TEST(ParameterScanTest, OnlyTheFirstMessageCounts) {
  EXPECT_EQ(Found(Framed(Entry("user_id", Text("first"))) + Framed(Entry("user_id", Text("second")))),
            (std::vector<Parameter>{{"user_id", std::string_view("first")}}));
  EXPECT_TRUE(Found(Framed("") + Framed(Entry("user_id", Text("second")))).empty());
}

TEST(ParameterScanTest, ABodyIsReadAsSoonAsWhatIsToComeCannotChangeTheAnswer) {
  const std::string body = Framed(SequenceRequest());
  const ParameterScan whole = Scan(body);
  const size_t tensor = body.find(std::string(64, '\x22'));  // The last field, which is stepped over.
  for (size_t size = 0; size <= body.size(); ++size) {
    const ParameterScan part = Scan(std::string_view(body).substr(0, size));
    if (size < tensor) {
      EXPECT_EQ(part.state, State::kNeedsMore) << size;
      EXPECT_GT(part.needed_bytes, size);
      EXPECT_LE(part.needed_bytes, tensor);
    } else {
      EXPECT_EQ(part.state, State::kRead) << size;
      EXPECT_EQ(part.found, whole.found);
    }
  }
}

TEST(ParameterScanTest, NothingIsWaitedForThatLiesBeyondTheBound) {
  ModelInferRequest request = SequenceRequest();
  request.set_raw_input_contents(0, std::string(1'000'000, 'x'));
  const std::string body = Framed(request);
  const size_t head = body.find(std::string(100, 'x'));
  ASSERT_LT(head, 200u);
  EXPECT_EQ(Scan(std::string_view(body).substr(0, head - 1)).state, State::kNeedsMore);
  EXPECT_EQ(Scan(std::string_view(body).substr(0, head)).state, State::kRead);
  EXPECT_EQ(Scan(std::string_view(body).substr(0, head)).found.size(), 3u);
}

TEST(ParameterScanTest, ATensorInFrontOfTheParametersIsSteppedOver) {
  const std::string entry = Entry("user_id", Text("ann"));
  ModelInferRequest tensor;
  tensor.add_raw_input_contents(std::string(10'000, 'x'));
  const std::string body = Framed(tensor.SerializeAsString() + entry);
  EXPECT_EQ(Scan(std::string_view(body).substr(0, 100)).needed_bytes, body.size() - entry.size() + 1);
  EXPECT_EQ(Found(body).size(), 1u);
}

TEST(ParameterScanTest, ParametersBeyondTheBoundAreNone) {
  const auto body = [](size_t padding) {
    ModelInferRequest tensor;
    tensor.add_raw_input_contents(std::string(padding, 'x'));
    return Framed(tensor.SerializeAsString() + Entry("user_id", Text("ann")));
  };
  const size_t overhead = body(10'000).size() - 10'000;
  EXPECT_EQ(Found(body(kBound - overhead)).size(), 1u);
  EXPECT_EQ(Scan(body(kBound - overhead + 1)).state, State::kUnreadable);
  EXPECT_TRUE(Found(body(kBound)).empty());
  ModelInferRequest large;
  (*large.mutable_parameters())["user_id"].set_string_param(std::string(kBound, 'u'));
  EXPECT_EQ(Scan(std::string_view(Framed(large)).substr(0, 50)).state, State::kUnreadable);
}

TEST(ParameterScanTest, ABodyThatEndsWithinWhatIsReadIsUnreadableAndOneWithoutAnyMessageHasNoParameter) {
  const std::string body = Framed(Entry("user_id", Text("ann")));
  EXPECT_TRUE(Found("").empty());
  EXPECT_EQ(Scan("").state, State::kNeedsMore);
  for (size_t size = 1; size < body.size(); ++size) {
    EXPECT_EQ(Scan(std::string_view(body).substr(0, size), /*is_ended=*/true).state, State::kUnreadable) << size;
  }
}

TEST(ParameterScanTest, WhatIsCompressedIsNotReadAndNotWaitedFor) {
  EXPECT_EQ(Scan(std::string_view("\1", 1)).state, State::kUnreadable);
  EXPECT_EQ(Scan(Framed(SequenceRequest().SerializeAsString(), 1)).state, State::kUnreadable);
}

TEST(ParameterScanTest, WhatIsNoProtobufIsUnreadableWhateverWasFoundBefore) {
  const std::string found = Entry("user_id", Text("ann"));
  for (const std::string& wrong : {
           std::string("{\"parameters\": {}}"),  // No such type.
           std::string("\0\1", 2),               // Field 0.
           std::string(11, '\xff'),              // An endless number.
           std::string("\x0b\x0c"),              // A group.
           std::string("\x0a\x7f"
                       "abc"),  // Longer than its message.
           Field(4, std::string("\x0a\x7f"
                                "abc")),    // An entry's key longer than the entry.
           Field(4, Field(2, "\x1a\x7f")),  // A text longer than its value.
           std::string("\x0a"),             // Ends within a field's head.
       }) {
    EXPECT_EQ(Scan(Framed(found + wrong)).state, State::kUnreadable) << wrong;
    EXPECT_TRUE(Scan(Framed(found + wrong)).found.empty());
  }
}

TEST(ParameterScanTest, FieldsThatNobodyKnowsAndKnownOnesOfAnotherTypeAreSkipped) {
  const std::string unknown = std::string("\x78\x96\x01") +
                              std::string(
                                  "\x7d"
                                  "1234") +
                              std::string(
                                  "\x79"
                                  "12345678") +
                              Field(15, "text") + std::string("\x20\x05");  // The last: field 4 as a number.
  EXPECT_EQ(Found(Framed(unknown +
                         Field(4, std::string("\x08\x01", 2) + Field(1, "user_id") +
                                      Field(2, Text("ann") + std::string("\x78\x01"))) +
                         unknown)),
            (std::vector<Parameter>{{"user_id", std::string_view("ann")}}));
}

TEST(ParameterScanTest, ARequestOfFieldsWithoutEndIsGivenUp) {
  std::string fields;
  for (size_t i = 0; i < config::limits::kScannedFields; ++i) fields += Field(1, "");
  EXPECT_EQ(Scan(Framed(fields)).state, State::kRead);
  EXPECT_EQ(Scan(Framed(fields + Field(1, ""))).state, State::kUnreadable);
  std::string inner;
  for (int i = 0; i < 60; ++i) inner += std::string("\x78\x01");
  std::string entries;
  for (size_t i = 0; i < config::limits::kScannedFields / 60; ++i) entries += Field(4, inner);
  EXPECT_EQ(Scan(Framed(entries)).state, State::kRead);
  EXPECT_EQ(Scan(Framed(entries + Field(4, inner))).state, State::kUnreadable);
}

// --- Against protobuf.

class RandomRequests {
 public:
  explicit RandomRequests(uint32_t seed) : rng_(seed) {}

  ModelInferRequest Next() {
    ModelInferRequest request;
    if (rng_() % 2) request.set_model_name(Letters());
    if (rng_() % 2) request.set_id(Letters());
    for (uint32_t i = rng_() % 6; i > 0; --i) {
      (*request.mutable_parameters())[rng_() % 3 ? kNames[rng_() % kNames.size()] : Letters()] = Value();
    }
    for (uint32_t i = rng_() % 3; i > 0; --i) {
      auto* const input = request.add_inputs();
      input->set_name(Letters());
      input->add_shape(rng_() % 1000);
      (*input->mutable_parameters())[kNames[rng_() % kNames.size()]] = Value();
      request.add_raw_input_contents(std::string(rng_() % 300, 'x'));
    }
    return request;
  }
  // Every way to put two requests in one message is a merge, as protobuf has it.
  std::string Merged() { return Next().SerializeAsString() + (rng_() % 2 ? Next().SerializeAsString() : ""); }
  size_t Below(size_t n) { return rng_() % n; }

 private:
  std::string Letters() { return std::string(rng_() % 20, static_cast<char>('a' + rng_() % 26)); }
  InferParameter Value() {
    InferParameter value;
    switch (rng_() % 6) {
      case 0:
        value.set_bool_param(rng_() % 2);
        break;
      case 1:
        value.set_int64_param(static_cast<int64_t>(uint64_t{rng_()} << (rng_() % 33)) * (rng_() % 2 ? 1 : -1));
        break;
      case 2:
        value.set_string_param(Letters());
        break;
      case 3:
        value.set_double_param(0.5);
        break;
      case 4:
        value.set_uint64_param(uint64_t{rng_()} << 32 | rng_());
        break;
    }
    return value;
  }

  std::mt19937 rng_;
};

std::map<std::string, std::string> InWords(const ParameterScan& scan) {
  std::map<std::string, std::string> words;
  for (const Parameter& parameter : scan.found) {
    InferParameter value;
    if (const auto* b = std::get_if<bool>(&parameter.value)) value.set_bool_param(*b);
    if (const auto* i = std::get_if<int64_t>(&parameter.value)) value.set_int64_param(*i);
    if (const auto* u = std::get_if<uint64_t>(&parameter.value)) value.set_uint64_param(*u);
    if (const auto* s = std::get_if<std::string_view>(&parameter.value)) value.set_string_param(std::string(*s));
    words[std::string(parameter.name)] = value.ShortDebugString();
  }
  return words;
}

std::map<std::string, std::string> InWords(const ModelInferRequest& request) {
  std::map<std::string, std::string> words;
  for (const std::string& name : kNames) {
    const auto found = request.parameters().find(name);
    if (found == request.parameters().end() || found->second.has_double_param()) continue;
    if (found->second.parameter_choice_case() == InferParameter::PARAMETER_CHOICE_NOT_SET) continue;
    words[name] = found->second.ShortDebugString();
  }
  return words;
}

TEST(ParameterScanTest, ReadsWhatProtobufReadsHoweverTheBodyIsCut) {
  const char* const given = std::getenv("WEIR_TEST_SEED");
  const uint32_t seed = given != nullptr ? std::strtoul(given, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(testing::Message() << "WEIR_TEST_SEED=" << seed);
  RandomRequests random(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::string message = random.Merged();
    ModelInferRequest request;
    ASSERT_TRUE(request.ParseFromString(message));
    const std::string body = Framed(message) + (i % 2 ? Framed(random.Merged()) : "");
    const ParameterScan whole = Scan(body, /*is_ended=*/true);
    ASSERT_EQ(whole.state, State::kRead);
    ASSERT_EQ(InWords(whole), InWords(request));
    // In pieces, and only as often as the scan asks for.
    for (size_t size = random.Below(20), needed = 0;; size += 1 + random.Below(40)) {
      size = std::min(size, body.size());
      const ParameterScan part = Scan(std::string_view(body).substr(0, size));
      ASSERT_TRUE(size >= needed || part.state == State::kNeedsMore);
      if (part.state == State::kNeedsMore) {
        ASSERT_LT(size, body.size());
        needed = part.needed_bytes;
        continue;
      }
      ASSERT_EQ(part.state, State::kRead);
      ASSERT_EQ(part.found, whole.found);
      break;
    }
  }
}

}  // namespace
}  // namespace weir::dataplane
