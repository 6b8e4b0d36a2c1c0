#include <executor/rebase/moved_config.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <utility>

namespace slipway {
namespace {

// What a stage without a PATH starts with (docker's default).
constexpr const char* default_path =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string name_of(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}
std::string value_of(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  return equals == std::string::npos ? "" : assignment.substr(equals + 1);
}

std::map<std::string, std::string> by_name(const std::vector<std::string>& env) {
  std::map<std::string, std::string> map;
  for (const std::string& each : env) map[name_of(each)] = value_of(each);
  return map;
}

// Whether `part` stands in `text` as it would where somebody wrote ${NAME}: not within a word.
bool has_word(std::string_view text, std::string_view part) {
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    const bool starts = at == 0 || !in_word(text[at - 1]) || !in_word(part.front());
    const std::size_t end = at + part.size();
    const bool ends = end == text.size() || !in_word(text[end]) || !in_word(part.back());
    if (starts && ends) return true;
  }
  return false;
}

// What the image has and its base had not, on top of what the new base has.
template <class Set>
Set joined(const Set& image, const Set& was, Set is) {
  for (const auto& each : image)
    if (was.count(each) == 0) is.insert(each);
  return is;
}

}  // namespace

std::vector<std::string> environment_of(const ImageConfig& config) {
  std::vector<std::string> env = config.env;
  if (!by_name(env).contains("PATH")) env.emplace_back(default_path);
  return env;
}

MovedConfig::MovedConfig(const ImageConfig& image, const ImageConfig& was_base,
                         const ImageConfig& is_base, std::size_t own)
    : image_(image), was_(was_base), is_(is_base), own_(own) {
  const auto now = by_name(environment_of(is_));
  for (const auto& [name, value] : by_name(environment_of(was_))) {
    const auto found = now.find(name);
    if (!value.empty() && (found == now.end() || found->second != value)) gone_.push_back(value);
  }
}

bool MovedConfig::says(std::string_view keyword) const {
  return std::any_of(image_.history.begin() + static_cast<std::ptrdiff_t>(own_),
                     image_.history.end(), [&](const HistoryEntry& entry) {
                       return entry.created_by.starts_with(keyword) &&
                              (entry.created_by.size() == keyword.size() ||
                               entry.created_by[keyword.size()] == ' ');
                     });
}

bool MovedConfig::may_be_inherited(std::string_view value) const {
  if (std::any_of(gone_.begin(), gone_.end(),
                  [&](const std::string& gone) { return has_word(value, gone); }))
    return true;
  const std::string& directory = was_.working_dir;
  if (directory.empty() || directory == "/" || directory == is_.working_dir) return false;
  return value.starts_with(directory) &&
         (value.size() == directory.size() || value[directory.size()] == '/');
}

void MovedConfig::doubt(std::vector<std::string>& doubts, const std::string& what,
                        const std::string& value) const {
  if (may_be_inherited(value))
    doubts.push_back(what + " " + quoted(value) +
                     " may be made of a value of the old base that the new one does not have");
}

std::vector<std::string> MovedConfig::env(std::vector<std::string>& doubts) const {
  const std::vector<std::string> was_env = environment_of(was_);
  const auto was = by_name(was_env);
  std::vector<std::string> env = environment_of(is_);
  for (const std::string& each : image_.env) {
    const std::string name = name_of(each);
    const auto before = was.find(name);
    const bool set_here =
        std::any_of(image_.history.begin() + static_cast<std::ptrdiff_t>(own_),
                    image_.history.end(), [&](const HistoryEntry& entry) {
                      return entry.created_by.starts_with("ENV ") &&
                             entry.created_by.find(" " + name + "=") != std::string::npos;
                    });
    if (before != was.end() && before->second == value_of(each) && !set_here) continue;
    doubt(doubts, "the value of the variable " + name, value_of(each));
    const auto place = std::find_if(
        env.begin(), env.end(), [&](const std::string& other) { return name_of(other) == name; });
    if (place == env.end()) {
      env.push_back(each);
    } else {
      *place = each;
    }
  }
  return env;
}

ImageConfig MovedConfig::config(std::vector<std::string>& doubts) const {
  ImageConfig moved = is_;
  const auto take = [&](auto member, std::string_view keyword) {
    const bool own = image_.*member != was_.*member || says(keyword);
    if (own) moved.*member = image_.*member;
    return own;
  };
  if (take(&ImageConfig::user, "USER")) doubt(doubts, "the user", image_.user);
  if (take(&ImageConfig::working_dir, "WORKDIR"))
    doubt(doubts, "the working directory", image_.working_dir);
  if (take(&ImageConfig::stop_signal, "STOPSIGNAL"))
    doubt(doubts, "the stop signal", image_.stop_signal);
  take(&ImageConfig::author, "MAINTAINER");
  take(&ImageConfig::shell, "SHELL");
  take(&ImageConfig::healthcheck, "HEALTHCHECK");
  // An ENTRYPOINT drops the CMD that was meant for the base's.
  const bool entrypoint = take(&ImageConfig::entrypoint, "ENTRYPOINT");
  if (entrypoint || says("CMD") || image_.cmd != was_.cmd) {
    moved.cmd = image_.cmd;
    moved.args_escaped = image_.args_escaped;
  }
  moved.env = env(doubts);
  moved.exposed_ports = joined(image_.exposed_ports, was_.exposed_ports, is_.exposed_ports);
  moved.volumes = joined(image_.volumes, was_.volumes, is_.volumes);
  for (const auto& [name, value] : image_.labels) {
    const auto before = was_.labels.find(name);
    const bool set_here =
        std::any_of(image_.history.begin() + static_cast<std::ptrdiff_t>(own_),
                    image_.history.end(), [&, key = name](const HistoryEntry& entry) {
                      return entry.created_by.starts_with("LABEL ") &&
                             entry.created_by.find(" " + key + "=") != std::string::npos;
                    });
    if (before != was_.labels.end() && before->second == value && !set_here) continue;
    doubt(doubts, "the label " + quoted(name), value);
    moved.labels[name] = value;
  }
  for (const std::string& each : image_.exposed_ports)
    if (!was_.exposed_ports.contains(each)) doubt(doubts, "the port", each);
  for (const std::string& each : image_.volumes)
    if (!was_.volumes.contains(each)) doubt(doubts, "the volume", each);
  if (was_.on_build != is_.on_build)
    doubts.emplace_back("the bases have different ONBUILD triggers");
  moved.on_build = image_.on_build;
  if (image_.platform != was_.platform) moved.platform = image_.platform;

  moved.history.insert(moved.history.end(),
                       image_.history.begin() + static_cast<std::ptrdiff_t>(own_),
                       image_.history.end());
  moved.created.clear();
  for (const HistoryEntry& entry : moved.history)
    if (!entry.created.empty()) moved.created = entry.created;
  return moved;
}

}  // namespace slipway
