// slipway cache why: a question about a step after its build has ended.
#include "cache.hpp"
#include "print.hpp"
#include "step_explanation.hpp"
#include "table.hpp"

#include <cache/build_history.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string what;
  std::string format;
};

struct Found {
  std::int64_t ended = 0;
  std::string place;
  std::vector<ReportedStep> steps;
};

// "3/5" is the number in "[build 3/5] RUN make", and not a part of "[13/57]".
bool is_number_of(std::string_view what, std::string_view name) {
  const auto end = name.starts_with('[') ? name.find(']') : name.npos;
  if (end == name.npos || what.empty()) return false;
  const std::string_view number = name.substr(1, end - 1);
  if (number == what) return true;
  return number.ends_with(what) && number[number.size() - what.size() - 1] == ' ';
}

std::vector<ReportedStep> steps_named(const std::vector<ReportedStep>& steps,
                                      const std::string& what) {
  std::string bare = what;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  std::vector<ReportedStep> found;
  for (const ReportedStep& step : steps)
    if (is_number_of(bare, step.name)) found.push_back(step);
  // "3/5" is no text to be found in "[13/57]".
  if (!found.empty() || bare.find_first_not_of("0123456789/") == bare.npos) return found;
  for (const ReportedStep& step : steps)
    if (lower_case(step.name).find(lower_case(what)) != std::string::npos) found.push_back(step);
  return found;
}

Found find_key(const std::vector<BuildHistory::Build>& builds, const std::string& what) {
  std::string digits = lower_case(what);
  if (!digits.starts_with("sha256:")) digits = "sha256:" + digits;
  for (const BuildHistory::Build& build : builds) {
    Found found{build.ended, build.place, {}};
    for (ReportedStep& step : read_report(build.report))
      if (step.key.starts_with(digits)) found.steps.push_back(std::move(step));
    if (!found.steps.empty()) return found;
  }
  return {};
}

Found find_step(const std::vector<BuildHistory::Build>& builds, const std::string& what) {
  const BuildHistory::Build& last = builds.front();
  const std::vector<ReportedStep> all = read_report(last.report);
  Found found{last.ended, last.place, steps_named(all, what)};
  if (!found.steps.empty()) return found;
  std::string names;
  for (const ReportedStep& step : all)
    if (!step.key.empty()) names += "\n  " + printable(step.name);
  Error error("the last build has no step " + quoted(what));
  if (names.empty()) throw std::move(error).hint("it has no steps that could be cached");
  throw std::move(error)
      .detail("its steps are:" + names)
      .hint("name one by its number, by a part of its text, or by its key");
}

int answer(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  Store store(root);
  const std::vector<BuildHistory::Build> builds = store.builds().list();
  if (builds.empty())
    throw Error("this store has seen no build yet").hint("slipway build . makes one");
  Found found;
  if (is_key(request.what)) found = find_key(builds, request.what);
  if (found.steps.empty()) found = find_step(builds, request.what);
  std::string text;
  if (json) {
    text = "[";
    for (const ReportedStep& step : found.steps) text += (text == "[" ? "" : ",\n") + step.json;
    text += "]\n";
  } else {
    std::string place = found.place;
    while (place.ends_with('\n')) place.pop_back();
    std::replace(place.begin(), place.end(), '\n', ' ');
    text = "build of " + printable(place) + ", " + age_text(found.ended, std::time(nullptr)) + "\n";
    for (const ReportedStep& step : found.steps) text += "\n" + explain_text(step);
  }
  print(text);
  return 0;
}

}  // namespace

std::function<int()> declare_cache_why(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Says why a step was a hit or a miss: with what it was compared, every part of the key that\n"
      "differs with both values, and the files behind it. STEP is the name of a step of the last\n"
      "build, a part of it, or its number; KEY is looked for in the last 50 builds.");
  app.add_option("step", request->what, "a step of the last build, or a cache key")
      ->required()
      ->type_name("STEP|KEY");
  app.add_option("--format", request->format, "json: a list of steps, as in --metadata-file")
      ->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway cache why "build 3/5"
  slipway cache why "RUN make"
  slipway cache why 4f8a21c0
)");
  return [request, &globals] { return answer(*request, globals.root); };
}

}  // namespace slipway
