#include <frontend/calls/calls.hpp>
#include <frontend/calls/described.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// As Go writes bytes.
std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = (group << 8U) | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += j <= count ? digits[(group >> (18U - 6U * j)) & 63U] : '=';
  }
  return text;
}

// BuildKit knows lines alone; the first source is the only one, so its index is left out.
Json range(std::uint32_t line, std::uint32_t end_line) {
  return {{"start", {{"line", line}}}, {"end", {{"line", std::max(line, end_line)}}}};
}
Json location(const SourceSpan& span) {
  return {{"ranges", Json::array({range(span.line, span.end_line)})}};
}

void add(Json& to, const char* name, const std::string& text) {
  if (!text.empty()) to[name] = text;
}

// Stray bytes are no UTF-8, and are replaced as Go does.
std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json named(std::span<const NamedPart> parts) {
  Json list = Json::array();
  for (const NamedPart& part : parts)
    list.push_back({{"name", part.name}, {"description", part.description}});
  return list;
}

Json build_error(const std::vector<Diagnostic>& mistakes) {
  std::string message;
  std::set<std::pair<std::uint32_t, std::uint32_t>> lines;
  for (const Diagnostic& mistake : mistakes) {
    message += (message.empty() ? "" : "\n") + mistake.message;
    if (mistake.span) lines.emplace(mistake.span.line, mistake.span.end_line);
  }
  Json place = Json::object();
  for (const auto& [line, end_line] : lines) place["ranges"].push_back(range(line, end_line));
  return {{"message", message}, {"location", place}};
}

}  // namespace

std::string check_json(const Checked& checked, const SourceFile& file) {
  Json json;
  // Go's name for an empty list that was never filled.
  json["warnings"] = nullptr;
  for (const Finding& finding : checked.findings) {
    Json warning;
    warning["ruleName"] = finding.rule->name;
    add(warning, "description", std::string(finding.rule->description));
    if (!finding.rule->is_own()) add(warning, "url", check_page(*finding.rule));
    add(warning, "detail", finding.message);
    warning["location"] = location(finding.lines);
    json["warnings"].push_back(std::move(warning));
  }
  json["sources"] = Json::array(
      {{{"filename", file.name}, {"data", base64(file.text)}, {"language", "Dockerfile"}}});
  if (!checked.mistakes.empty()) json["buildError"] = build_error(checked.mistakes);
  return written(json);
}

std::string targets_json(const Dockerfile& dockerfile) {
  Json json;
  json["targets"] = Json::array();
  for (const Target& target : targets_of(dockerfile)) {
    Json each = Json::object();
    add(each, "name", target.name);
    if (target.is_default) each["default"] = true;
    add(each, "description", target.description);
    add(each, "base", target.base);
    add(each, "platform", target.platform);
    each["location"] = location(target.lines);
    json["targets"].push_back(std::move(each));
  }
  json["sources"] = Json::array({base64(dockerfile.source->text)});
  return written(json);
}

std::string outline_json(const Outline& outline, const SourceFile& file) {
  Json json = Json::object();
  add(json, "name", outline.name);
  add(json, "description", outline.description);
  for (const Outline::Argument& arg : outline.args) {
    Json each = {{"name", arg.name}};
    add(each, "description", arg.description);
    add(each, "value", arg.value);
    each["location"] = location(arg.lines);
    json["args"].push_back(std::move(each));
  }
  const auto needs = [&](const char* member, const char* name,
                         const std::vector<Outline::Need>& list) {
    for (const Outline::Need& need : list) {
      Json each = {{name, need.name}};
      if (need.required) each["required"] = true;
      each["location"] = location(need.lines);
      json[member].push_back(std::move(each));
    }
  };
  needs("secrets", "name", outline.secrets);
  needs("ssh", "name", outline.ssh);
  needs("cache", "ID", outline.caches);
  json["sources"] = Json::array({base64(file.text)});
  return written(json);
}

std::string describe_json() {
  Json json = Json::array();
  for (const DescribedCall& call : described_calls()) {
    json.push_back({{"name", "frontend." + std::string(call.name)},
                    {"version", call.version},
                    {"type", "rpc"},
                    {"description", call.description},
                    {"opts", named(call.options)},
                    {"inputs", nullptr},
                    {"metadata", named(call.results)},
                    {"refs", nullptr}});
  }
  return written(json);
}

}  // namespace slipway
