// Our own checks of FROM, and of the image as a whole.
#include <frontend/checks/own_stages.hpp>

#include <ir/letter_case.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace slipway {
namespace {

void find(Findings& findings, std::string_view rule, const Stage& stage, std::string message,
          const SourceSpan& span, std::string hint) {
  findings.add(rule, stage.comments,
               {nullptr, std::move(message), span, stage.span, std::move(hint)});
}

struct Pin {
  std::string_view rule;  // empty: it is pinned
  std::string message;
  std::string hint;
};

// What is to be said about an image's name.
Pin pin_of(const std::string& image) {
  if (image.find('@') != std::string::npos) return {};
  const std::size_t slash = image.rfind('/');
  const std::size_t colon = image.find(':', slash == std::string::npos ? 0 : slash);
  const std::string tag = colon == std::string::npos ? "" : image.substr(colon + 1);
  if (tag.empty() || tag == "latest")
    return {"LatestBaseImage",
            image + (tag.empty() ? " without a tag" : "") +
                " is another image whenever somebody publishes one",
            "write a version: " + image.substr(0, colon) + ":VERSION"};
  return {"BaseImageWithoutDigest",
          image + " is whatever its publisher gives this tag, now and later",
          "write " + image + "@sha256:..., and let a tool propose newer ones"};
}

class Images {
 public:
  Images(const OwnFile& file, Findings& findings) : file_(file), findings_(findings) {}

  void check() {
    for (const OwnStage& stage : file_.stages) {
      check_from(stage);
      for (const OwnLine& line : stage.lines) check_line(line);
      if (stage.stage->from.alias) names_.insert(lower_case(stage.stage->from.alias->text));
    }
  }

 private:
  // The image that a word names, if it is certain that it does.
  std::optional<std::string> image_of(const Word& word) const {
    auto name = literal(word);
    if (!name || name->empty() || lower_case(*name) == "scratch" || names_.contains(lower_case(*name)))
      return std::nullopt;
    return name;
  }

  void check_from(const OwnStage& stage) {
    const auto image = image_of(stage.stage->from.image);
    if (!image) return;
    const Pin pin = pin_of(*image);
    if (!pin.rule.empty())
      find(findings_, pin.rule, *stage.stage, pin.message, stage.stage->from.image.span, pin.hint);
  }

  void check_line(const OwnLine& line) {
    const auto check_word = [&](const Word& word) {
      const auto image = image_of(word);
      // A name alone may be a named context; a number is a stage.
      if (!image || image->find_first_of(":/@") == std::string::npos) return;
      const Pin pin = pin_of(*image);
      if (!pin.rule.empty()) report(findings_, pin.rule, line, pin.message, word.span, pin.hint);
    };
    if (const Copy* copy = line.as<Copy>(); copy != nullptr && copy->from) check_word(*copy->from);
    if (const Run* run = line.as<Run>())
      for (const RunMount& mount : run->mounts)
        if (const Word* from = mount_from(mount)) check_word(*from);
  }

  const OwnFile& file_;
  Findings& findings_;
  std::set<std::string> names_;
};

// UnusedStage: it can only be built with --target.
void check_unused(const OwnFile& file, Findings& findings) {
  std::map<std::string, std::size_t> names;
  std::vector<bool> used(file.stages.size(), false);
  // False: a variable, which may name any stage.
  const auto use = [&](const Word& word, bool numbers) {
    const auto name = literal(word);
    if (!name) return false;
    const auto found = names.find(lower_case(*name));
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name->data(), name->data() + name->size(), number);
    if (found != names.end()) {
      used[found->second] = true;
    } else if (numbers && error == std::errc() && end == name->data() + name->size() &&
               number < used.size()) {
      used[number] = true;
    }
    return true;
  };
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    const Stage& stage = *file.stages[i].stage;
    if (!use(stage.from.image, false)) return;
    for (const OwnLine& line : file.stages[i].lines) {
      if (line.as<Onbuild>() != nullptr) return;  // it names stages of whoever builds on it
      if (const Copy* copy = line.as<Copy>(); copy != nullptr && copy->from)
        if (!use(*copy->from, true)) return;
      if (const Run* run = line.as<Run>())
        for (const RunMount& mount : run->mounts)
          if (const Word* from = mount_from(mount); from != nullptr && !use(*from, true)) return;
    }
    if (stage.from.alias) names[lower_case(stage.from.alias->text)] = i;
  }
  for (std::size_t i = 0; i + 1 < file.stages.size(); ++i) {
    if (used[i]) continue;
    const Stage& stage = *file.stages[i].stage;
    const bool named = stage.from.alias.has_value();
    find(findings, "UnusedStage", stage,
         named ? "nothing uses stage " + stage.from.alias->text
               : "nothing uses this stage, which has no name",
         named ? stage.from.alias->span : stage.keyword.span,
         named ? "take it out; if it is built with --target, say so: # check=skip=UnusedStage "
                 "above it"
               : "take it out, or name it: AS NAME");
  }
}

// NonRootUserRecommended: an image that is there to run something, and runs it as root.
void check_user(const OwnFile& file, Findings& findings) {
  if (file.stages.empty()) return;
  const OwnLine* command = nullptr;
  const OwnLine* user = nullptr;
  // From the end: the last of each counts.
  std::optional<std::size_t> at = file.stages.size() - 1;
  std::optional<std::string> base;
  while (at) {
    const OwnStage& stage = file.stages[*at];
    for (auto line = stage.lines.rbegin(); line != stage.lines.rend(); ++line) {
      if (line->as<User>() != nullptr && user == nullptr) user = &*line;
      const bool runs = line->as<Cmd>() != nullptr || line->as<Entrypoint>() != nullptr;
      if (runs && command == nullptr) command = &*line;
    }
    base = literal(stage.stage->from.image);
    at = stage.base;
  }
  if (command == nullptr || !base) return;
  if (user == nullptr) {
    if (base->find("nonroot") != std::string::npos || base->find("rootless") != std::string::npos ||
        base->find("unprivileged") != std::string::npos)
      return;
    report(findings, "NonRootUserRecommended", *command,
           "this runs as root, unless the base image has another user",
           command->instruction->keyword.span, "write USER NAME above, with a user made before");
    return;
  }
  const auto name = literal(user->as<User>()->user);
  if (!name) return;
  const std::string user_name = name->substr(0, name->find(':'));
  if (user_name != "root" && user_name != "0") return;
  report(findings, "NonRootUserRecommended", *user, "the image runs as root",
         user->as<User>()->user.span, "end with another USER");
}

}  // namespace

void check_base_images(const OwnFile& file, Findings& findings) {
  Images(file, findings).check();
  check_unused(file, findings);
  check_user(file, findings);
}

}  // namespace slipway
