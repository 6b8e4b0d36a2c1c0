#include "build_plan.hpp"

#include "build_images.hpp"
#include "build_lock.hpp"
#include "cache_report.hpp"
#include "command.hpp"
#include "display.hpp"
#include "git_context.hpp"
#include "http_context.hpp"
#include "print.hpp"
#include "session.hpp"

#include <cache/store.hpp>
#include <executor/solve/explain.hpp>
#include <executor/solve/plan.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <stdlib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;
using Outcome = PlannedStep::Outcome;

constexpr int would_run = 3;

// A store to look at. Where there is none, an empty one that is gone afterwards: looking makes
// none.
class StoreToLookAt {
 public:
  explicit StoreToLookAt(const std::filesystem::path& root) {
    if (std::filesystem::exists(root / "slipway.db")) {
      store_.emplace(root);
      return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "slipway-plan-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw system_error("mkdtemp", name, errno);
    temporary_ = name;
    store_.emplace(name);
  }
  ~StoreToLookAt() {
    store_.reset();
    std::error_code ignored;  // an empty folder of /tmp
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }
  StoreToLookAt(const StoreToLookAt&) = delete;
  StoreToLookAt& operator=(const StoreToLookAt&) = delete;
  Store& operator*() { return *store_; }

 private:
  std::filesystem::path temporary_;
  std::optional<Store> store_;
};

struct Totals {
  std::size_t hits = 0;
  std::size_t misses = 0;
  std::size_t unknown = 0;
  std::size_t without_history = 0;
  std::int64_t expected = 0;  // nanoseconds
};

Totals totals(const std::vector<PlannedStep>& steps) {
  Totals sum;
  for (const PlannedStep& step : steps) {
    if (step.outcome == Outcome::hit) ++sum.hits;
    if (step.outcome == Outcome::miss) ++sum.misses;
    if (step.outcome == Outcome::unknown) ++sum.unknown;
    if (step.outcome != Outcome::miss && step.outcome != Outcome::unknown) continue;
    if (step.duration)
      sum.expected += *step.duration;
    else
      ++sum.without_history;
  }
  return sum;
}

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::hit:
      return "hit";
    case Outcome::miss:
      return "miss";
    case Outcome::unknown:
      return "unknown";
    case Outcome::local:
      return "local";
  }
  return "";
}

std::string plan_text(const Graph& graph, const std::vector<PlannedStep>& steps) {
  const Totals sum = totals(steps);
  std::string text = "plan: " + std::to_string(sum.hits) + (sum.hits == 1 ? " hit, " : " hits, ") +
                     std::to_string(sum.misses) + (sum.misses == 1 ? " miss, " : " misses, ") +
                     std::to_string(sum.unknown) + " unknown; ";
  if (sum.misses + sum.unknown == 0) {
    text += "nothing would run\n";
  } else if (sum.without_history == sum.misses + sum.unknown) {
    text += "nothing of it has run before\n";
  } else {
    text += "about " + seconds_text(sum.expected) + " by what the steps took before";
    if (sum.without_history > 0)
      text += ", " + std::to_string(sum.without_history) + " without history";
    text += "\n";
  }
  constexpr std::size_t longest = 48;
  const auto short_name = [&](const PlannedStep& step) {
    const std::string name = printable(graph[step.vertex].name);
    return name.size() <= longest ? name : name.substr(0, longest - 3) + "...";
  };
  std::size_t width = 0;
  for (const PlannedStep& step : steps)
    if (step.outcome != Outcome::local) width = std::max(width, short_name(step).size());
  for (const PlannedStep& step : steps) {
    if (step.outcome == Outcome::local) continue;
    std::string outcome = name_of(step.outcome);
    outcome.resize(7, ' ');
    std::string name = short_name(step);
    std::string rest = printable(step.reason);
    if (step.outcome != Outcome::hit && step.duration)
      rest += (rest.empty() ? "" : "; ") + ("took " + seconds_text(*step.duration));
    if (!rest.empty()) name.resize(width, ' ');
    text += "  " + outcome + "  " + name + (rest.empty() ? "" : "  " + rest) + "\n";
  }
  return text;
}

// Misses as a build reports them, for explaining them as it does.
VertexReports as_reports(const std::vector<PlannedStep>& steps) {
  VertexReports reports;
  for (const PlannedStep& step : steps) {
    VertexReport report;
    static_cast<Miss&>(report) = step;
    report.vertex = step.vertex;
    report.key = step.key;
    report.outcome = step.outcome == Outcome::hit    ? VertexReport::Outcome::hit
                     : step.outcome == Outcome::miss ? VertexReport::Outcome::ran
                                                     : VertexReport::Outcome::local;
    reports.push_back(std::move(report));
  }
  return reports;
}

