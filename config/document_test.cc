#include "config/document.h"

#include <string>
#include <vector>

#include "config/limits.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

// The first error's text, or "" if there is none.
std::string ErrorOf(const std::string& text) {
  Findings findings;
  ParseYaml(text, "f", findings);
  return findings.errors.empty() ? "" : findings.errors[0].ToString();
}

Node Only(const std::string& text) {
  Findings findings;
  std::vector<Node> documents = ParseYaml(text, "f", findings);
  EXPECT_TRUE(findings.errors.empty()) << ToString(findings.errors);
  EXPECT_EQ(documents.size(), 1u);
  return documents.empty() ? Node() : documents[0];
}

TEST(ParseYamlTest, KeepsOrderPlacesAndDuplicateKeys) {
  const Node root = Only("a: 1\nb:\n  - x\n  -  {c: 'y'}\na: 2\n");
  ASSERT_EQ(root.kind, Node::Kind::kMapping);
  ASSERT_EQ(root.children.size(), 3u);
  EXPECT_EQ(root.children[0].key, "a");
  EXPECT_EQ(root.children[2].key, "a");
  EXPECT_EQ(root.children[2].text, "2");
  EXPECT_EQ(root.children[2].key_place, (Place{5, 1}));
  EXPECT_EQ(root.children[2].place, (Place{5, 4}));
  const Node& list = root.children[1];
  ASSERT_EQ(list.children.size(), 2u);
  EXPECT_EQ(list.children[0].place, (Place{3, 5}));
  EXPECT_EQ(list.children[1].children[0].text, "y");
  EXPECT_TRUE(list.children[1].children[0].is_quoted);
  EXPECT_FALSE(list.children[0].is_quoted);
}

TEST(ParseYamlTest, AnAbsentValueIsPlacedAtItsKey) {
  const Node root = Only("a:\n\n\nb: ~\n");
  EXPECT_EQ(root.children[0].kind, Node::Kind::kNull);
  EXPECT_EQ(root.children[0].place, (Place{1, 1}));
  EXPECT_EQ(root.children[1].place, (Place{4, 1}));
}

TEST(ParseYamlTest, ReadsSeveralDocuments) {
  Findings findings;
  EXPECT_EQ(ParseYaml("a: 1\n---\nb: 2\n---\n", "f", findings).size(), 3u);  // The last one holds nothing.
  EXPECT_TRUE(findings.errors.empty());
}

TEST(ParseYamlTest, AnEmptyFileHoldsNoDocument) {
  Findings findings;
  EXPECT_TRUE(ParseYaml("", "f", findings).empty());
  EXPECT_TRUE(ParseYaml("# a comment alone\n", "f", findings).empty());
  EXPECT_TRUE(findings.errors.empty());
}

TEST(ParseYamlTest, SyntaxErrorsNameTheirPlaceAndKeepTheDocumentsBefore) {
  Findings findings;
  const std::vector<Node> documents = ParseYaml("a: 1\n---\nb: [1, 2\nc: }\n", "f", findings);
  EXPECT_EQ(documents.size(), 1u);
  ASSERT_EQ(findings.errors.size(), 1u);
  EXPECT_GE(findings.errors[0].line, 3);
  EXPECT_EQ(findings.errors[0].message.find("is not valid YAML: "), 0u) << findings.errors[0].ToString();
}

TEST(ParseYamlTest, TabsThatIndentAreRefusedWithTheirPlace) {
  EXPECT_EQ(ErrorOf("a:\n\tb: 1\n"), "f:2:1: tabs must not indent: use spaces");
  EXPECT_EQ(ErrorOf("a:\n  \tb: 1\n"), "f:2:3: tabs must not indent: use spaces");
  EXPECT_EQ(ErrorOf("a: b\tc\n"), "");
}

TEST(ParseYamlTest, WhatIsNoUtf8TextIsRefused) {
  const std::vector<std::string> bad = {
      std::string("a: \0b", 5), "a: \x01",     "a: \xff", "a: \xc0\x80",         "a: \xed\xa0\x80",
      "a: \xf5\x80\x80\x80",    "a: \xe2\x82", "a: \x7f", "a: \xf0\x80\x80\x80", "a: \xc2\x9b[2J"};
  for (const std::string& text : bad) {
    EXPECT_EQ(ErrorOf(text), "f:1:4: must be UTF-8 text without control characters") << testing::PrintToString(text);
  }
  EXPECT_EQ(ErrorOf("a: Ünïcödé 用户 🜁\r\n"), "");
}

TEST(ParseYamlTest, AliasesAndTagsAreRefusedWhereTheyAreRead) {
  const Node root = Only("a: &x [1]\nb: *x\nc: !!str 1\nd: !mine {e: [1, {f: 2}]}\ng: 3\n");
  ASSERT_EQ(root.children.size(), 5u);
  EXPECT_EQ(root.children[0].kind, Node::Kind::kSequence);
  EXPECT_EQ(root.children[1].kind, Node::Kind::kRefused);
  EXPECT_EQ(root.children[2].kind, Node::Kind::kRefused);
  EXPECT_EQ(root.children[3].kind, Node::Kind::kRefused);
  EXPECT_EQ(root.children[4].text, "3");
}

TEST(ParseYamlTest, ABombOfAliasesIsNeverExpanded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 8; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_EQ(Only(bomb).children.size(), 30u);
}

TEST(ParseYamlTest, NestingBeyondTheLimitIsRefusedWhereItBegins) {
  std::string deep = "a: ";
  for (int i = 0; i < limits::kDocumentDepth + 5; ++i) deep += "[";
  for (int i = 0; i < limits::kDocumentDepth + 5; ++i) deep += "]";
  const Node root = Only(deep);
  const Node* node = &root.children[0];
  int depth = 1;
  while (node->kind == Node::Kind::kSequence) node = &node->children[0], ++depth;
  EXPECT_EQ(node->kind, Node::Kind::kRefused);
  EXPECT_EQ(depth, limits::kDocumentDepth);
}

TEST(ParseYamlTest, NestingThatWouldExhaustAStackIsAnError) {
  for (const char* opening : {"[", "{", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += opening;
    EXPECT_NE(ErrorOf(text), "") << opening;
  }
}

TEST(ParseYamlTest, FilesBeyondTheLimitsAreRefusedAsAWhole) {
  EXPECT_NE(ErrorOf(std::string(limits::kFileBytes + 1, ' ')), "");
  std::string many = "[";
  for (size_t i = 0; i <= limits::kDocumentNodes; ++i) many += "1,";
  EXPECT_EQ(ErrorOf(many + "]"), "f: must hold at most 50000 values");
}

TEST(ParseYamlTest, StrayTextThatTheParserNeverConsumesIsAnErrorNotALoop) {
  for (std::string text : {",", "---\n,", ", a: 1", "a: 1\n--- ,\n"}) EXPECT_NE(ErrorOf(text), "") << text;
}

TEST(ParseYamlTest, KeysMustBeStrings) {
  const Node root = Only("[a, b]: 1\n? {c: &x d}\n: 2\n*x : 3\n");
  for (const Node& child : root.children) EXPECT_EQ(child.kind, Node::Kind::kRefused);
}

}  // namespace
}  // namespace weir::config
