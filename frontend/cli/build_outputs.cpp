#include "build_outputs.hpp"

#include "cache_report.hpp"

#include <cache/store.hpp>
#include <executor/attest/spec.hpp>
#include <executor/solve/image.hpp>
#include <ir/error.hpp>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

void write_file(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // /dev/null or a pipe is written to as it is: a rename would put a file in its place.
    std::ofstream device(path, std::ios::binary);
    device << text;
    device.close();
    if (!device) throw system_error("write", path, errno);
    return;
  }
  // Aside first: who reads it never finds half of it.
  const std::string aside = path + ".slipway-new";
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || std::rename(aside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(aside.c_str());
    throw system_error("write", path, error);
  }
}

// A name with a digest says what it holds, so it is nothing to choose: what a later build pins by
// that digest would be this image.
Reference name_to_give(const std::string& text) {
  Reference name = parse_reference(text);
  if (name.digest) {
    throw Error("an image cannot be named " + quoted(text) + ": a digest is not for choosing")
        .hint("give NAME[:TAG]");
  }
  return name;
}

Json descriptor_json(const BlobDescriptor& descriptor) {
  Json json;
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.text();
  json["size"] = descriptor.size;
  return json;
}

}  // namespace

Outputs::Outputs(const BuildRequest& request, bool several) : several_(several) {
  const AttestSpec attest =
      parse_attest(request.attestations, request.provenance, request.sbom);
  inline_provenance_ = attest.provenance && attest.provenance->inline_only;
  for (const std::string& tag : request.tags) names_.push_back(name_to_give(tag));
  for (const std::string& text : request.outputs) {
    specs_.push_back(parse_export(text));
    require_exportable(specs_.back(), several_);
  }
}

bool Outputs::takes_layers() const {
  return specs_.empty() || std::any_of(specs_.begin(), specs_.end(), [](const ExportSpec& spec) {
           return spec.kind != ExportSpec::Kind::cache_only;
         });
}

Digest Outputs::write(const std::vector<PlatformImage>& images, const SolveResult& result,
                      const std::vector<std::vector<Attestation>>& attestations, Store& store,
                      Display& display) {
  Exported exported;
  exported.several = several_;
  exported.inline_provenance = inline_provenance_;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const SolvedRoot& root = result.roots[i];
    std::string config = write_image_config(finish_config(images[i].config, root));
    written_.push_back({images[i].platform, sha256(config)});
    exported.images.push_back({images[i].platform, std::move(config), root.layers});
    if (i < attestations.size()) exported.images.back().attestations = attestations[i];
  }
  std::vector<std::string> configs;
  for (const ExportedImage& image : exported.images) configs.push_back(image.config);
  id_ = several_ ? index_id(configs) : written_.front().id;

  // As buildx: an output of another kind takes the place of an image in the store.
  bool keep_image = specs_.empty();
  for (const ExportSpec& spec : specs_) {
    keep_image |= spec.kind == ExportSpec::Kind::image;
    if (spec.kind != ExportSpec::Kind::image) continue;
    for (const std::string& name : spec.names) names_.push_back(name_to_give(name));
  }
  if (keep_image) {
    std::vector<std::string> done;
    std::vector<Digest> ids;
    for (const ExportedImage& image : exported.images) {
      ids.push_back(store.images().put(image.config));
      store.image_facts().put_attachments(ids.back(), {{}, image.attestations});
      done.push_back("writing image " + ids.back().text() +
                     (several_ ? " for " + image.platform.text() : ""));
    }
    if (several_) {
      store.images().put_index(ids);
      done.push_back("writing index " + id_.text());
    }
    for (const Reference& name : names_) {
      store.images().tag(name, id_);
      done.push_back("naming to " + name.text());
    }
    display.note("exporting to image", done);
  }
  exported.names = names_;
  for (const ExportSpec& spec : specs_) {
    if (spec.kind == ExportSpec::Kind::image || spec.kind == ExportSpec::Kind::cache_only) continue;
    if (auto written = export_result(spec, exported, store)) descriptor_ = std::move(written);
    display.note("exporting to " + spec.text(), {spec.destination});
  }
  if (several_ && !keep_image && descriptor_) id_ = descriptor_->digest;
  return id_;
}

std::string Outputs::metadata(const Graph& graph, const SolveResult& result,
                              const std::vector<Diagnostic>& notes) const {
  Json data;
  // As buildx: an index has no config.
  if (!several_) data["containerimage.config.digest"] = id_.text();
  if (descriptor_) data["containerimage.descriptor"] = descriptor_json(*descriptor_);
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
                          const SolveResult& result,
                          const std::vector<Diagnostic>& notes) const {
  if (!request.iidfile.empty()) write_file(request.iidfile, id_.text());
  if (!request.metadata_file.empty())
    write_file(request.metadata_file, metadata(graph, result, notes));
}

}  // namespace slipway
