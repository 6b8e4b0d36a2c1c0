#include "build_outputs.hpp"

#include "cache_report.hpp"
#include "given_name.hpp"
#include "table.hpp"
#include "transfer_lines.hpp"

#include <cache/registry/push.hpp>
#include <cache/replace_file.hpp>
#include <cache/store.hpp>
#include <executor/attest/spec.hpp>
#include <executor/export/shape.hpp>
#include <executor/solve/image.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// Whether one of them has a name that is none of these.
bool is_named_otherwise(Store& store, const std::vector<Digest>& ids,
                        const std::vector<Reference>& names) {
  return std::any_of(ids.begin(), ids.end(), [&](const Digest& id) {
    const std::vector<Reference> known = store.images().names(id);
    return std::any_of(known.begin(), known.end(), [&](const Reference& name) {
      return std::find(names.begin(), names.end(), name) == names.end();
    });
  });
}

// Layers go side by side; the display's one line tells of all of them.
class PushLine : public PushProgress {
 public:
  explicit PushLine(Display& display) : display_(display) {}

  void began(const BlobDescriptor& blob) override {
    blobs_[blob.digest].size = blob.size;
    total_ += blob.size;
  }
  void sent(const Digest& digest, std::uint64_t bytes) override {
    Blob& blob = blobs_[digest];
    sent_ = sent_ - blob.sent + bytes;
    blob.sent = bytes;
    display_.going("sent " + size_text(sent_) + " of " + size_text(total_) + ", " +
                   rate_text(sent_, std::chrono::steady_clock::now() - began_));
  }
  void done(const Digest& digest, Outcome outcome, const std::string&) override {
    if (outcome != Outcome::sent) total_ -= blobs_[digest].size;  // it has not to be sent
  }
  void warned(const std::string& text) override {
    warnings_.push_back("warning: registry: " + quoted(text));
  }

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Display& display_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  struct Blob {
    std::uint64_t size = 0;
    std::uint64_t sent = 0;
  };
  std::map<Digest, Blob> blobs_;
  std::uint64_t sent_ = 0;  // bytes, of all
  std::uint64_t total_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace

Outputs::Outputs(const BuildRequest& request, bool several) : several_(several) {
  const AttestSpec attest = parse_attest(request.attestations, request.provenance, request.sbom);
  inline_provenance_ = attest.provenance && attest.provenance->inline_only;
  for (const std::string& tag : request.tags) names_.push_back(given_name(tag));
  for (const std::string& text : request.outputs) specs_.push_back(parse_export(text));

  // As buildx: they add to an image that is asked for anyway.
  const auto is_image = [](const ExportSpec& spec) { return spec.kind == ExportSpec::Kind::image; };
  if ((request.push || request.load) && std::none_of(specs_.begin(), specs_.end(), is_image)) {
    specs_.push_back(parse_export("type=image"));
  }
  const AnnotationGroups annotations = parse_annotations(request.annotations);
  if (!annotations.empty() && specs_.empty()) specs_.push_back(parse_export("type=image"));
  for (ExportSpec& spec : specs_) {
    if (request.push && is_image(spec)) spec.push = true;
    const bool files = spec.kind == ExportSpec::Kind::local || spec.kind == ExportSpec::Kind::tar;
    if (!files) {
      AnnotationGroups all = annotations;
      all.merge(spec.annotations);
      spec.annotations = std::move(all);
    }
    require_exportable(spec, several_);
    if (is_image(spec)) std::for_each(spec.names.begin(), spec.names.end(), given_name);
    if (spec.push && names_.empty() && spec.names.empty()) {
      throw Error("an image that is pushed needs a name")
          .hint("give --tag NAME, or name= in --output");
    }
  }
}

bool Outputs::takes_layers() const {
  return specs_.empty() || std::any_of(specs_.begin(), specs_.end(), [](const ExportSpec& spec) {
           return spec.kind != ExportSpec::Kind::cache_only;
         });
}

bool Outputs::reshapes() const {
  return std::any_of(specs_.begin(), specs_.end(), [](const ExportSpec& spec) {
    return spec.rewrite_timestamp || spec.squash != ExportSpec::Squash::none;
  });
}

Digest Outputs::write(const LoweredPlatforms& lowered, const SolveResult& result,
                      const std::vector<std::vector<Attestation>>& attestations, Store& store,
                      Display& display) {
  Exported exported;
  exported.several = several_;
  exported.inline_provenance = inline_provenance_;
  exported.names = names_;
  exported.epoch = lowered.epoch;
  for (std::size_t i = 0; i < lowered.images.size(); ++i) {
    const PlatformImage& image = lowered.images[i];
    const SolvedRoot& root = result.roots[i];
    std::size_t base = 0;
    while (base < image.config.diff_ids.size() && base < root.layers.size() &&
           image.config.diff_ids[base] == root.layers[base].diff_id) {
      ++base;
    }
    exported.images.push_back(
        {image.platform, write_image_config(finish_config(image.config, root)), root.layers, base,
         i < attestations.size() ? attestations[i] : std::vector<Attestation>{}});
  }

  // As buildx: an output of another kind takes the place of an image in the store.
  std::vector<ExportSpec> specs = specs_;
  if (specs.empty()) specs.emplace_back();
  std::stable_partition(specs.begin(), specs.end(), [](const ExportSpec& spec) {
    return spec.kind == ExportSpec::Kind::image;
  });
  bool first = true;
  for (const ExportSpec& spec : specs) {
    if (spec.rewrite_timestamp && !exported.epoch) {
      display.note("keeping the layers' times",
                   {"rewrite-timestamp=true has no SOURCE_DATE_EPOCH to go by"});
    }
    const Exported written = shaped(spec, exported, store);
    if (std::exchange(first, false)) tell_identity(written);
    if (spec.kind == ExportSpec::Kind::cache_only) continue;
    if (spec.kind == ExportSpec::Kind::image) {
      keep_image(spec, written, store, display);
      continue;
    }
    const bool files = spec.kind == ExportSpec::Kind::local || spec.kind == ExportSpec::Kind::tar;
    auto root = export_result(spec, written, store);
    if (root && several_ && !descriptor_ && specs.front().kind != ExportSpec::Kind::image) {
      id_ = root->digest;
    }
    if (!files) descriptor_ = std::move(root);
    display.note("exporting to " + spec.text(), {spec.destination});
  }
  return id_;
}

// What the build's result is called, by what is written first.
void Outputs::tell_identity(const Exported& exported) {
  std::vector<std::string> configs;
  for (const ExportedImage& image : exported.images) {
    written_.push_back({image.platform, sha256(image.config)});
    configs.push_back(image.config);
  }
  id_ = several_ ? index_id(configs) : written_.front().id;
}

void Outputs::keep_image(const ExportSpec& spec, const Exported& exported, Store& store,
                         Display& display) {
  const ToPack image = to_pack(spec, exported);  // first: it says what cannot be had
  std::vector<std::string> done;
  std::vector<Digest> ids;
  for (const ExportedImage& each : exported.images) {
    ids.push_back(store.images().put(each.config));
    done.push_back("writing image " + ids.back().text() +
                   (several_ ? " for " + each.platform.text() : ""));
  }
  Digest id = ids.front();
  if (several_) {
    id = store.images().put_index(ids);
    done.push_back("writing index " + id.text());
  }
  // What is said of the image now takes the place of what an earlier build said of the same one.
  // Where nothing is said, what was said under other names is left to them.
  const bool has_other_names =
      is_named_otherwise(store, ids, image.names) || is_named_otherwise(store, {id}, image.names);
  const auto attach = [&](const Digest& to, const Attachments& attachments) {
    if (attachments.empty() && has_other_names) return;
    store.image_facts().put_attachments(to, attachments);
  };
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Attachments attachments = image.images[i].attachments;
    if (!several_) {
      attachments.annotations.index = image.annotations.index;
      attachments.annotations.index_descriptor = image.annotations.index_descriptor;
    }
    attach(ids[i], attachments);
  }
  if (several_) attach(id, {image.annotations, {}});
  for (const Reference& name : image.names) {
    store.images().tag(name, id);
    done.push_back("naming to " + name.text());
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  }
  display.note("exporting to image", done);
  if (spec.push) push_image(spec, image, id, store, display);
}

