#include "detach_keys.hpp"

#include <ir/error.hpp>

#include <optional>

namespace slipway {
namespace {

constexpr const char* standard_keys = "ctrl-p,ctrl-q";
constexpr std::string_view control_prefix = "ctrl-";

std::optional<char> key_of(std::string_view text) {
  if (text.size() == 1 && text[0] != ',') return text[0];
  if (text == "DEL") return '\x7f';
  if (text.size() != control_prefix.size() + 1 || !text.starts_with(control_prefix))
    return std::nullopt;
  const char key = text.back();
  if (key >= 'a' && key <= 'z') return static_cast<char>(key - 'a' + 1);
  // @ [ \ ] ^ _ have control codes as letters do.
  if (key == '@' || (key >= '[' && key <= '_')) return static_cast<char>(key - '@');
  return std::nullopt;
}

}  // namespace

std::string parse_detach_keys(const std::string& text) {
  std::string keys;
  std::string_view rest = text.empty() ? std::string_view(standard_keys) : std::string_view(text);
  for (;;) {
    const std::size_t end = rest.find(',');
    const std::string_view name = rest.substr(0, end);
    const auto key = key_of(name);
    if (!key)
      throw Error("--detach-keys " + quoted(text) + " has " + quoted(name) + ", which is no key")
          .hint(
              "single characters and ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-], ctrl-^, ctrl-_, "
              "with "
              "commas between them");
    keys += *key;
    if (end == rest.npos) return keys;
    rest.remove_prefix(end + 1);
  }
}

std::string DetachKeys::pass(std::string_view typed) {
  if (keys_.empty()) return std::string(typed);
  std::string passed;
  for (const char key : typed) {
    if (complete()) break;
    if (key == keys_[matched_]) {
      ++matched_;
      continue;
    }
    // What was kept back is the program's now, up to where the keys may begin anew.
    const std::string kept = keys_.substr(0, matched_) + key;
    std::size_t again = matched_;
    while (again > 0 && kept.compare(kept.size() - again, again, keys_, 0, again) != 0) --again;
    passed.append(kept, 0, kept.size() - again);
    matched_ = again;
  }
  return passed;
}

}  // namespace slipway
