#include "cache_report.hpp"

#include <executor/solve/explain.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <variant>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;
using Outcome = VertexReport::Outcome;

// A RUN that is older is named: what it fetched may be, too.
constexpr std::int64_t old_age = 30 * 86400;
constexpr std::size_t most_old = 3;

struct Totals {
  std::size_t hits = 0;
  std::size_t shared = 0;  // hits whose record a shared cache gave
  std::size_t misses = 0;
  std::int64_t saved = 0;         // nanoseconds
  std::size_t same_files = 0;     // ran, and gave the same files as before
  std::size_t behind_same = 0;    // hits that stand on one of those, or take files of it
};

Totals totals(const Graph& graph, const VertexReports& reports) {
  Totals sum;
  std::vector<bool> behind(graph.size(), false);
  for (const VertexReport& report : reports) {
    // Inputs have smaller numbers, so they have been seen.
    const auto& inputs = graph[report.vertex].inputs;
    const bool is_behind = std::any_of(inputs.begin(), inputs.end(), [&](VertexId input) {
      return behind[index_of(input)];
    });
    behind[index_of(report.vertex)] = is_behind || report.same_tree;
    if (report.shared) ++sum.shared;
    if (report.outcome == Outcome::ran) ++sum.misses;
    if (report.outcome == Outcome::ran && report.same_tree) ++sum.same_files;
    if (report.outcome != Outcome::hit) continue;
    ++sum.hits;
    sum.saved += report.saved;
    if (is_behind) ++sum.behind_same;
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

// Of a hit of a RUN, and only there: what a COPY gives is as new as its files.
std::int64_t age_of(const Graph& graph, const VertexReport& report) {
  if (report.outcome != Outcome::hit || report.made == 0) return 0;
  if (!std::holds_alternative<RunProcess>(graph[report.vertex].operation)) return 0;
  return std::max<std::int64_t>(0, std::time(nullptr) - report.made);
}

std::vector<const VertexReport*> oldest_hits(const Graph& graph, const VertexReports& reports) {
  std::vector<const VertexReport*> old;
  for (const VertexReport& report : reports)
    if (age_of(graph, report) > old_age) old.push_back(&report);
  std::stable_sort(old.begin(), old.end(), [](const VertexReport* left, const VertexReport* right) {
    return left->made < right->made;
  });
  if (old.size() > most_old) old.resize(most_old);
  return old;
}

Json changes_json(const VertexReport& report, std::size_t most) {
  Json files = Json::array();
  for (const FileChange& change : report.changes) {
    if (files.size() == most) break;
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

Json parts_json(const std::vector<PartChange>& parts) {
  Json list = Json::array();
  for (const PartChange& part : parts) {
    Json one;
    one["label"] = part.label;
    one["was"] = part.was ? Json(*part.was) : Json(nullptr);
    one["is"] = part.is ? Json(*part.is) : Json(nullptr);
    list.push_back(std::move(one));
  }
  return list;
}

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::hit:
      return "hit";
    case Outcome::ran:
      return "miss";
    case Outcome::local:
      return "local";
    case Outcome::failed:
      return "failed";
    case Outcome::cancelled:
      return "cancelled";
  }
  return "";
}

Json step_json(const Graph& graph, const VertexReport& report, std::size_t most_changes) {
  Json step;
  step["name"] = graph[report.vertex].name;
  step["outcome"] = name_of(report.outcome);
  step["reason"] = report.reason;
  step["key"] = report.key ? report.key->text() : "";
  step["duration_seconds"] = in_seconds(report.ended - report.started);
  step["saved_seconds"] = in_seconds(report.saved);
  step["same_files"] = report.same_tree;
  if (report.shared) step["shared"] = true;
  if (report.made != 0) step["ran"] = report.made;
  if (report.baseline)
    step["baseline"] = {{"key", report.baseline->text()}, {"name", report.baseline_step}};
  if (!report.parts.empty()) step["parts"] = parts_json(report.parts);
  // The files behind the reason, of which it names the first few only.
  if (report.change_count > 0) step["changes"] = changes_json(report, most_changes);
  return step;
}

}  // namespace

std::string cache_report(const Graph& graph, const VertexReports& reports) {
  const Totals sum = totals(graph, reports);
  char saved[48];
  std::snprintf(saved, sizeof saved, "%.1f s saved", in_seconds(sum.saved));
  std::string text = "cache: " + count(sum.hits, "hit", "hits") +
                     (sum.shared > 0 ? " (" + std::to_string(sum.shared) + " shared)" : "") + ", " +
                     count(sum.misses, "miss", "misses") + ", " + saved;
  if (sum.same_files > 0)
    text += "; " + count(sum.same_files, "step", "steps") + " gave the same files";
  if (sum.behind_same > 0)
    text += ", " + std::to_string(sum.behind_same) + " behind " +
            (sum.same_files == 1 ? "it" : "them") + " hit";
  text += "\n";
  const std::vector<const VertexReport*> old = oldest_hits(graph, reports);
  std::size_t width = 0;
  const auto widen = [&](const VertexReport& report) {
    width = std::max(width, short_name(graph[report.vertex].name).size());
  };
  for (const VertexReport& report : reports)
    if (report.outcome == Outcome::ran) widen(report);
  for (const VertexReport* report : old) widen(*report);
  const auto line = [&](const char* what, const VertexReport& report, const std::string& rest) {
    std::string name = short_name(graph[report.vertex].name);
    name.resize(width, ' ');
    text += std::string("  ") + what + "  " + name + "  " + rest + "\n";
  };
  for (const VertexReport& report : reports)
    if (report.outcome == Outcome::ran)
      line("miss", report, report.reason + (report.same_tree ? "; same files as before" : ""));
  for (const VertexReport* report : old)
    line("old ", *report, "its layer is " + days_text(age_of(graph, *report)) + " old");
  return text;
}

std::string cache_report_json(const Graph& graph, const VertexReports& reports,
                              std::size_t most_changes) {
  const Totals sum = totals(graph, reports);
  Json report;
  report["hits"] = sum.hits;
  report["misses"] = sum.misses;
  if (sum.shared > 0) report["shared_hits"] = sum.shared;
  report["saved_seconds"] = in_seconds(sum.saved);
  report["same_files"] = sum.same_files;
  report["hits_behind_same_files"] = sum.behind_same;
  report["steps"] = Json::array();
  for (const VertexReport& one : reports)
    report["steps"].push_back(step_json(graph, one, most_changes));
  // A file name in a reason may be any bytes.
  return report.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slipway
