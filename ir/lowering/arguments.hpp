// Build arguments and the variables that a stage's instructions see.
#pragma once

#include <ir/error.hpp>
#include <ir/expand.hpp>
#include <ir/instruction.hpp>
#include <ir/lower.hpp>
#include <ir/mistakes.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway {

// What FROM sees: BUILD*, TARGET* and the ARGs before the first FROM
// (reference.md#automatic-platform-args-in-the-global-scope).
Scope global_scope(const Dockerfile& dockerfile, const LowerOptions& options, Mistakes& mistakes);
// The same where no build argument gives one of those ARGs a value.
Scope default_scope(const Dockerfile& dockerfile, const LowerOptions& options, Mistakes& mistakes);

// The proxy arguments as RUN gets them, "http_proxy=..." and "HTTP_PROXY=...", sorted
// (reference.md#predefined-args).
std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args);

// What build arguments say about the build itself (reference.md#buildkit-built-in-build-args).
struct BuildSettings {
  std::string hostname;         // of RUN
  std::string cache_namespace;  // put in front of the ids of cache mounts; may be empty
  std::optional<std::int64_t> epoch;  // SOURCE_DATE_EPOCH, seconds since 1970
};
// Puts SOURCE_DATE_EPOCH into `options` and `globals` as a number, or takes it away where it stands
// for a context that has no time. Throws Error.
BuildSettings build_settings(const Dockerfile& dockerfile, LowerOptions& options, Scope& globals);

// Two arguments that are no variables, also where an ARG declares them: BUILDKIT_SBOM_SCAN_*.
bool is_no_variable(std::string_view name);

// One warning for each build argument that no ARG takes and that is not predefined.
std::vector<Diagnostic> unused_build_args(const Dockerfile& dockerfile,
                                          const LowerOptions& options);
// One for each stage of --no-cache-filter that is none: its steps would be hits, and nobody told.
std::vector<Diagnostic> unknown_no_cache_stages(const Dockerfile& dockerfile,
                                                const LowerOptions& options);

// A stage's ENV and ARG values in one: whichever came last counts, and goes to the end of the list.
class Environment {
 public:
  // A variable of the image that the stage begins with, and its place in the image's list.
  void set_of_image(const std::string& name, const std::string& value, std::size_t place);
  // What a stage on top of this one begins with: the image's variables count, in their order and
  // behind the ARGs. `index` says where in `env` a name is. Takes time for what was set since the
  // last stage's begin only, or a chain of stages would take its length's square.
  void restart(const std::vector<std::string>& env,
               const std::unordered_map<std::string, std::size_t>& index);

  void set(const std::string& name, const std::string& value);
  void set_unknown(const std::string& name) { scope_.set_unknown(name); }
  void set_rest_unknown() { scope_.set_rest_unknown(); }
  const Scope& scope() const { return scope_; }
  // "NAME=value", in the order they were last set.
  std::vector<std::string> list() const;
  // Their names in that order.
  std::vector<std::string> names() const;
  std::size_t size() const { return order_.size(); }

 private:
  std::vector<std::string_view> ordered() const;

  Scope scope_;
  // Where a name stands in the list: ARGs of the stages below, then the image's variables, then what
  // was set since; and the order in each of them.
  enum class Age { argument, image, recent };
  using Place = std::pair<Age, std::uint64_t>;
  std::map<std::string, Place, std::less<>> order_;
  std::vector<std::string> recent_;
  std::uint64_t next_ = 0;
};

// "NAME=value" as name and value; without '=' the value is empty.
std::pair<std::string, std::string> split_assignment(std::string_view entry);

}  // namespace slipway
