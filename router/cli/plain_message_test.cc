#include "router/cli/plain_message.h"

#include <google/protobuf/descriptor.h>

#include <string>

#include "gtest/gtest.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/cli/status_text.h"

namespace weir::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Every field that there is, once: texts are `text`, flags `flag`, numbers 1.
void Fill(Message& message, const std::string& text, bool flag) {
  const google::protobuf::Reflection* to = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const bool is_many = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        is_many ? to->AddString(&message, field, text) : to->SetString(&message, field, text);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Fill(is_many ? *to->AddMessage(&message, field) : *to->MutableMessage(&message, field), text, flag);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        if (!is_many) to->SetDouble(&message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        if (!is_many) to->SetInt64(&message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!is_many) to->SetBool(&message, field, flag);
        break;
      default:
        break;
    }
  }
}

template <typename M>
M Filled(const std::string& text, bool flag = true) {
  M message;
  Fill(message, text, flag);
  return message;
}

const char kHostile[] =
    "evil\x1b[2J\nforged: ready\xc2\x9b"
    "31m\xff";
const char kHarmless[] = "evil [2J forged: ready 31m?";

TEST(PlainMessageTest, EveryTextIsMadePlainHoweverDeep) {
  EXPECT_EQ(PlainCopy(Filled<weir::v1::Status>(kHostile)).DebugString(),
            Filled<weir::v1::Status>(kHarmless).DebugString());
  EXPECT_EQ(PlainCopy(Filled<weir::v1::ExplainResponse>(kHostile)).DebugString(),
            Filled<weir::v1::ExplainResponse>(kHarmless).DebugString());
}

TEST(PlainMessageTest, NoTextOfAStatusForgesALineOrCommandsTheTerminal) {
  for (const bool flag : {false, true}) {
    const auto hostile = Filled<weir::v1::Status>(kHostile, flag), harmless = Filled<weir::v1::Status>(kHarmless, flag);
    EXPECT_EQ(StatusText(hostile), StatusText(harmless));
    EXPECT_NE(StatusText(harmless).find("approved by evil [2J forged"), std::string::npos);
    EXPECT_EQ(PhaseText(hostile.experiments(0)), PhaseText(harmless.experiments(0)));
  }
  EXPECT_EQ(ExplainText(Filled<weir::v1::ExplainResponse>(kHostile)),
            ExplainText(Filled<weir::v1::ExplainResponse>(kHarmless)));
}

}  // namespace
}  // namespace weir::cli
