// What a peer must not do (RFC 9113), by raw frames: each rule with the error that it costs, and whom.

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/http2/session.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

using Lines = std::vector<std::string>;

constexpr uint8_t kEndHeaders = flags::kEndHeaders;
constexpr uint8_t kEndStream = flags::kEndStream;

// The error codes of the GOAWAY and RST_STREAM frames in `bytes`: "connection 1", "stream 5: 1".
Lines Errors(const std::string& bytes) {
  Lines errors;
  for (size_t at = 0; at + kFrameHeadBytes <= bytes.size();) {
    const auto* frame = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
    const FrameHead head = ReadFrameHead(frame);
    const uint8_t* payload = frame + kFrameHeadBytes;
    if (head.type == FrameType::kGoAway) errors.push_back("connection " + std::to_string(ReadUint32(payload + 4)));
    if (head.type == FrameType::kRstStream) {
      errors.push_back("stream " + std::to_string(head.stream) + ": " + std::to_string(ReadUint32(payload)));
    }
    at += kFrameHeadBytes + head.length;
  }
  return errors;
}

struct Case {
  const char* rule;
  std::string frames;
  std::string error;  // Empty: none.
};

std::string Data(StreamId id, std::string_view bytes, uint8_t flags = 0) {
  return Frame(FrameType::kData, flags, id, bytes);
}
std::string Open(StreamId id = 1) { return HeadersFrame(id, Request(), false); }
std::string OpenEnded(StreamId id = 1) { return HeadersFrame(id, Request(), true); }
std::string With(std::string_view name, std::string_view value, StreamId id = 1) {
  HeaderList request = Request();
  request.Add(name, value);
  return HeadersFrame(id, request, true);
}
std::string Only(const std::vector<std::string_view>& fields) { return HeadersFrame(1, Fields(fields), true); }
std::string Reset(StreamId id) { return Frame(FrameType::kRstStream, 0, id, Number(8)); }
std::string Settings(SettingId id, uint32_t value) { return Frame(FrameType::kSettings, 0, 0, Setting(id, value)); }
std::string Priority(StreamId id, StreamId parent) {
  return Frame(FrameType::kPriority, 0, id, Number(parent) + std::string(1, '\x10'));
}

const std::string kConnection1 = "connection 1", kConnection3 = "connection 3", kConnection5 = "connection 5",
                  kConnection6 = "connection 6", kConnection9 = "connection 9";

