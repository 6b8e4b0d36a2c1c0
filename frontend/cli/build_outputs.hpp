// What becomes of a build's result: images of the store, files elsewhere, and what is told of them.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <cache/images/facts.hpp>
#include <executor/export/export.hpp>
#include <executor/solve/solve.hpp>
#include <ir/lower.hpp>
#include <ir/reference.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class Store;

class Outputs {
 public:
  // What --tag, --output, --push, --load and --annotation ask for. `several`: the result is an
  // index of several platforms' images, though it may have one alone. Throws Error before anything
  // is built.
  Outputs(const BuildRequest& request, bool several);

  // Whether anything is written that takes the result's files.
  bool takes_layers() const;
  // Whether anything is written with other layers than the steps made (shape.hpp).
  bool reshapes() const;

  // Writes all of it, and notes it on the display. `attestations`: of each image, in their order;
  // none: of no image any. Gives the image's ID, or the index's. Throws Error.
  Digest write(const LoweredPlatforms& lowered, const SolveResult& result,
               const std::vector<std::vector<Attestation>>& attestations, Store& store,
               Display& display);
  // One more member of --metadata-file's object; `json` is its value.
  void add_metadata(const std::string& name, const std::string& json) { added_[name] = json; }
  // --iidfile and --metadata-file, about what was written. `notes`: what the sandbox had to say of
  // this machine. Throws Error.
  void write_files(const BuildRequest& request, const Graph& graph, const SolveResult& result,
                   const std::vector<Diagnostic>& notes) const;

 private:
  struct Written {
    Platform platform;
    Digest id;
  };

  void tell_identity(const Exported& exported);
  void keep_image(const ExportSpec& spec, const Exported& exported, Store& store, Display& display);
  void push_image(const ExportSpec& spec, const ToPack& image, const Digest& id, Store& store,
                  Display& display);
  std::string metadata(const Graph& graph, const SolveResult& result,
                       const std::vector<Diagnostic>& notes) const;

  bool several_;
  bool inline_provenance_ = false;
  std::vector<Reference> names_;
  std::vector<ExportSpec> specs_;

  std::map<std::string, std::string> added_;  // to the metadata

  // Of what was written first.
  std::vector<Written> written_;
  Digest id_;  // as write() gave it
  // Of an archive, or of what was pushed: what its names stand for.
  std::optional<BlobDescriptor> descriptor_;
};

}  // namespace slipway
