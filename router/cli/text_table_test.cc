#include "router/cli/text_table.h"

#include "gtest/gtest.h"

namespace weir::cli {
namespace {

TEST(TextTableTest, ColumnsAreAsWideAsTheirWidestCellAndLinesEndWithoutSpaces) {
  TextTable table({{"name"}, {"n", TextTable::Align::kRight}, {"remark"}});
  table.AddRow({"a", "12,345", ""});
  table.AddRow({"longer", "7", "x"});
  EXPECT_EQ(table.ToString(2),
            "  name         n  remark\n"
            "  a       12,345\n"
            "  longer       7  x\n");
}

TEST(TextTableTest, WithoutRowsThereAreTitlesAlone) {
  EXPECT_EQ(TextTable({{"a"}, {"b", TextTable::Align::kRight}}).ToString(0), "a  b\n");
}

}  // namespace
}  // namespace weir::cli
