// Columns of text, as wide as their widest cell. Pure.

#ifndef WEIR_ROUTER_CLI_TEXT_TABLE_H_
#define WEIR_ROUTER_CLI_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace weir::cli {

class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // The titles and the rows, each line indented by `indent` spaces; no line ends with a space.
  std::string ToString(size_t indent) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_TEXT_TABLE_H_