std::string plan_json(const Graph& graph, const std::vector<PlannedStep>& steps) {
  const Totals sum = totals(steps);
  // What explains a miss is as in a build's report.
  const Json report = Json::parse(cache_report_json(graph, as_reports(steps)));
  Json json;
  json["hits"] = sum.hits;
  json["misses"] = sum.misses;
  json["unknown"] = sum.unknown;
  json["expected_seconds"] = static_cast<double>(sum.expected) / 1e9;
  json["without_history"] = sum.without_history;
  json["steps"] = Json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PlannedStep& step = steps[i];
    const Json& told = report["steps"][i];
    Json one;
    one["name"] = told["name"];
    one["outcome"] = name_of(step.outcome);
    one["reason"] = told["reason"];
    one["key"] = told["key"];
    one["expected_seconds"] = nullptr;
    if (step.outcome == Outcome::hit || step.outcome == Outcome::local)
      one["expected_seconds"] = 0;
    else if (step.duration)
      one["expected_seconds"] = static_cast<double>(*step.duration) / 1e9;
    for (const char* name : {"baseline", "parts", "changes"})
      if (told.contains(name)) one[name] = told[name];
    json["steps"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Images as the store has them; with --pull a registry would have to be asked, and may have
// another.
ResolveImage images_at_hand(const BuildRequest& request, Store& store, const SourceLock* lock) {
  return [&request, &store, lock](const ImageRequest& wanted) {
    if (!request.pull && !request.update_lock)
      if (auto image = find_image(store, wanted, lock)) return std::move(*image);
    ResolvedImage unknown;
    unknown.known = false;
    unknown.reference = wanted.reference;
    return unknown;
  };
}

}  // namespace

PlanMode parse_dry_run(const BuildRequest& request) {
  if (request.dry_run.empty() || request.dry_run == "false") return PlanMode::none;
  if (request.dry_run != "true" && request.dry_run != "text" && request.dry_run != "json")
    throw Error("--dry-run=" + quoted(request.dry_run) + " is not known")
        .hint("--dry-run, or --dry-run=json");
  if (request.context == "-" || is_http_context(request.context) || is_git_context(request.context))
    throw Error("--dry-run needs a context that is here: a plan fetches and keeps nothing")
        .hint("give a directory as CONTEXT");
  return request.dry_run == "json" || request.explain == "json" ? PlanMode::json : PlanMode::text;
}

int run_plan(PlanMode mode, ExplainMode explain, const BuildRequest& request,
             const Session& session, const LowerOptions& options,
             const std::vector<Platform>& platforms, BuildInputs& inputs,
             const Dockerfile& dockerfile, const std::string& place,
             SharedCacheOptions cache_options, const std::filesystem::path& root) {
  StoreToLookAt store(root);
  const std::optional<SourceLock> lock = open_lock(request);
  const SourceLock* const held = lock ? &*lock : nullptr;
  LoweredPlatforms lowered =
      lower_platforms(dockerfile, options, platforms, images_at_hand(request, *store, held));
  if (lock) lowered = lock->hold(std::move(lowered));
  SolveOptions solve_options;
  solve_options.place = place;
  open_contexts(inputs, options.contexts, request, session, lowered.graph, *store, solve_options,
                held);
  hand_over(session, solve_options);
  cache_options.to.clear();
  const auto caches = open_shared_caches(
      std::move(cache_options), *store, [](const Diagnostic& note) {
        std::fputs(render(note, "note", use_color()).c_str(), stderr);
      });
  solve_options.shared = caches.get();
  std::vector<VertexId> roots;
  for (const PlatformImage& image : lowered.images) roots.push_back(image.root);
  const std::vector<PlannedStep> steps = plan(lowered.graph, roots, *store, solve_options);
  print(mode == PlanMode::json ? plan_json(lowered.graph, steps) : plan_text(lowered.graph, steps));
  if (mode == PlanMode::text) {
    std::fflush(stdout);
    explain_build(explain, lowered.graph, as_reports(steps));
  }
  const Totals sum = totals(steps);
  return sum.misses + sum.unknown == 0 ? 0 : would_run;
}

}  // namespace slipway
