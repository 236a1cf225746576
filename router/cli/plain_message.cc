#include "router/cli/plain_message.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "config/plain_text.h"

namespace weir::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void MakeTextPlain(Message& message, const FieldDescriptor* field) {
  const google::protobuf::Reflection* fields = message.GetReflection();
  if (!field->is_repeated()) {
    return fields->SetString(&message, field, config::ToPlainText(fields->GetString(message, field)));
  }
  for (int i = 0; i < fields->FieldSize(message, field); ++i) {
    fields->SetRepeatedString(&message, field, i, config::ToPlainText(fields->GetRepeatedString(message, field, i)));
  }
}

}  // namespace

void MakePlain(Message& message) {
  const google::protobuf::Reflection* fields = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  fields->ListFields(message, &present);
  for (const FieldDescriptor* field : present) {
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      MakeTextPlain(message, field);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (!field->is_repeated()) {
      MakePlain(*fields->MutableMessage(&message, field));
    } else {
      for (int i = 0; i < fields->FieldSize(message, field); ++i) {
        MakePlain(*fields->MutableRepeatedMessage(&message, field, i));
      }
    }
  }
}

}  // namespace weir::cli
