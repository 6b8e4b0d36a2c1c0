#include "build_attestations.hpp"

#include "git_context.hpp"
#include "http_context.hpp"

#include <cache/images/time.hpp>
#include <cache/store.hpp>
#include <executor/attest/build_steps.hpp>
#include <executor/attest/provenance.hpp>
#include <executor/contents/sbom.hpp>
#include <executor/solve/image.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <set>
#include <utility>
#include <variant>

namespace slipway {
namespace {

constexpr std::size_t most_told_notes = 5;  // all of them stand in the documents

// As BuildKit's: 25 letters and digits.
std::string random_name() {
  constexpr std::string_view signs = "0123456789abcdefghijklmnopqrstuvwxyz";
  unsigned char bytes[25];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    throw system_error("getrandom", "", errno);
  std::string name;
  for (const unsigned char byte : bytes) name += signs[byte % signs.size()];
  return name;
}

// The image's own time, which is that of its newest layer or SOURCE_DATE_EPOCH: the same image has
// the same documents.
std::string created_of(const ImageConfig& config) {
  return rfc3339(parse_time(config.created).value_or(0));
}

bool is_fetched(const std::string& context) {
  return is_http_context(context) || is_git_context(context);
}

// Flags that say what was built, by the names that BuildKit gives them.
std::map<std::string, std::string> options_of(const BuildRequest& request) {
  std::map<std::string, std::string> options;
  const auto joined = [](const std::vector<std::string>& list) {
    std::string text;
    for (const std::string& each : list) text += (text.empty() ? "" : ",") + each;
    return text;
  };
  if (!request.target.empty()) options["target"] = request.target;
  if (request.no_cache || !request.no_cache_filter.empty())
    options["no-cache"] = joined(request.no_cache_filter);
  if (!request.add_hosts.empty()) options["add-hosts"] = joined(request.add_hosts);
  if (request.network != "default") options["force-network-mode"] = request.network;
  return options;
}

// --build-context, but for directories of this machine, whose places are nobody's business.
std::map<std::string, std::string> contexts_of(const BuildRequest& request) {
  std::map<std::string, std::string> contexts;
  for (const std::string& text : request.build_contexts) {
    const std::size_t equals = text.find('=');
    const std::string name = lower_case(text.substr(0, equals));
    const std::string value = text.substr(equals + 1);
    const bool told =
        is_fetched(value) || value.starts_with("docker-image://") || value.starts_with("target:");
    contexts[name] = told ? value : "local:" + name;
  }
  return contexts;
}

// The directories of this machine that a build reads. The Dockerfile is one of their files.
std::vector<std::string> locals_of(const BuildRequest& request, const LowerOptions& options,
                                   const LoweredPlatforms& lowered) {
  std::set<std::string> names;
  const bool dockerfile_here =
      !is_fetched(request.context) || request.file == "-" || request.file.starts_with('/');
  if (dockerfile_here) names.insert("dockerfile");
  for (const PlatformImage& image : lowered.images) {
    for (const VertexId id : needed_vertices(lowered.graph, image.root)) {
      const auto* context = std::get_if<ReadContext>(&lowered.graph[id].operation);
      if (context == nullptr) continue;
      if (context->name.empty()) {
        if (!is_fetched(request.context)) names.insert("context");
        continue;
      }
      const auto named = options.contexts.find(context->name);
      if (named == options.contexts.end() || !is_fetched(named->second.value))
        names.insert(context->name);
    }
  }
  return {names.begin(), names.end()};
}

std::string dockerfile_path(const BuildRequest& request, const SourceFile& dockerfile) {
  if (request.file == "-") return "Dockerfile";  // as buildx calls what came on standard input
  if (is_fetched(request.context) && !request.file.starts_with('/'))
    return request.file.empty() ? "Dockerfile" : request.file;
  // Where it lies on this machine is nobody's business.
  return std::filesystem::path(dockerfile.name).filename().string();
}

}  // namespace

BuildAttestations::BuildAttestations(const BuildRequest& request)
    : request_(request),
      spec_(parse_attest(request.attestations, request.provenance, request.sbom)) {
  if (spec_.provenance) invocation_ = random_name();
}

std::vector<std::vector<Attestation>> BuildAttestations::make(
    const BuildMade& made, Store& store, Display& display,
    const std::function<void(const Diagnostic&)>& note) const {
  const std::vector<PlatformImage>& images = made.lowered.images;
  std::vector<std::vector<Attestation>> attestations(images.size());
  for (std::size_t i = 0; spec_.sbom && i < images.size(); ++i) {
    const SolvedRoot& root = made.result.roots[i];
    Inventory contents = find_packages(store.layers().view(root.layers));
    // One document goes with all outputs: layers that one of them has not are not named.
    if (made.reshaped)
      for (Package& package : contents.packages) package.layer.reset();
    SbomSubject subject;
    if (!request_.tags.empty()) subject.name = parse_reference(request_.tags.front()).text();
    subject.created = created_of(finish_config(images[i].config, root));
    subject.tool = "slipway-" SLIPWAY_VERSION;
    if (spec_.sbom->spdx)
      attestations[i].push_back({std::string(spdx_predicate), spdx_document(contents, subject)});
    if (spec_.sbom->cyclonedx)
      attestations[i].push_back(
          {std::string(cyclonedx_predicate), cyclonedx_document(contents, subject)});
    const std::string platform = images.size() > 1 ? "[" + images[i].platform.text() + "] " : "";
    const std::size_t count = contents.packages.size();
    display.note(platform + "generating sbom",
                 {"found " + std::to_string(count) + (count == 1 ? " package" : " packages")});
    for (std::size_t n = 0; n < std::min(contents.notes.size(), most_told_notes); ++n)
      note({"the sbom is incomplete: " + contents.notes[n], {}, "", ""});
  }
  if (!spec_.provenance) return attestations;
  const BuildFacts facts = facts_of(made);
  for (std::size_t i = 0; i < images.size(); ++i)
    attestations[i].push_back(
        {std::string(predicate_type(spec_.provenance->version)),
         provenance(*spec_.provenance, facts, made.lowered.graph, images[i])});
  return attestations;
}

BuildFacts BuildAttestations::facts_of(const BuildMade& made) const {
  BuildFacts facts;
  facts.dockerfile = dockerfile_path(request_, made.dockerfile);
  if (is_fetched(request_.context)) facts.context = request_.context;
  facts.build_args = made.options.build_args;
  facts.labels = made.options.labels;
  facts.options = options_of(request_);
  facts.contexts = contexts_of(request_);
  facts.locals = locals_of(request_, made.options, made.lowered);
  facts.sources = made.sources;
  facts.layers = made.result.made;
  facts.builder = host_platform();
  facts.version = SLIPWAY_VERSION;
  // Whoever sets SOURCE_DATE_EPOCH wants the same bytes again; what makes this build another one
  // than the next is left out then, as SLSA allows.
  if (made.lowered.epoch) return facts;
  const auto took = std::chrono::steady_clock::now() - request_.began;
  const std::int64_t now = std::time(nullptr);
  facts.invocation = invocation_;
  facts.started = rfc3339(now - std::chrono::duration_cast<std::chrono::seconds>(took).count());
  facts.finished = rfc3339(now);
  return facts;
}

}  // namespace slipway