std::vector<Case> ServerCases() {
  const std::string block = EncodedBlock(Request());
  return {
      // Framing.
      {"a frame over the maximal size", Open() + Data(1, std::string(16'385, 'x')), kConnection6},
      {"HEADERS over the maximal size", Frame(FrameType::kHeaders, kEndHeaders, 1, std::string(16'385, 'x')),
       kConnection6},
      {"an unknown type is ignored", Frame(static_cast<FrameType>(0x77), 0xff, 9, "whatever"), ""},
      {"unknown flags are ignored", Frame(FrameType::kPing, 0xf6, 0, "12345678"), ""},
      // DATA.
      {"DATA on stream 0", Data(0, "x"), kConnection1},
      {"DATA on an idle stream", Data(1, "x"), kConnection1},
      {"DATA on an even stream", Data(2, "x"), kConnection1},
      {"DATA after END_STREAM", OpenEnded() + Data(1, "x"), "stream 1: 5"},
      {"DATA after RST_STREAM", Open() + Reset(1) + Data(1, "x"), "stream 1: 5"},
      {"padding as long as the payload", Open() + Data(1, std::string("\x05", 1) + "abcd", flags::kPadded),
       kConnection1},
      {"padded DATA without a length", Open() + Data(1, "", flags::kPadded), kConnection1},
      {"DATA that is all padding", Open() + Data(1, std::string("\x03", 1) + "abc", flags::kPadded), ""},
      // HEADERS.
      {"HEADERS on stream 0", Frame(FrameType::kHeaders, kEndHeaders, 0, block), kConnection1},
      {"HEADERS on an even stream", OpenEnded(2), kConnection1},
      {"HEADERS on a number that was skipped", OpenEnded(5) + OpenEnded(3), kConnection1},
      {"HEADERS after END_STREAM", OpenEnded() + OpenEnded(), "stream 1: 5"},
      {"HEADERS after RST_STREAM", Open() + Reset(1) + OpenEnded(1), "stream 1: 5"},
      {"a second HEADERS without END_STREAM", Open() + HeadersFrame(1, Trailers(), false), "stream 1: 1"},
      {"HEADERS whose padding exceeds it",
       Frame(FrameType::kHeaders, kEndHeaders | flags::kPadded, 1, std::string("\x09", 1) + "abc"), kConnection1},
      {"HEADERS too short for its priority", Frame(FrameType::kHeaders, kEndHeaders | flags::kPriority, 1, "abc"),
       kConnection6},
      {"HEADERS that depends on itself",
       Frame(FrameType::kHeaders, kEndHeaders | kEndStream | flags::kPriority, 1, Number(1) + "\x10" + block),
       "stream 1: 1"},
      {"padded HEADERS with a priority",
       Frame(FrameType::kHeaders, kEndHeaders | kEndStream | flags::kPriority | flags::kPadded, 1,
             "\x02" + Number(3) + "\x10" + block + "pp"),
       ""},
      {"a block that cannot be decoded", Frame(FrameType::kHeaders, kEndHeaders, 1, "\xff\xff\xff\xff\xff"),
       kConnection9},
      {"a block that ends within a field",
       Frame(FrameType::kHeaders, kEndHeaders, 1,
             std::string("\x00\x05"
                         "ab",
                         4)),
       kConnection9},
      // CONTINUATION.
      {"CONTINUATION without HEADERS", Frame(FrameType::kContinuation, kEndHeaders, 1, block), kConnection1},
      {"CONTINUATION of another stream",
       Frame(FrameType::kHeaders, 0, 1, "") + Frame(FrameType::kContinuation, kEndHeaders, 3, block), kConnection1},
      {"DATA within a header block", Frame(FrameType::kHeaders, 0, 1, "") + Data(1, "x"), kConnection1},
      {"PING within a header block", Frame(FrameType::kHeaders, 0, 1, "") + Frame(FrameType::kPing, 0, 0, "12345678"),
       kConnection1},
      {"a block in three frames",
       Frame(FrameType::kHeaders, kEndStream, 1, block.substr(0, 3)) +
           Frame(FrameType::kContinuation, 0, 1, block.substr(3, 10)) +
           Frame(FrameType::kContinuation, kEndHeaders, 1, block.substr(13)),
       ""},
      // PRIORITY.
      {"PRIORITY on stream 0", Priority(0, 1), kConnection1},
      {"PRIORITY on an idle stream", Priority(9, 1), ""},
      {"PRIORITY that depends on itself", Open() + Priority(1, 1), "stream 1: 1"},
      {"PRIORITY on an idle stream that depends on itself", Priority(9, 9), kConnection1},
      {"PRIORITY of a wrong size", Open() + Frame(FrameType::kPriority, 0, 1, "abc"), "stream 1: 6"},
      // RST_STREAM.
      {"RST_STREAM on stream 0", Reset(0), kConnection1},
      {"RST_STREAM on an idle stream", Reset(1), kConnection1},
      {"RST_STREAM of a wrong size", Open() + Frame(FrameType::kRstStream, 0, 1, "abc"), kConnection6},
      {"RST_STREAM twice", Open() + Reset(1) + Reset(1), ""},
      // SETTINGS.
      {"SETTINGS on a stream", Frame(FrameType::kSettings, 0, 1, ""), kConnection1},
      {"SETTINGS of a wrong size", Frame(FrameType::kSettings, 0, 0, "abc"), kConnection6},
      {"an acknowledgement with a payload", Frame(FrameType::kSettings, flags::kAck, 0, "abcdef"), kConnection6},
      {"ENABLE_PUSH of 2", Settings(SettingId::kEnablePush, 2), kConnection1},
      {"INITIAL_WINDOW_SIZE of 2^31", Settings(SettingId::kInitialWindowSize, 1u << 31), kConnection3},
      {"MAX_FRAME_SIZE of 16383", Settings(SettingId::kMaxFrameSize, 16'383), kConnection1},
      {"MAX_FRAME_SIZE of 2^24", Settings(SettingId::kMaxFrameSize, 1 << 24), kConnection1},
      {"NO_RFC7540_PRIORITIES of 2", Settings(SettingId::kNoRfc7540Priorities, 2), kConnection1},
      {"an unknown setting is ignored", Settings(static_cast<SettingId>(0x1234), 99), ""},
      {"a window that settings overflow",
       Open() + Frame(FrameType::kWindowUpdate, 0, 1, Number(kMaxWindow - 65'535)) +
           Settings(SettingId::kInitialWindowSize, 65'536),
       kConnection3},
      // PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE.
      {"PUSH_PROMISE", Open() + Frame(FrameType::kPushPromise, kEndHeaders, 1, Number(2) + block), kConnection1},
      {"PING of a wrong size", Frame(FrameType::kPing, 0, 0, "abc"), kConnection6},
      {"PING on a stream", Frame(FrameType::kPing, 0, 1, "12345678"), kConnection1},
      {"GOAWAY on a stream", Frame(FrameType::kGoAway, 0, 1, Number(0) + Number(0)), kConnection1},
      {"GOAWAY that is too short", Frame(FrameType::kGoAway, 0, 0, Number(0)), kConnection6},
      {"WINDOW_UPDATE of a wrong size", Frame(FrameType::kWindowUpdate, 0, 0, "abc"), kConnection6},
      {"WINDOW_UPDATE of 0 on the connection", Frame(FrameType::kWindowUpdate, 0, 0, Number(0)), kConnection1},
      {"WINDOW_UPDATE of 0 on a stream", Open() + Frame(FrameType::kWindowUpdate, 0, 1, Number(0)), "stream 1: 1"},
      {"WINDOW_UPDATE on an idle stream", Frame(FrameType::kWindowUpdate, 0, 1, Number(1)), kConnection1},
      {"WINDOW_UPDATE on an ended stream", Open() + Reset(1) + Frame(FrameType::kWindowUpdate, 0, 1, Number(1)), ""},
      {"an overflow of the connection's window", Frame(FrameType::kWindowUpdate, 0, 0, Number(kMaxWindow)),
       kConnection3},
      {"an overflow of a stream's window", Open() + Frame(FrameType::kWindowUpdate, 0, 1, Number(kMaxWindow)),
       "stream 1: 3"},
      // Fields.
      {"a name with upper case", With("X-a", "1"), "stream 1: 1"},
      {"a name with a space", With("x a", "1"), "stream 1: 1"},
      {"a name with a colon inside", With("x:a", "1"), "stream 1: 1"},
      {"a name beyond ASCII", With("x\x80", "1"), "stream 1: 1"},
      {"a value with a line feed", With("x", "a\nb"), "stream 1: 1"},
      {"a value with a carriage return", With("x", "abcdefg\rb"), "stream 1: 1"},
      {"a value with NUL", With("x", std::string_view("a\0b", 3)), "stream 1: 1"},
      {"a value that begins with a space", With("x", " a"), "stream 1: 1"},
      {"a value that ends with a tab", With("x", "a\t"), "stream 1: 1"},
      {"a value with bytes beyond ASCII and a tab inside", With("x", "\xc3\xa9\t\xff"), ""},
      {"an empty value", With("x", ""), ""},
      {"grpc-message may end with a space", With("grpc-message", "failed: "), ""},
      {"connection", With("connection", "close"), "stream 1: 1"},
      {"keep-alive", With("keep-alive", "1"), "stream 1: 1"},
      {"proxy-connection", With("proxy-connection", "close"), "stream 1: 1"},
      {"transfer-encoding", With("transfer-encoding", "chunked"), "stream 1: 1"},
      {"upgrade", With("upgrade", "h2c"), "stream 1: 1"},
      {"te other than trailers", With("te", "gzip"), "stream 1: 1"},
      {"a pseudo-header after a field", With(":authority", "x"), "stream 1: 1"},
      {"an unknown pseudo-header", Only({":method", "GET", ":scheme", "http", ":path", "/", ":x", "y"}), "stream 1: 1"},
      {"a response's pseudo-header", Only({":method", "GET", ":scheme", "http", ":path", "/", ":status", "200"}),
       "stream 1: 1"},
      {"no method", Only({":scheme", "http", ":path", "/"}), "stream 1: 1"},
      {"no scheme", Only({":method", "GET", ":path", "/"}), "stream 1: 1"},
      {"no path", Only({":method", "GET", ":scheme", "http"}), "stream 1: 1"},
      {"an empty path", Only({":method", "GET", ":scheme", "http", ":path", ""}), "stream 1: 1"},
      {"a path that does not begin with a slash", Only({":method", "GET", ":scheme", "http", ":path", "x"}),
       "stream 1: 1"},
      {"a path with a space", Only({":method", "GET", ":scheme", "http", ":path", "/a b"}), "stream 1: 1"},
      {"OPTIONS *", Only({":method", "OPTIONS", ":scheme", "http", ":path", "*"}), ""},
      {"a method that is no token", Only({":method", "G T", ":scheme", "http", ":path", "/"}), "stream 1: 1"},
      {"two methods", Only({":method", "GET", ":method", "GET", ":scheme", "http", ":path", "/"}), "stream 1: 1"},
      {"CONNECT with an authority alone", Only({":method", "CONNECT", ":authority", "a:1"}), ""},
      {"CONNECT with a path", Only({":method", "CONNECT", ":authority", "a:1", ":path", "/"}), "stream 1: 1"},
      {"a pseudo-header in trailers", Open() + HeadersFrame(1, Fields({":path", "/"}), true), "stream 1: 1"},
      // Content-length.
      {"more DATA than content-length",
       HeadersFrame(1, Fields({":method", "POST", ":scheme", "http", ":path", "/", "content-length", "3"}), false) +
           Data(1, "1234"),
       "stream 1: 1"},
      {"less DATA than content-length",
       HeadersFrame(1, Fields({":method", "POST", ":scheme", "http", ":path", "/", "content-length", "3"}), false) +
           Data(1, "12", kEndStream),
       "stream 1: 1"},
      {"as much DATA as content-length",
       HeadersFrame(1, Fields({":method", "POST", ":scheme", "http", ":path", "/", "content-length", "3"}), false) +
           Data(1, "1") + Data(1, "23", kEndStream),
       ""},
      {"content-length without DATA", With("content-length", "3"), "stream 1: 1"},
      {"less DATA than content-length before trailers",
       HeadersFrame(1, Fields({":method", "POST", ":scheme", "http", ":path", "/", "content-length", "3"}), false) +
           HeadersFrame(1, Trailers(), true),
       "stream 1: 1"},
      {"content-length that is no number", With("content-length", "-3"), "stream 1: 1"},
      {"two different content-lengths",
       HeadersFrame(
           1,
           Fields({":method", "POST", ":scheme", "http", ":path", "/", "content-length", "3", "content-length", "4"}),
           false),
       "stream 1: 1"},
  };
}

TEST(SessionRulesTest, AServerMeetsEachBreachWithItsErrorAndNothingElse) {
  for (const Case& test : ServerCases()) {
    SessionRecorder server(Role::kServer);
    ASSERT_TRUE(server
                    .Receive(std::string(kClientPreface) + Frame(FrameType::kSettings, 0, 0, "") +
                             Frame(FrameType::kSettings, flags::kAck, 0, ""))
                    .ok());
    server.TakeOutput();
    const absl::Status status = server.Receive(test.frames);
    EXPECT_EQ(Errors(server.TakeOutput()), test.error.empty() ? Lines{} : Lines{test.error}) << test.rule;
    EXPECT_EQ(status.ok(), !test.error.starts_with("connection")) << test.rule << ": " << status;
    if (!status.ok()) continue;
    // The connection goes on: the header table is in step and the next request is served.
    server.Take();
    EXPECT_TRUE(server.Receive(OpenEnded(11)).ok()) << test.rule;
    EXPECT_EQ(server.Take().size(), 1u) << test.rule;
  }
}

std::string ResponseWith(std::string_view name, std::string_view value, bool end_stream = true) {
  HeaderList response = Response();
  response.Add(name, value);
  return HeadersFrame(1, response, end_stream);
}

std::vector<Case> ClientCases() {
  return {
      {"HEADERS on a stream that was not opened", HeadersFrame(3, Response(), true), kConnection1},
      {"HEADERS on an even stream", HeadersFrame(2, Response(), true), kConnection1},
      {"PUSH_PROMISE", Frame(FrameType::kPushPromise, kEndHeaders, 1, Number(2) + EncodedBlock(Request())),
       kConnection1},
      {"ENABLE_PUSH of 1", Settings(SettingId::kEnablePush, 1), kConnection1},
      {"DATA before HEADERS", Data(1, "x"), "stream 1: 1"},
      {"a response without status", HeadersFrame(1, Fields({"x", "y"}), true), "stream 1: 1"},
      {"a status of two digits", HeadersFrame(1, Fields({":status", "20"}), true), "stream 1: 1"},
      {"a status that is no number", HeadersFrame(1, Fields({":status", "2x0"}), true), "stream 1: 1"},
      {"a status of 101", HeadersFrame(1, Fields({":status", "101"}), false), "stream 1: 1"},
      {"a request's pseudo-header", HeadersFrame(1, Fields({":status", "200", ":path", "/"}), true), "stream 1: 1"},
      {"an interim response that ends the stream", HeadersFrame(1, Fields({":status", "100"}), true), "stream 1: 1"},
      {"trailers that do not end the stream", HeadersFrame(1, Response(), false) + HeadersFrame(1, Trailers(), false),
       "stream 1: 1"},
      {"a pseudo-header in trailers",
       HeadersFrame(1, Response(), false) + HeadersFrame(1, Fields({":status", "200"}), true), "stream 1: 1"},
      {"less DATA than content-length", ResponseWith("content-length", "2", false) + Data(1, "x", kEndStream),
       "stream 1: 1"},
      {"a connection field", ResponseWith("connection", "close"), "stream 1: 1"},
      {"RST_STREAM on a stream that was not opened", Reset(3), kConnection1},
      {"WINDOW_UPDATE on a stream that was not opened", Frame(FrameType::kWindowUpdate, 0, 5, Number(1)), kConnection1},
      {"HEADERS after END_STREAM while our side is open",
       HeadersFrame(1, Response(), true) + HeadersFrame(1, Trailers(), true), "stream 1: 5"},
  };
}

TEST(SessionRulesTest, AClientMeetsEachBreachWithItsErrorAndTellsItsOwner) {
  for (const Case& test : ClientCases()) {
    SessionRecorder client(Role::kClient);
    ASSERT_TRUE(client.Receive(Frame(FrameType::kSettings, 0, 0, "")).ok());
    client.session().StartRequest(Request(), false);
    client.TakeOutput();
    client.Take();
    const absl::Status status = client.Receive(test.frames);
    EXPECT_EQ(Errors(client.TakeOutput()), Lines{test.error}) << test.rule;
    EXPECT_EQ(status.ok(), !test.error.starts_with("connection")) << test.rule;
    if (status.ok()) {
      EXPECT_EQ(client.Take().back(), "R1 " + test.error.substr(10)) << test.rule;
      EXPECT_EQ(client.session().open_streams(), 0u) << test.rule;
    }
  }
}

TEST(SessionRulesTest, AfterBothSidesEndedAFrameOnTheStreamEndsTheConnection) {
  for (const std::string& late : {Data(1, "x"), HeadersFrame(1, Trailers(), true)}) {
    SessionRecorder client(Role::kClient), server(Role::kServer);
    client.session().StartRequest(Request(), true);
    Exchange(client, server);
    server.session().SendHeaders(1, Response(), true);
    Exchange(client, server);
    EXPECT_FALSE(server.Receive(late).ok());
    EXPECT_EQ(Errors(server.TakeOutput()), Lines{kConnection5});
  }
}

// As gRPC's C++ server does when a call's deadline passes.
TEST(SessionRulesTest, AServerThatEndsAStreamTwiceKeepsItsOtherStreams) {
  SessionRecorder client(Role::kClient);
  ASSERT_TRUE(client.Receive(Frame(FrameType::kSettings, 0, 0, "")).ok());
  const StreamId other = client.session().StartRequest(Request(), true);
  for (int i = 0; i < 2000; ++i) {
    const StreamId id = client.session().StartRequest(Request(), i % 2 == 0);
    client.TakeOutput();
    client.Take();
    const std::string end =
        HeadersFrame(id, Trailers(), true) + Frame(FrameType::kRstStream, 0, id, Number(0)) + Data(id, "x");
    ASSERT_TRUE(client.Receive(HeadersFrame(id, Response(), false) + end + end).ok()) << i;
    EXPECT_EQ(client.Take().size(), i % 2 == 0 ? 2u : 3u);
    EXPECT_EQ(client.TakeOutput(), "");
  }
  ASSERT_TRUE(client.Receive(HeadersFrame(other, Response(), true)).ok());
  EXPECT_EQ(client.Take().size(), 1u);
}

TEST(SessionRulesTest, AWrongPrefaceEndsTheConnectionAtTheFirstWrongByte) {
  SessionRecorder server(Role::kServer);
  EXPECT_TRUE(server.Receive("PRI * HTTP/").ok());
  EXPECT_FALSE(server.Receive("1.1\r\n").ok());
  server.TakeOutput();
  SessionRecorder other(Role::kServer);
  EXPECT_FALSE(other.Receive("GET / HTTP/1.1\r\n\r\n").ok());
}

TEST(SessionRulesTest, TheFirstFrameMustBeSettings) {
  for (const std::string& first : {Frame(FrameType::kPing, 0, 0, "12345678"),
                                   Frame(FrameType::kSettings, flags::kAck, 0, ""), Open(), Data(1, "x")}) {
    SessionRecorder server(Role::kServer);
    EXPECT_FALSE(server.Receive(std::string(kClientPreface) + first).ok());
    SessionRecorder client(Role::kClient);
    EXPECT_FALSE(client.Receive(first).ok());
  }
}

TEST(SessionRulesTest, AfterAnErrorNothingIsTakenToldOrSent) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  server.Take();
  const absl::Status status = server.Receive(Data(0, "x"));
  server.TakeOutput();
  EXPECT_EQ(server.Receive(Data(1, "y")), status);
  server.session().SendHeaders(1, Response(), true);
  server.session().Reset(1, ErrorCode::kCancel);
  server.session().SendPing(1);
  server.session().Consume(1, 100'000);
  EXPECT_EQ(server.TakeOutput(), "");
  EXPECT_EQ(server.Take(), Lines{});
}

TEST(SessionRulesTest, TheGoAwaySaysWhyAndWhichStreamWasTheLast) {
  SessionRecorder server(Role::kServer);
  ASSERT_TRUE(server.Receive(std::string(kClientPreface) + Frame(FrameType::kSettings, 0, 0, "") + OpenEnded(7)).ok());
  server.TakeOutput();
  const absl::Status status = server.Receive(Data(0, "x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string why(status.message().data(), status.message().size());
  EXPECT_EQ(server.TakeOutput(), Frame(FrameType::kGoAway, 0, 0, Number(7) + Number(1) + why));
}

TEST(SessionRulesTest, LateFramesOnAStreamClosedLongAgoCostOnlyThatStream) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  server.session().Reset(1, ErrorCode::kCancel);
  server.TakeOutput();
  for (StreamId id = 3; id < 3 + 2 * 5000; id += 2) {
    server.now += absl::Milliseconds(10);
    ASSERT_TRUE(server.Receive(HeadersFrame(id, Request(), true)).ok());
    server.session().SendHeaders(id, Response(), true);
    server.TakeOutput();
  }
  EXPECT_TRUE(server.Receive(Data(1, "late")).ok());
  EXPECT_EQ(Errors(server.TakeOutput()), Lines{"stream 1: 5"});
}

}  // namespace
}  // namespace weir::http2
