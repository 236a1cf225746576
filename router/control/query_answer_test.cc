#include "router/control/query_answer.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::control {
namespace {

using ::testing::HasSubstr;

std::string Success(const std::string& type, const std::string& result) {
  return R"({"status":"success","data":{"resultType":")" + type + R"(","result":)" + result + "}}";
}

std::string ErrorOf(const std::string& body, int status = 200) {
  const auto answer = ReadAnswer({status, body});
  EXPECT_FALSE(answer.ok()) << body;
  return std::string(answer.status().message());
}

TEST(RequestOfQueryTest, IsAPostToTheApiWithTheQueryEncoded) {
  const runtime::HttpRequest request = RequestOf(config::QueryMetric{.name = "revenue",
                                                                     .server = {"prom", 9090, "/prefix"},
                                                                     .query = "sum(rate(x{a=\"b c\"}[5m])) + 1",
                                                                     .timeout = absl::Milliseconds(1500)});
  EXPECT_EQ(request.host, "prom");
  EXPECT_EQ(request.port, 9090);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/prefix/api/v1/query");
  EXPECT_EQ(request.body, "query=sum%28rate%28x%7Ba%3D%22b%20c%22%7D%5B5m%5D%29%29%20%2B%201&timeout=1.500");
}

TEST(ReadAnswerTest, AVectorOfOneOrAScalarIsANumberAsOfItsOwnTime) {
  for (const std::string& body : {Success("vector", R"([{"metric":{"job":"x"},"value":[1700000000.5,"42.25"]}])"),
                                  Success("scalar", R"([1700000000.5,"42.25"])")}) {
    const auto answer = ReadAnswer({200, body});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->value, 42.25);
    EXPECT_EQ(answer->at, absl::FromUnixMillis(1700000000500));
  }
}

TEST(ReadAnswerTest, WhatIsNotOneNumberIsAnErrorInWords) {
  EXPECT_EQ(ErrorOf(Success("vector", "[]")), "no series: nothing matches the query now");
  EXPECT_EQ(ErrorOf(Success("vector", R"([{"metric":{},"value":[1,"1"]},{"metric":{},"value":[1,"2"]}])")),
            "2 series: one number is wanted, as sum(...) gives");
  EXPECT_EQ(ErrorOf(Success("vector", R"([{"metric":{},"value":[1,"NaN"]}])")), "its value is NaN");
  EXPECT_EQ(ErrorOf(Success("scalar", R"([1,"+Inf"])")), "its value is +Inf");
  EXPECT_EQ(ErrorOf(Success("scalar", R"([1,"one"])")), "its value is no number");
  EXPECT_EQ(ErrorOf(Success("vector", R"([{"metric":{},"histogram":[1,{}]}])")), "its sample has no value");
  EXPECT_EQ(ErrorOf(Success("matrix", "[]")), "the query gives a matrix: one number is wanted");
  EXPECT_EQ(ErrorOf(Success("string", R"([1,"1"])")), "the query gives a string: one number is wanted");
}

TEST(ReadAnswerTest, TheServersOwnErrorIsTold) {
  EXPECT_EQ(ErrorOf(R"({"status":"error","errorType":"bad_data","error":"parse error: unexpected end"})", 400),
            "bad_data: parse error: unexpected end");
}

// One character that is cut in two would make a whole status unreadable.
TEST(ReadAnswerTest, ALongErrorIsCutBetweenCharacters) {
  for (size_t before = 195; before <= 200; ++before) {
    const std::string start(before, 'x');
    const std::string error = ErrorOf(R"({"status":"error","errorType":"e","error":")" + start + R"(🜁🜁"})");
    EXPECT_EQ(error, "e: " + start + (before <= 196 ? "🜁" : ""));
  }
}

TEST(ReadAnswerTest, AnErrorIsOneLineThatCommandsNoTerminal) {
  EXPECT_EQ(ErrorOf(R"({"status":"error","errorType":"bad\u001b[2J","error":"one\nforged: \u009b31m\u0000"})"),
            "bad [2J: one forged:  31m ");
  EXPECT_EQ(ErrorOf(Success("scalar", R"([1,"nan"])")), "its value is nan");
}

TEST(ReadAnswerTest, WhatIsNoPrometheusIsSaidToBeNone) {
  EXPECT_EQ(ErrorOf("<html>not found</html>", 404), "it answers HTTP 404");
  EXPECT_EQ(ErrorOf("", 302), "it answers HTTP 302");
  EXPECT_EQ(ErrorOf("<html>welcome</html>"), "its answer is not that of a Prometheus server");
  EXPECT_EQ(ErrorOf("{}"), "its answer is not that of a Prometheus server");
  EXPECT_EQ(ErrorOf(R"({"status":"success"})"), "its answer is not that of a Prometheus server");
  EXPECT_EQ(ErrorOf(R"({"status":"success","data":{"resultType":"vector","result":7}})"), "its result is no vector");
}

}  // namespace
}  // namespace weir::control
