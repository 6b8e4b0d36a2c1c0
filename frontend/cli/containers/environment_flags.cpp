#include "environment_flags.hpp"

#include <ir/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// A name behind which nobody could find its value again.
constexpr std::string_view blanks = " \t\v\f\r";
constexpr std::size_t most_bytes = std::size_t{16} << 20;

struct Line {
  std::size_t number = 0;
  std::string text;
};

// docker's format: a line each, as it is, without quotes; what begins with # is a comment.
std::vector<Line> lines_of(const std::string& flag, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw system_error("open", path, errno);
  std::string text;
  text.resize(most_bytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) throw system_error("read", path, errno);
  if (text.size() > most_bytes) throw Error(flag + " " + quoted(path) + " is larger than 16 MiB");
  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  std::vector<Line> lines;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::string_view name = line.substr(0, line.find('='));
    const std::string place = flag + " " + quoted(path) + ", line " + std::to_string(number);
    if (name.empty()) throw Error(place + ": there is no name before the \"=\"");
    if (name.find_first_of(blanks) != name.npos)
      throw Error(place + ": the name " + quoted(name) + " has a blank in it");
    if (line.find('\0') != line.npos) throw Error(place + " holds a zero byte");
    lines.push_back({number, std::string(line)});
  }
  return lines;
}

}  // namespace

std::vector<std::string> parse_environment(const std::vector<std::string>& files,
                                           const std::vector<std::string>& given) {
  std::vector<std::string> environment;
  const auto value_here = [](const std::string& name) -> const char* {
    return std::getenv(name.c_str());
  };
  for (const std::string& path : files) {
    for (Line& line : lines_of("--env-file", path)) {
      if (line.text.find('=') != std::string::npos) {
        environment.push_back(std::move(line.text));
      } else if (const char* value = value_here(line.text)) {
        environment.push_back(line.text + "=" + value);
      }
    }
  }
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (text.empty() || equals == 0)
      throw Error("--env " + quoted(text) + " has no name").hint("NAME=VALUE, or NAME");
    const char* const value = equals == std::string::npos ? value_here(text) : nullptr;
    environment.push_back(value == nullptr ? text : text + "=" + value);
  }
  return environment;
}

std::map<std::string, std::string> parse_labels(const std::vector<std::string>& files,
                                                const std::vector<std::string>& given) {
  std::map<std::string, std::string> labels;
  const auto take = [&labels](const std::string& text) {
    const std::size_t equals = text.find('=');
    labels[text.substr(0, equals)] = equals == text.npos ? "" : text.substr(equals + 1);
  };
  for (const std::string& path : files)
    for (const Line& line : lines_of("--label-file", path)) take(line.text);
  for (const std::string& text : given) {
    if (text.empty() || text.front() == '=')
      throw Error("--label " + quoted(text) + " has no key").hint("KEY=VALUE, or KEY");
    take(text);
  }
  return labels;
}

}  // namespace slipway