void Outputs::push_image(const ExportSpec& spec, const ToPack& image, const Digest& id,
                         Store& store, Display& display) {
  for (const Reference& name : image.names) {
    const std::string what = "pushing " + name.text();
    display.began(what, "Ctrl-C ends it; what was sent is not sent again");
    PushLine progress(display);
    descriptor_ = push(store, name, image, pack_options(spec), progress, {}, spec.push_by_digest);
    store.image_facts().put_digest(id, name, descriptor_->digest);
    std::vector<std::string> told = progress.warnings();
    told.push_back("pushing manifest for " + name.text() + "@" + descriptor_->digest.text());
    display.note(what, told);
  }
}

std::string Outputs::metadata(const Graph& graph, const SolveResult& result,
                              const std::vector<Diagnostic>& notes) const {
  Json data;
  // As buildx: an index has no config.
  if (!several_) data["containerimage.config.digest"] = written_.front().id.text();
  if (descriptor_) data["containerimage.descriptor"] = Json::parse(write_descriptor(*descriptor_));
  if (descriptor_ || several_)
    data["containerimage.digest"] = descriptor_ ? descriptor_->digest.text() : id_.text();
  std::string joined;
  for (const Reference& name : names_) joined += (joined.empty() ? "" : ",") + name.text();
  if (!joined.empty()) data["image.name"] = joined;
  if (several_) {
    for (const Written& image : written_)
      data["slipway.images"][image.platform.text()] = image.id.text();
  }
  data["slipway.cache"] = Json::parse(cache_report_json(graph, result.reports));
  for (const auto& [name, json] : added_) data[name] = Json::parse(json);
  for (const Diagnostic& note : notes) {
    data["slipway.notes"].push_back({{"message", note.message}, {"hint", note.hint}});
  }
  return data.dump(2) + "\n";
}

void Outputs::write_files(const BuildRequest& request, const Graph& graph,
                          const SolveResult& result, const std::vector<Diagnostic>& notes) const {
  if (!request.iidfile.empty()) replace_file(request.iidfile, id_.text());
  if (!request.metadata_file.empty())
    replace_file(request.metadata_file, metadata(graph, result, notes));
}

}  // namespace slipway
