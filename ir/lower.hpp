// Lowering: from instructions to the build graph and the image's config.
//
// Pure: what it must know of the world comes in as values, or through `ResolveImage`. The order of
// the phases is that of lower.cpp, from top to bottom.
#pragma once

#include <ir/entitlements.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>
#include <ir/image_config.hpp>
#include <ir/instruction.hpp>
#include <ir/platform.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

class Findings;
struct Outline;
class Mistakes;

// Where a name in FROM, COPY --from or mount from= leads, if it is no stage (--build-context).
struct NamedContext {
  enum class Kind {
    directory,  // a ReadContext with this name
    image,      // `value` is the reference: "debian:bookworm" or "oci-layout://path:tag"
    stage,      // `value` is the name of a stage of this Dockerfile
  };
  Kind kind = Kind::directory;
  std::string value;
};

struct ImageRequest {
  std::string reference;  // as written after expansion, e.g. "debian:bookworm"
  Platform platform;
  SourceSpan span;  // for the message when there is no such image
};

struct ResolvedImage {
  // False: it could not be had, and only checks are asked for. What depends on its config is left
  // out.
  bool known = true;
  std::string reference;  // what it resolved to
  Digest id;              // of its config
  ImageConfig config;
  // Its ONBUILD triggers, parsed; lower() puts them after FROM and clears them from the config.
  std::vector<Instruction> triggers;
};

// Called once per distinct (reference, platform) that the target needs, from the thread that
// lowers. Throws Error if there is no such image.
using ResolveImage = std::function<ResolvedImage(const ImageRequest&)>;

// Reads the ONBUILD triggers of a stage of this Dockerfile; `stage` is for messages. The frontend's
// parse_triggers().
using ParseTriggers = std::function<std::vector<Instruction>(
    const std::vector<std::string>& triggers, std::string_view stage)>;

// The devices of this machine, by their full names, that a RUN gets who asks for one by this name.
// Throws Error where it is not granted, or where it is required and not there.
using FindDevices =
    std::function<std::vector<std::string>(const std::string& name, bool required)>;

struct LowerOptions {
  std::string target;  // stage name or number; empty: the last stage
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  std::map<std::string, NamedContext> contexts;  // names in lower case
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;  // --no-cache-filter
  std::optional<std::int64_t> cache_ttl;     // of RUN, seconds
  Platform build_platform;
  Platform target_platform;
  bool show_platforms = false;  // in the names of steps: several are built at once
  RunProcess::Network network = RunProcess::Network::default_;
  Entitlements granted;  // a RUN that asks for more is a mistake
  FindDevices find_devices;  // empty: devices stay as they are asked for
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  std::string hostname;
  std::uint64_t shm_size = 0;
  std::vector<std::string> ulimits;
  // Where it is written down what the target can be given; null: nowhere.
  Outline* outline = nullptr;
  // Where the build checks put what they find; null: they are not made.
  Findings* findings = nullptr;
  std::vector<std::string> ignore;  // the build context's .dockerignore, for the checks
  bool all_stages = false;          // also those that the target does not need (--check)
  ParseTriggers parse_triggers;  // empty: the triggers of this Dockerfile's own stages are not run
};

struct Lowered {
  Graph graph;
  VertexId root{};     // the target's root file system
  // Complete but for times that are not known yet; its diff_ids are the base image's.
  ImageConfig config;
  std::optional<std::int64_t> epoch;  // SOURCE_DATE_EPOCH, seconds since 1970
  std::vector<Diagnostic> warnings;
};

// Throws Error with every mistake that can be told without looking at an image: those of the text,
// as the frontend found them, and those of values in the stages that the target needs; if there are
// any, those in the other stages too. What depends on an image's variables, or on a line with a
// mistake, is not judged. To be called before lower(), so that no image is asked for by a Dockerfile
// that cannot be built.
void require_no_mistakes(const Dockerfile& dockerfile, const LowerOptions& options,
                         Mistakes mistakes_of_text);

// Throws Error with every mistake of the stages that matter.
Lowered lower(const Dockerfile& dockerfile, const LowerOptions& options,
              const ResolveImage& resolve);

// The image of one of several platforms.
struct PlatformImage {
  Platform platform;  // as it was asked for
  VertexId root{};
  ImageConfig config;  // as in Lowered
};

struct LoweredPlatforms {
  Graph graph;  // of all: what several platforms do alike is in it once
  std::vector<PlatformImage> images;  // in the order of the platforms
  std::optional<std::int64_t> epoch;  // as in Lowered
  std::vector<Diagnostic> warnings;
};

// lower() for each of `platforms` in the place of options.target_platform; there is at least one.
// Findings and warnings are the first one's, as in BuildKit: most are every platform's. An image is
// asked for once.
LoweredPlatforms lower_platforms(const Dockerfile& dockerfile, const LowerOptions& options,
                                 const std::vector<Platform>& platforms,
                                 const ResolveImage& resolve);

}  // namespace slipway
