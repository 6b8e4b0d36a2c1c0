#include "build_call.hpp"

#include "build_images.hpp"
#include "command.hpp"
#include "print.hpp"
#include "owned_store.hpp"

#include <executor/sources/taken_sources.hpp>
#include <frontend/calls/calls.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>
#include <ir/quantities.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::pair<std::string_view, Call::Method> methods[] = {
    {"build", Call::Method::build},
    {"check", Call::Method::check},
    {"lint", Call::Method::check},  // its name in BuildKit
    {"outline", Call::Method::outline},
    {"targets", Call::Method::targets},
    {"subrequests.describe", Call::Method::describe},
};

Call::Method method_of(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, method] : methods) {
    if (name == known) return method;
    names.emplace_back(known);
  }
  throw Error("--call does not know " + quoted(name))
      .hint(did_you_mean(name, names, "build, check, outline, targets or subrequests.describe"));
}

// Images as the store has them. What it has not is not known, and named to `missing`.
class ImagesAtHand {
 public:
  ImagesAtHand(const BuildRequest& request, const std::filesystem::path& root,
               std::set<std::string>& missing)
      : request_(request), missing_(missing) {
    if (request.pull) {
      const auto owned = std::make_shared<OwnedStore>(root);
      store_ = std::shared_ptr<Store>(owned, &owned->store);
    } else if (std::filesystem::exists(root)) {  // looking must not make a store
      store_ = std::make_shared<Store>(root);
    }
  }

  ResolvedImage operator()(const ImageRequest& wanted) const {
    if (store_) {
      if (request_.pull) {
        TakenSources nobody_asks;
        return image_resolver(request_, *store_, nobody_asks)(wanted);
      }
      if (auto image = find_image(*store_, wanted)) return std::move(*image);
    }
    missing_.insert(wanted.reference);
    ResolvedImage unknown;
    unknown.known = false;
    return unknown;
  }

 private:
  const BuildRequest& request_;
  std::set<std::string>& missing_;
  std::shared_ptr<Store> store_;
};

int check(const Call& call, const BuildRequest& request, LowerOptions options,
          const BuildInputs& inputs, const std::filesystem::path& root) {
  const ParsedDockerfile read = read_dockerfile(inputs.dockerfile);
  options.ignore = inputs.ignore.patterns;
  // As BuildKit: without a target all stages are looked at.
  options.all_stages = options.target.empty();
  std::set<std::string> missing;
  const Checked checked =
      check_dockerfile(read, std::move(options), call.own, ImagesAtHand(request, root, missing));

  if (!request.quiet) {
    std::string notes;
    for (const auto* warnings : {&read.warnings, &checked.warnings})
      for (const Diagnostic& warning : *warnings) notes += render(warning, "warning", use_color());
    for (const std::string& reference : missing) {
      notes += "note: " + printable(reference) +
               " is not in the store: what depends on its platform, variables and triggers is not "
               "checked (--pull gets it)\n";
    }
    std::fputs(notes.c_str(), stderr);
  }
  print(call.json ? check_json(checked, *inputs.dockerfile)
                  : check_text(checked, *inputs.dockerfile));
  // Results before what main() says about them.
  if (!checked.mistakes.empty()) {
    std::fflush(stdout);
    throw Error(checked.mistakes);
  }
  return checked.findings.empty() || call.ignore_status ? 0 : 1;
}

}  // namespace

Call parse_call(const BuildRequest& request) {
  Call call;
  bool named = false;
  for (const auto& [key, value] : parse_fields(request.call, "--call")) {
    if (key == "format") {
      if (value != "json" && value != "text" && !value.empty()) {
        throw Error("--call has no format " + quoted(value)).hint("format=json or format=text");
      }
      call.json = value == "json";
    } else if (key == "ignorestatus") {
      const auto ignore = read_boolean(value);
      if (!ignore) throw Error("--call: ignorestatus is true or false, not " + quoted(value));
      call.ignore_status = *ignore;
    } else if (!value.empty() || std::exchange(named, true)) {
      throw Error("--call does not know " + quoted(value.empty() ? key : key + "=" + value))
          .hint("--call=METHOD[,format=json][,ignorestatus=true]");
    } else {
      call.method = method_of(key);
    }
  }
  if (request.check.empty()) return call;
  const std::optional<bool> wanted = request.check == "all" ? true : read_boolean(request.check);
  if (!wanted) {
    throw Error("--check is true, false or all, not " + quoted(request.check))
        .hint("--check=all adds the checks that are matters of taste");
  }
  if (!*wanted) return call;
  if (call.method != Call::Method::build && call.method != Call::Method::check)
    throw Error("--check and --call=" + request.call + " ask for two things").hint("give one");
  call.method = Call::Method::check;
  if (request.check == "all") call.own = OwnChecks::taste;
  return call;
}

int run_call(const Call& call, const BuildRequest& request, LowerOptions options,
             const BuildInputs& inputs, const std::filesystem::path& root) {
  switch (call.method) {
    case Call::Method::check:
      return check(call, request, std::move(options), inputs, root);
    case Call::Method::targets: {
      const ParsedDockerfile parsed = parse_dockerfile(inputs.dockerfile);
      print(call.json ? targets_json(parsed.dockerfile) : targets_text(parsed.dockerfile));
      return 0;
    }
    case Call::Method::outline: {
      ParsedDockerfile parsed = read_dockerfile(inputs.dockerfile);
      require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));
      Outline outline;
      options.outline = &outline;
      // What only an image knows, its variables and triggers, is not in the outline.
      lower(parsed.dockerfile, options, [](const ImageRequest& wanted) {
        ResolvedImage unknown;
        unknown.known = false;
        unknown.reference = wanted.reference;
        return unknown;
      });
      print(call.json ? outline_json(outline, *inputs.dockerfile) : outline_text(outline));
      return 0;
    }
    case Call::Method::describe:
      print(call.json ? describe_json() : describe_text());
      return 0;
    case Call::Method::build:
      break;
  }
  return 0;
}

}  // namespace slipway
