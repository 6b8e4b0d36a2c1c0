#include <executor/solve/plan.hpp>

#include <cache/http_answers.hpp>
#include <cache/secret_key.hpp>
#include <executor/files/selected.hpp>
#include <executor/git/git_sources.hpp>
#include <executor/http/fetch.hpp>
#include <executor/solve/baseline.hpp>
#include <executor/solve/explain.hpp>
#include <executor/solve/ready_set.hpp>
#include <executor/solve/shared_records.hpp>
#include <executor/solve/step_parts.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace slipway {
namespace {

using Outcome = PlannedStep::Outcome;

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<VertexId>& roots, Store& store,
          SolveOptions& options)
      : graph_(graph),
        ready_(graph, roots),
        store_(store),
        options_(options),
        baselines_(graph, ready_.vertices(), options.place, store.records()),
        results_(graph.size()) {}

  std::vector<PlannedStep> walk() {
    // Inputs have smaller numbers than who needs them.
    for (const VertexId id : ready_.vertices()) {
      PlannedStep step;
      step.vertex = id;
      try {
        consider(step);
      } catch (Error& error) {
        if (graph_[id].origin) error.at(graph_[id].origin);
        if (!std::exchange(needs_layer_, false)) throw;
        step.outcome = Outcome::unknown;
        step.reason = error.diagnostics().front().message;
      }
      steps_.push_back(std::move(step));
    }
    return std::move(steps_);
  }

 private:
  struct Result {
    bool known = false;
    LayerStack layers;
    const SourceTree* context = nullptr;
  };
  Result& result_of(VertexId id) { return results_[index_of(id)]; }

  void consider(PlannedStep& step) {
    const Operation& operation = graph_[step.vertex].operation;
    Result& result = result_of(step.vertex);
    if (std::holds_alternative<Scratch>(operation)) {
      result.known = true;
    } else if (const auto* image = std::get_if<BaseImage>(&operation)) {
      consider_image(step, *image);
    } else if (const auto* context = std::get_if<ReadContext>(&operation)) {
      consider_context(step, *context);
    } else if (const auto* git = std::get_if<FetchGit>(&operation)) {
      consider_git(step, *git);
    } else if (const auto* http = std::get_if<FetchHttp>(&operation)) {
      consider_http(step, *http);
    } else if (wait_for_inputs(step)) {
      return;
    } else if (std::holds_alternative<StackLayers>(operation)) {
      result.known = true;
      for (const VertexId input : graph_[step.vertex].inputs) {
        const LayerStack& below = result_of(input).layers;
        result.layers.insert(result.layers.end(), below.begin(), below.end());
      }
    } else if (const auto* run = std::get_if<RunProcess>(&operation)) {
      consider_run(step, *run);
    } else {
      consider_copy(step);
    }
  }

  // Whether an input is not known, and the step therefore neither.
  bool wait_for_inputs(PlannedStep& step) {
    for (const VertexId input : graph_[step.vertex].inputs) {
      if (result_of(input).known) continue;
      step.outcome = std::holds_alternative<StackLayers>(graph_[step.vertex].operation)
                         ? Outcome::local
                         : Outcome::unknown;
      step.reason = "behind " + step_number(graph_[input].name);
      if (const auto before = baselines_.last(step.vertex)) step.duration = before->duration;
      return true;
    }
    return false;
  }

  void consider_image(PlannedStep& step, const BaseImage& image) {
    const std::optional<Image> found = store_.images().find(image.config);
    const bool whole =
        found &&
        std::all_of(found->layers.begin(), found->layers.end(), [this](const LayerRef& layer) {
          return store_.layers().find(layer.diff_id).has_value();
        });
    if (!whole) {
      step.outcome = Outcome::unknown;
      step.reason = "the image is not in the store";
      return;
    }
    result_of(step.vertex) = {true, found->layers, nullptr};
  }

  void consider_context(PlannedStep& step, const ReadContext& context) {
    Result& result = result_of(step.vertex);
    if (const auto found = options_.contexts.find(context.name);
        found != options_.contexts.end() && found->second) {
      found->second->expect(
          takings(graph_, step.vertex, [this](VertexId id) { return ready_.needed(id); }));
      result = {true, {}, found->second.get()};
      return;
    }
    step.outcome = Outcome::unknown;
    step.reason = "the context would have to be fetched";
  }

  void consider_git(PlannedStep& step, const FetchGit& fetch) {
    if (!git_) git_.emplace(store_.state(), options_.secret, git_agent(options_.ssh_agents));
    FetchGit resolved;
    try {
      resolved = git_->resolve(fetch, {[] { return false; }, [](std::string_view) {}});
    } catch (const Error& error) {
      step.outcome = Outcome::unknown;
      step.reason = error.diagnostics().front().message;
      return;
    }
    decide(step, key_parts(GitSources::identity(resolved)), {});
  }

  void consider_http(PlannedStep& step, const FetchHttp& operation) {
    if (!operation.checksum.empty())
      return decide(step, http_parts(operation, operation.checksum), {});
    HttpFetch fetch;
    fetch.operation = operation;
    fetch.authorization = http_authorization(operation, options_.secret);
    fetch.cancelled = [] { return false; };
    for (HttpAnswer& answer : store_.http_answers().find(operation.url))
      fetch.known.push_back(std::move(answer));
    try {
      if (const auto content = ask_http_unchanged(fetch))
        return decide(step, http_parts(operation, content->text()), {});
      step.reason = "the file would have to be downloaded";
    } catch (const Error& error) {
      step.reason = error.diagnostics().front().message;
    }
    step.outcome = Outcome::unknown;
  }

  std::vector<std::unique_ptr<SourceTree>> trees_of(VertexId id,
                                                    std::vector<const SourceTree*>& trees) {
    return input_trees(
        graph_, id,
        {[this](VertexId input) { return result_of(input).context; },
         [this](VertexId input) { return store_.layers().view(result_of(input).layers); }},
        trees);
  }

  void consider_run(PlannedStep& step, const RunProcess& run) {
    KeyParts parts = key_parts(graph_[step.vertex].operation);
    parts.push_back(stack_part(0, result_of(graph_[step.vertex].inputs[0]).layers));
    std::vector<PlannedFiles> files;
    if (std::any_of(run.mounts.begin(), run.mounts.end(), reads_input)) {
      std::vector<const SourceTree*> trees;
      const auto owned = trees_of(step.vertex, trees);
      files = add_mount_parts(run, trees, parts);
    }
    add_secret_parts(
        run, options_.keyed_secrets, options_.secret,
        [this](const std::string& id, const std::string& value) {
          // A store without its key has no such record, and must not get the key by a look.
          if (!std::filesystem::exists(store_.state().root() / "secret.key")) return Digest();
          return SecretKey(store_.state()).digest(id, value);
        },
        parts);
    decide(step, std::move(parts), files);
  }

  void consider_copy(PlannedStep& step) {
    const Vertex& vertex = graph_[step.vertex];
    const LayerStack& below = result_of(vertex.inputs[0]).layers;
    const StackView view = store_.layers().view(below);
    std::vector<const SourceTree*> trees;
    const auto owned = trees_of(step.vertex, trees);
    const auto* copy = std::get_if<CopyFiles>(&vertex.operation);
    auto plan = std::make_shared<const CopyPlan>(
        copy != nullptr ? plan_copy(*copy, trees, view)
                        : plan_directory(std::get<MakeDirectory>(vertex.operation), view));
    KeyParts parts = key_parts(vertex.operation);
    if (copy == nullptr || !copy->link) parts.push_back(stack_part(0, below));
    for (KeyPart& part : plan->key_parts()) parts.push_back(std::move(part));
    decide(step, std::move(parts), {{std::string(files_part), std::move(plan)}});
  }

  void decide(PlannedStep& step, KeyParts parts, const std::vector<PlannedFiles>& planned) {
    const Vertex& vertex = graph_[step.vertex];
    step.key = cache_key(parts);
    std::optional<Record> record = store_.records().peek(*step.key);
    if (record && store_.layers().find(record->layer.diff_id) != record->layer) record.reset();
    const bool expired = record && is_expired(vertex, *record);
    if (record && !vertex.ignore_cache && !expired) return hit(step, *record);
    if (const auto shared = vertex.ignore_cache ? std::nullopt : find_shared(*step.key);
        shared && !is_expired(vertex, shared->record))
      return hit(step, shared->record);

    step.outcome = Outcome::miss;
    std::vector<RecordedFiles> files = lists_of(planned);
    if (std::string image = input_image(graph_, vertex); !image.empty())
      files.push_back({std::string(input_image_part), std::move(image)});
    const std::optional<Baseline> baseline =
        record ? std::optional(Baseline{*record})
               : baselines_.find(step.vertex, parts, [this](const CacheKey& key) {
                   return std::find(used_.begin(), used_.end(), key) != used_.end();
                 });
    // What it depends on is all known, so no input gives anything new.
    static_cast<Miss&>(step) =
        explain_miss({graph_, step.vertex, *step.key, parts, files, baseline, expired},
                     store_.records(), [](VertexId) { return false; });
    if (baseline && !baseline->elsewhere) step.duration = baseline->record.duration;
  }

  // Its layer may be looked into, and stays where it is.
  std::optional<SharedRecord> find_shared(const CacheKey& key) {
    if (options_.shared == nullptr || !options_.shared->reads()) return std::nullopt;
    std::optional<SharedRecord> found = options_.shared->find(key);
    if (!found) return found;
    LayerStore::Elsewhere layer =
        shared_layer(*found, *options_.shared, store_.layers(), [this] { needs_layer_ = true; });
    layer.bring = [] { throw Error("a layer of a shared cache would have to be fetched"); };
    if (!store_.layers().expect(std::move(layer))) return std::nullopt;
    return found;
  }

  void hit(PlannedStep& step, const Record& record) {
    step.outcome = Outcome::hit;
    step.duration = record.duration;
    used_.push_back(record.key);
    Result& result = result_of(step.vertex);
    result.known = true;
    if (const auto& inputs = graph_[step.vertex].inputs; !inputs.empty())
      result.layers = result_of(inputs[0]).layers;
    result.layers.push_back(record.layer);
  }

  const Graph& graph_;
  const ReadySet ready_;
  Store& store_;
  SolveOptions& options_;
  Baselines baselines_;
  std::optional<GitSources> git_;  // once something asks
  std::vector<Result> results_;    // by vertex
  std::vector<PlannedStep> steps_;
  std::vector<CacheKey> used_;
  bool needs_layer_ = false;  // of a shared cache, to know more of the step
};

}  // namespace

std::vector<PlannedStep> plan(const Graph& graph, const std::vector<VertexId>& roots, Store& store,
                              SolveOptions& options) {
  return Planner(graph, roots, store, options).walk();
}

}  // namespace slipway
