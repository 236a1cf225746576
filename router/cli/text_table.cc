#include "router/cli/text_table.h"

#include <algorithm>

namespace weir::cli {

std::string TextTable::ToString(size_t indent) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < columns_.size(); ++column) {
    size_t width = columns_[column].title.size();
    for (const auto& row : rows_) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string text;
  const auto add_line = [&](auto cell_at) {
    std::string line(indent, ' ');
    for (size_t column = 0; column < columns_.size(); ++column) {
      const std::string& cell = cell_at(column);
      const std::string space(widths[column] - cell.size(), ' ');
      if (column > 0) line += "  ";
      line += columns_[column].align == Align::kLeft ? cell + space : space + cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line([&](size_t column) -> const std::string& { return columns_[column].title; });
  for (const auto& row : rows_) add_line([&](size_t column) -> const std::string& { return row[column]; });
  return text;
}

}  // namespace weir::cli
