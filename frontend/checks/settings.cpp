#include <frontend/checks/settings.hpp>

#include <algorithm>

namespace slipway {
namespace {

// Of the directive's line, the end: its value, which is where messages about it point.
SourceSpan value_span(const Directive& directive) {
  const auto characters = std::count_if(directive.value.begin(), directive.value.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  SourceSpan span = directive.span;
  const auto width = static_cast<std::uint32_t>(characters);
  if (span.line == span.end_line && span.end_column - span.column > width)
    span.column = span.end_column - width;
  return span;
}

}  // namespace

CheckSettings check_settings(const Dockerfile& dockerfile,
                             const std::map<std::string, std::string>& build_args,
                             std::vector<Diagnostic>& warnings) {
  std::string text;
  SourceSpan span;
  const auto given = build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  const auto directive = std::find_if(dockerfile.directives.begin(), dockerfile.directives.end(),
                                      [](const Directive& each) { return each.name == "check"; });
  if (given != build_args.end()) {
    text = given->second;
  } else if (directive != dockerfile.directives.end()) {
    // As BuildKit: what follows a blank is a remark.
    text = directive->value.substr(0, directive->value.find(' '));
    span = value_span(*directive);
  }
  CheckSettings settings;
  try {
    settings = parse_check_settings(text);
  } catch (const Error& error) {
    Diagnostic mistake = error.diagnostics().front();
    mistake.span = span;
    if (!span) mistake.message = "--build-arg BUILDKIT_DOCKERFILE_CHECK: " + mistake.message;
    throw Error(std::vector<Diagnostic>{std::move(mistake)});
  }
  for (Diagnostic& warning : unknown_rules(settings, span)) warnings.push_back(std::move(warning));
  return settings;
}

}  // namespace slipway
