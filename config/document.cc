#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/plain_text.h"
#include "config/utf8.h"

namespace weir::config {
namespace {

Place PlaceOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

// Builds the tree of one document from the parser's events. Events cannot be stopped without an exception, so what is
// beyond a limit is counted and dropped; the limit on the file's size bounds that work.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(size_t& nodes) : nodes_(nodes) {}

  std::optional<Node> Take() { return std::exchange(root_, std::nullopt); }
  // Whether the newest document began where the one before it did. yaml-cpp 0.7 answers a stray "," with an empty
  // document that consumes nothing, again and again.
  bool is_stuck() const { return is_stuck_; }
  Place document_place() const { return document_place_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    is_stuck_ = PlaceOf(mark) == document_place_;
    document_place_ = PlaceOf(mark);
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(Make(Node::Kind::kNull, mark, "")); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Add(Make(Node::Kind::kRefused, mark, "aliases (*name) are not supported: write the value out"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    if (IsTagged(tag)) return Add(Make(Node::Kind::kRefused, mark, kNoTags));
    Node node = Make(Node::Kind::kScalar, mark, value);
    node.is_quoted = tag == "!";
    Add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(Node::Kind::kSequence, mark, tag);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(Node::Kind::kMapping, mark, tag);
  }
  void OnMapEnd() override { Close(); }

 private:
  // A node that is still open, and the key that waits for its value.
  struct Frame {
    Node node;
    std::optional<Node> key;
  };
  static constexpr char kNoTags[] = "tags (!name) are not supported";

  static bool IsTagged(const std::string& tag) { return !tag.empty() && tag != "?" && tag != "!"; }

  static Node Make(Node::Kind kind, const YAML::Mark& mark, std::string text) {
    Node node;
    node.kind = kind;
    node.place = PlaceOf(mark);
    node.text = std::move(text);
    return node;
  }

  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    ++nodes_;
    if (skipped_ > 0 || open_.size() >= static_cast<size_t>(limits::kDocumentDepth) || IsTagged(tag)) {
      if (skipped_++ > 0) return;
      const char* reason = IsTagged(tag) ? kNoTags : "is nested too deeply";
      refused_ = Make(Node::Kind::kRefused, mark, reason);
      return;
    }
    open_.push_back({Make(kind, mark, ""), std::nullopt});
  }

  void Close() {
    if (skipped_ > 0) {
      if (--skipped_ == 0) Attach(std::move(refused_));
      return;
    }
    Node node = std::move(open_.back().node);
    open_.pop_back();
    Attach(std::move(node));
  }

  void Add(Node node) {
    ++nodes_;
    if (skipped_ == 0 && nodes_ <= limits::kDocumentNodes) Attach(std::move(node));
  }

  void Attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.kind == Node::Kind::kSequence) {
      frame.node.children.push_back(std::move(node));
    } else if (!frame.key.has_value()) {
      frame.key = std::move(node);
    } else {
      AttachValue(frame, std::move(node));
    }
  }

  static void AttachValue(Frame& frame, Node value) {
    const Node key = *std::exchange(frame.key, std::nullopt);
    value.key_place = key.place;
    if (value.kind == Node::Kind::kNull)
      value.place = key.place;  // An absent value's own mark is that of what follows.
    switch (key.kind) {
      case Node::Kind::kScalar:
        value.key = key.text;
        break;
      case Node::Kind::kRefused:
        value.kind = Node::Kind::kRefused, value.text = key.text, value.key = "?";
        break;
      default:
        value.kind = Node::Kind::kRefused, value.text = "keys must be strings", value.key = "?";
    }
    frame.node.children.push_back(std::move(value));
  }

  size_t& nodes_;  // Over all documents of the file.
  std::vector<Frame> open_;
  std::optional<Node> root_;
  Place document_place_;
  bool is_stuck_ = false;
  int skipped_ = 0;  // How many nodes are open within one that is refused, itself included.
  Node refused_;
};

// What would only confuse the parser or whoever reads its errors: bytes that are no text, and tabs that indent.
std::optional<ConfigError> FindIllegalText(const std::string& text, const std::string& file) {
  Place place{1, 1};
  bool is_indentation = true;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t length = Utf8Length(text, i);
    const bool is_layout = c == '\n' || c == '\r' || c == '\t';
    if (length == 0 || (IsControlCharacter(text, i) && !is_layout)) {
      return ConfigError{file, place.line, place.column, "", "must be UTF-8 text without control characters"};
    }
    if (is_indentation && c == '\t')
      return ConfigError{file, place.line, place.column, "", "tabs must not indent: use spaces"};
    if (c == '\n') {
      place = {place.line + 1, 1};
      is_indentation = true;
    } else {
      place.column += static_cast<int>(length);
      is_indentation = is_indentation && c == ' ';
    }
    i += length;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Node> ParseYaml(const std::string& text, const std::string& file, Findings& findings) {
  if (text.size() > limits::kFileBytes) {
    findings.errors.push_back(
        {file, 0, 0, "",
         absl::StrCat("must be at most ", limits::kFileBytes / 1024, " KiB, got ", (text.size() + 1023) / 1024)});
    return {};
  }
  if (std::optional<ConfigError> illegal = FindIllegalText(text, file)) {
    findings.errors.push_back(*std::move(illegal));
    return {};
  }
  std::vector<Node> documents;
  size_t nodes = 0;
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    TreeBuilder builder(nodes);
    while (parser.HandleNextDocument(builder)) {
      if (builder.is_stuck()) {
        const Place place = builder.document_place();
        findings.errors.push_back({file, place.line, place.column, "", "is not valid YAML: unexpected text"});
        break;
      }
      if (std::optional<Node> root = builder.Take()) documents.push_back(*std::move(root));
    }
  } catch (const YAML::Exception& e) {
    const Place place = PlaceOf(e.mark);
    findings.errors.push_back({file, place.line, place.column, "", absl::StrCat("is not valid YAML: ", e.msg)});
  } catch (const std::exception& e) {
    findings.errors.push_back({file, 0, 0, "", absl::StrCat("is not valid YAML: ", e.what())});
  }
  if (nodes > limits::kDocumentNodes) {
    findings.errors.push_back({file, 0, 0, "", absl::StrCat("must hold at most ", limits::kDocumentNodes, " values")});
    return {};
  }
  return documents;
}

}  // namespace weir::config
