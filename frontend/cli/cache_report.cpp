#include "cache_report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace slipway {
namespace {

using Outcome = VertexReport::Outcome;

struct Totals {
  std::size_t hits = 0;
  std::size_t shared = 0;  // hits whose record a shared cache gave
  std::size_t misses = 0;
  std::int64_t saved = 0;  // nanoseconds
};

Totals totals(const SolveResult& result) {
  Totals sum;
  for (const VertexReport& report : result.reports) {
    if (report.outcome == Outcome::hit) ++sum.hits;
    if (report.shared) ++sum.shared;
    if (report.outcome == Outcome::ran) ++sum.misses;
    if (report.outcome == Outcome::hit) sum.saved += report.saved;
  }
  return sum;
}

std::string count(std::size_t n, const std::string& one, const std::string& many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

double in_seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

// Names longer than this would push the reasons off the screen.
std::string short_name(const std::string& name) {
  constexpr std::size_t longest = 48;
  return name.size() <= longest ? name : name.substr(0, longest - 3) + "...";
}

nlohmann::ordered_json changes_json(const VertexReport& report) {
  using Json = nlohmann::ordered_json;
  Json files = Json::array();
  for (const FileChange& change : report.changes) {
    Json file;
    file["path"] = change.path;
    file["change"] = change.what;
    if (change.directory) file["directory"] = true;
    if (change.files > 0) file["files"] = change.files;
    if (!change.detail.empty()) file["detail"] = change.detail;
    files.push_back(std::move(file));
  }
  return {{"count", report.change_count}, {"first", std::move(files)}};
}

}  // namespace

std::string cache_report(const Graph& graph, const SolveResult& result) {
  const Totals sum = totals(result);
  char saved[48];
  std::snprintf(saved, sizeof saved, "%.1f s saved", in_seconds(sum.saved));
  std::string text = "cache: " + count(sum.hits, "hit", "hits") +
                     (sum.shared > 0 ? " (" + std::to_string(sum.shared) + " shared)" : "") + ", " +
                     count(sum.misses, "miss", "misses") + ", " + saved + "\n";
  std::size_t width = 0;
  for (const VertexReport& report : result.reports) {
    if (report.outcome == Outcome::ran) {
      width = std::max(width, short_name(graph[report.vertex].name).size());
    }
  }
  for (const VertexReport& report : result.reports) {
    if (report.outcome != Outcome::ran) continue;
    std::string name = short_name(graph[report.vertex].name);
    name.resize(width, ' ');
    text += "  miss  " + name + "  " + report.reason +
            (report.same_tree ? "; same files as before" : "") + "\n";
  }
  return text;
}

std::string cache_report_json(const Graph& graph, const SolveResult& result) {
  using Json = nlohmann::ordered_json;
  const Totals sum = totals(result);
  Json steps = Json::array();
  for (const VertexReport& report : result.reports) {
    const char* outcome = report.outcome == Outcome::hit   ? "hit"
                          : report.outcome == Outcome::ran ? "miss"
                                                           : "local";
    Json step;
    step["name"] = graph[report.vertex].name;
    step["outcome"] = outcome;
    step["reason"] = report.reason;
    step["key"] = report.key ? report.key->text() : "";
    step["duration_seconds"] = in_seconds(report.ended - report.started);
    step["saved_seconds"] = in_seconds(report.saved);
    step["same_files"] = report.same_tree;
    if (report.shared) step["shared"] = true;
    // The files behind the reason, of which it names the first few only.
    if (report.change_count > 0) step["changes"] = changes_json(report);
    steps.push_back(std::move(step));
  }
  Json report;
  report["hits"] = sum.hits;
  report["misses"] = sum.misses;
  if (sum.shared > 0) report["shared_hits"] = sum.shared;
  report["saved_seconds"] = in_seconds(sum.saved);
  report["steps"] = std::move(steps);
  // A file name in a reason may be any bytes.
  return report.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slipway
