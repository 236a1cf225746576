#include "router/cli/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::cli {
namespace {

constexpr size_t kContext = 3;
constexpr size_t kMostPairs = 4'000'000;

using Lines = std::vector<std::string>;

Lines LinesOf(const std::string& text) {
  Lines lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!text.empty() && text.back() != '\n') lines.back() += "\n\\ No newline at end of file";
  return lines;
}

// One line of the whole: ' ' is in both texts, '-' in the first, '+' in the second alone.
struct Edit {
  char kind;
  const std::string* line;
};

// The middle, without the lines that both begin and end with: the longest common subsequence, from the end.
void DiffMiddle(const Lines& a, const Lines& b, size_t from, size_t a_end, size_t b_end, std::vector<Edit>& edits) {
  const size_t n = a_end - from, m = b_end - from;
  const bool is_small = n * m <= kMostPairs;
  std::vector<uint32_t> longest(is_small ? (n + 1) * (m + 1) : 0);
  const auto at = [&](size_t i, size_t j) -> uint32_t& { return longest[i * (m + 1) + j]; };
  for (size_t i = n; is_small && i-- > 0;) {
    for (size_t j = m; j-- > 0;) {
      at(i, j) = a[from + i] == b[from + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (is_small && i < n && j < m && a[from + i] == b[from + j]) {
      edits.push_back({' ', &a[from + i]});
      ++i, ++j;
    } else if (i < n && (j == m || !is_small || at(i + 1, j) >= at(i, j + 1))) {
      edits.push_back({'-', &a[from + i++]});
    } else {
      edits.push_back({'+', &b[from + j++]});
    }
  }
}

std::vector<Edit> EditsOf(const Lines& a, const Lines& b) {
  size_t from = 0;
  while (from < a.size() && from < b.size() && a[from] == b[from]) ++from;
  size_t a_end = a.size(), b_end = b.size();
  while (a_end > from && b_end > from && a[a_end - 1] == b[b_end - 1]) --a_end, --b_end;
  std::vector<Edit> edits;
  for (size_t i = 0; i < from; ++i) edits.push_back({' ', &a[i]});
  DiffMiddle(a, b, from, a_end, b_end, edits);
  for (size_t i = a_end; i < a.size(); ++i) edits.push_back({' ', &a[i]});
  return edits;
}

// "12,3": where a hunk begins and how many lines it has; from the line before, where it has none.
std::string Range(size_t first, size_t lines) {
  const size_t shown = lines == 0 ? first : first + 1;
  return lines == 1 ? absl::StrCat(shown) : absl::StrCat(shown, ",", lines);
}

// Where the hunk that begins with the change at `change` ends: changes nearer than two contexts belong together.
size_t EndOfHunk(const std::vector<Edit>& edits, size_t change) {
  size_t last = change;
  for (size_t i = change; i < edits.size() && i <= last + 2 * kContext; ++i) {
    if (edits[i].kind != ' ') last = i;
  }
  return std::min(last + kContext + 1, edits.size());
}

}  // namespace

std::string UnifiedDiff(const std::string& before, const std::string& after, const std::string& before_name,
                        const std::string& after_name) {
  if (before == after) return "";
  const Lines a = LinesOf(before), b = LinesOf(after);
  const std::vector<Edit> edits = EditsOf(a, b);
  std::string diff = absl::StrCat("--- ", before_name, "\n+++ ", after_name, "\n");
  size_t a_line = 0, b_line = 0, next = 0;  // Lines of each text, and edits, that are passed.
  while (next < edits.size()) {
    size_t change = next;
    while (change < edits.size() && edits[change].kind == ' ') ++change;
    if (change == edits.size()) break;
    const size_t begin = change - std::min(kContext, change - next);
    a_line += begin - next, b_line += begin - next;
    const size_t end = EndOfHunk(edits, change);
    size_t a_lines = 0, b_lines = 0;
    std::string body;
    for (size_t i = begin; i < end; ++i) {
      a_lines += edits[i].kind != '+' ? 1 : 0;
      b_lines += edits[i].kind != '-' ? 1 : 0;
      absl::StrAppend(&body, std::string(1, edits[i].kind), *edits[i].line, "\n");
    }
    absl::StrAppend(&diff, "@@ -", Range(a_line, a_lines), " +", Range(b_line, b_lines), " @@\n", body);
    a_line += a_lines, b_line += b_lines;
    next = end;
  }
  return diff;
}

}  // namespace weir::cli
