#include "step_explanation.hpp"

#include "table.hpp"

#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_value = 200;

std::optional<std::string> text_or_none(const Json& value) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

std::vector<PartChange> parts_of(const Json& step) {
  std::vector<PartChange> parts;
  if (const auto list = step.find("parts"); list != step.end())
    for (const Json& one : *list)
      parts.push_back({one.value("label", ""), text_or_none(one.at("was")),
                       text_or_none(one.at("is"))});
  return parts;
}

std::vector<FileChange> changes_of(const Json& changes) {
  std::vector<FileChange> files;
  for (const Json& one : changes.at("first")) {
    FileChange change;
    change.path = one.value("path", "");
    change.what = one.value("change", std::vector<std::string>());
    change.detail = one.value("detail", "");
    change.files = one.value("files", std::uint64_t{0});
    change.directory = one.value("directory", false);
    files.push_back(std::move(change));
  }
  return files;
}

std::string field(const std::string& name, const std::string& value) {
  std::string line = "  " + name;
  line.resize(std::max<std::size_t>(line.size() + 2, 14), ' ');
  return line + value + "\n";
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

std::string explain(const Json& step) {
  const std::string outcome = step.value("outcome", "");
  std::string text = printable(step.value("name", "")) + "\n";
  std::string decision = outcome;
  if (const std::string reason = step.value("reason", ""); !reason.empty())
    decision += ": " + printable(reason);
  if (step.value("same_files", false)) decision += "; same files as before";
  text += field("decision", decision);
  if (const std::string key = step.value("key", ""); !key.empty()) text += field("key", key);
  if (outcome == "hit") {
    text += field("saved", seconds_text(step.value("saved_seconds", 0.0)));
    if (const auto ran = step.value("ran", std::int64_t{0}); ran != 0)
      text += field("ran", time_text(ran));
  } else if (outcome == "miss" || outcome == "failed") {
    text += field("took", seconds_text(step.value("duration_seconds", 0.0)));
  }
  if (const auto baseline = step.find("baseline"); baseline != step.end())
    text += field("compared", baseline->value("key", "")) +
            field("", printable(baseline->value("name", "")));
  text += parts_text(parts_of(step));
  if (const auto changes = step.find("changes"); changes != step.end())
    text += changes_text(changes_of(*changes), changes->value("count", std::size_t{0}));
  return text;
}

Json parsed(std::string_view report) {
  Json json = Json::parse(report, nullptr, false);
  if (!json.is_object() || !json.contains("steps") || !json["steps"].is_array())
    throw Error("a build's report in the store is damaged").hint("slipway fsck");
  return json;
}

}  // namespace

std::string value_text(std::string_view value, std::size_t longest) {
  std::string text = quoted(value.substr(0, std::min(value.size(), longest)));
  if (value.size() > longest) text += "... (" + std::to_string(value.size()) + " bytes)";
  return text;
}

std::string parts_text(const std::vector<PartChange>& parts) {
  std::string text;
  for (const PartChange& part : parts) {
    const auto shown = [](const std::optional<std::string>& value) {
      return value ? value_text(*value, longest_value) : std::string("(none)");
    };
    text += "    " + printable(part.label) + "\n      was  " + shown(part.was) + "\n      is   " +
            shown(part.is) + "\n";
  }
  return text.empty() ? text : "  differs in\n" + text;
}

std::string changes_text(const std::vector<FileChange>& changes, std::size_t count) {
  std::string text = "  file changes\n";
  for (const FileChange& change : changes) {
    std::string what;
    for (const std::string& one : change.what) what += (what.empty() ? "" : ", ") + one;
    if (change.files > 0) what += " (" + grouped(change.files) + " files)";
    if (!change.detail.empty()) what += " (" + printable(change.detail) + ")";
    text += "    " + printable(change.path) + (change.directory ? "/" : "") + "  " + what + "\n";
  }
  if (count > changes.size()) text += "    and " + grouped(count - changes.size()) + " more\n";
  return text;
}

std::vector<ReportedStep> read_report(std::string_view report) {
  std::vector<ReportedStep> steps;
  const Json json = parsed(report);
  for (const Json& step : json["steps"])
    steps.push_back({step.value("name", ""), step.value("outcome", ""), step.value("key", ""),
                     step.dump(2, ' ', false, Json::error_handler_t::replace)});
  return steps;
}

std::string explain_text(const ReportedStep& step) {
  return explain(Json::parse(step.json));
}

std::string explain_misses(std::string_view report) {
  std::string text;
  const Json json = parsed(report);
  for (const Json& step : json["steps"]) {
    const std::string outcome = step.value("outcome", "");
    const bool missed = outcome == "miss" || !step.value("reason", "").empty();
    if (missed) text += "\n" + explain(step);
  }
  return text;
}

}  // namespace slipway
