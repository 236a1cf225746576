#include "config/url_spec.h"

#include <filesystem>

#include "config/network.h"

namespace weir::config {

HttpUrl ReadHttpUrl(const Field& field, UrlMay may) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value()) return {};
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(*text);
  if (url.ok()) return *std::move(url);
  const std::string why(url.status().message());
  may == UrlMay::kBeShown ? field.ReportGot(why) : field.Report(why);
  return {};
}

std::string ReadPath(const Field& field) {
  const std::optional<std::string> path = field.ReadText();
  if (!path.has_value()) return "";
  if (path->empty()) {
    field.ReportGot("must be the path of a file");
    return "";
  }
  const std::filesystem::path folder = std::filesystem::path(field.reading().places.file()).parent_path();
  return (folder / *path).lexically_normal().string();
}

std::string ReadCaFile(const Field& field, const HttpUrl& url) {
  if (!url.is_tls && !url.host.empty()) field.Report("is for an https url: cleartext has no certificate");
  return ReadPath(field);
}

}  // namespace weir::config
