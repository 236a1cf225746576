#include "router/cli/analysis_text.h"

#include "gtest/gtest.h"

namespace weir::cli {
namespace {

TEST(AnalysisTextTest, WhereNothingIsAnalysedThereIsNothingToSay) {
  EXPECT_EQ(AnalysisText(weir::v1::ExperimentStatus()), "");
}

TEST(AnalysisTextTest, TheVerdictStandsBesideBothLabelsAndWhatItIsMadeOf) {
  weir::v1::ExperimentStatus experiment;
  weir::v1::AnalysisStatus& analysis = *experiment.mutable_analysis();
  analysis.set_verdict("undecided");
  analysis.set_label("CONTINUE_TESTING");
  analysis.set_point_label("RECOMMEND");
  analysis.set_why("value of b: too early");
  analysis.set_decides(true);
  weir::v1::AnalysisFinding& finding = *analysis.add_findings();
  finding.set_check("non-inferiority");
  finding.set_subject("errors");
  finding.set_variant("b");
  finding.set_state("passed");
  finding.set_value(2.5);
  finding.set_bound(1.6);
  EXPECT_EQ(AnalysisText(experiment),
            "  analysis: UNDECIDED, CONTINUE_TESTING (the estimate alone: RECOMMEND): value of b: too early\n"
            "  check            of         state\n"
            "  non-inferiority  errors, b  passed  2.5, against 1.6\n");
}

TEST(AnalysisTextTest, WhatDecidesNothingSaysSo) {
  weir::v1::ExperimentStatus experiment;
  experiment.mutable_analysis()->set_verdict("success");
  EXPECT_NE(AnalysisText(experiment).find("told only"), std::string::npos);
}

TEST(AnalysisTextTest, ATrendShowsItsChartAndItsAlarms) {
  weir::v1::ExperimentStatus experiment;
  weir::v1::TrendStatus& trend = *experiment.add_trends();
  trend.set_name("slow");
  trend.set_variant("b");
  trend.set_metric("latency_p95");
  trend.set_method("cusum");
  trend.set_statistic(1.25);
  trend.set_limit(5);
  trend.set_alarms(1);
  trend.set_note("learning: 3 of 30 windows");
  EXPECT_EQ(AnalysisText(experiment),
            "  trend  variant  metric       chart\n"
            "  slow   b        latency_p95  cusum 1.25 of 5, 1 alarm (learning: 3 of 30 windows)\n");
}

TEST(AnalysisTextTest, ADetectorIsOfErrorRatesAlone) {
  weir::v1::GuardrailStatus guardrail;
  EXPECT_EQ(DetectorText(guardrail), "");
  guardrail.set_detector_log10_statistic(2.3);
  guardrail.set_detector_log10_threshold(9);
  guardrail.set_detector_alarms(2);
  EXPECT_EQ(DetectorText(guardrail), "detector 2.30 of 9.00, 2 alarms");
}

}  // namespace
}  // namespace weir::cli
