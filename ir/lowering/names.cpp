#include <ir/lowering/names.hpp>

#include <ir/error.hpp>
#include <ir/platform.hpp>

#include <algorithm>

namespace slipway {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

// "linux/amd64 ", and "linux/amd64->arm64 " where the stage looks at the target's platform, as
// BuildKit has it.
std::string platform_text(const StageState& stage) {
  const Platform& own = stage.plan->platform;
  const Scope& scope = stage.environment.scope();
  Platform target = own;
  const auto read = [&](const char* name, std::string Platform::*part) {
    if (const auto value = scope.find(name)) target.*part = std::string(*value);
  };
  if (const auto whole = scope.find("TARGETPLATFORM")) {
    try {
      target = parse_platform(*whole);
    } catch (const Error&) {
      target = own;  // a build argument of this name says something else
    }
  }
  read("TARGETOS", &Platform::os);
  read("TARGETARCH", &Platform::architecture);
  read("TARGETVARIANT", &Platform::variant);
  if (target == own) return own.text() + " ";
  const std::string text = target.text();
  // What is the same is not said again.
  return own.text() + "->" + (target.os == own.os ? text.substr(own.os.size() + 1) : text) + " ";
}

}  // namespace

std::string next_step_name(StageState& stage, std::string_view text) {
  if (stage.steps == 0) return std::string(text);
  std::string name = "[";
  if (stage.show_platform) name += platform_text(stage);
  if (!stage.plan->label.empty()) name += stage.plan->label + " ";
  const std::string total = std::to_string(stage.steps);
  std::string number = std::to_string(++stage.step);
  number.insert(0, total.size() - std::min(total.size(), number.size()), ' ');
  name += number + "/" + total + "] ";
  if (stage.in_trigger) name += "ONBUILD ";
  return name.append(text);
}

std::string shown_text(std::string_view text, const Scope& scope,
                       const std::set<std::string>& masked) {
  std::string result;
  bool single_quoted = false;
  bool double_quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\' && !single_quoted && i + 1 < text.size()) {
      result += text.substr(i, 2);
      i += 2;
      continue;
    }
    if (c == '\'' && !double_quoted) single_quoted = !single_quoted;
    if (c == '"' && !single_quoted) double_quoted = !double_quoted;
    if (c == '$' && !single_quoted) {
      const bool braces = text.substr(i + 1).starts_with('{');
      const std::size_t start = i + (braces ? 2 : 1);
      std::size_t end = start;
      if (end < text.size() && is_name_start(text[end]))
        while (end < text.size() && is_name(text[end])) ++end;
      const bool closed = !braces || (end < text.size() && text[end] == '}');
      const std::string name(text.substr(std::min(start, text.size()), end - start));
      const auto value =
          masked.contains(name) ? std::optional<std::string_view>("****") : scope.find(name);
      if (end > start && closed && value) {
        result += *value;
        i = end + (braces ? 1 : 0);
        continue;
      }
    }
    result += c;
    ++i;
  }
  for (char& c : result) {
    if (c == ' ' || c == '\t' || c == '\n') break;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

}  // namespace slipway
