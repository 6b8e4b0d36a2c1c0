// Our own checks of secrets in files and commands. (Those in ARG and ENV are BuildKit's
// SecretsUsedInArgOrEnv.)
#include <frontend/checks/own_stages.hpp>

#include <ir/letter_case.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway {
namespace {

constexpr int most_findings = 20;  // an instruction: each shows its line

template <std::size_t count>
bool contains_any(std::string_view text, const std::array<std::string_view, count>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](std::string_view piece) { return text.find(piece) != text.npos; });
}

// Whether a file or folder of this path is made to hold a secret.
bool is_secret_file(std::string_view path) {
  static constexpr std::array<std::string_view, 19> names = {
      ".npmrc", ".pypirc", ".netrc",   "_netrc",     ".git-credentials", ".aws",    ".ssh",
      ".gnupg", ".azure",  ".kube",    "kubeconfig", ".vault-token",     ".pgpass", ".my.cnf",
      "id_rsa", "id_dsa",  "id_ecdsa", "id_ed25519", ".dockerconfigjson"};
  static constexpr std::array<std::string_view, 9> folders_of_secrets = {".aws/",
                                                                         ".ssh/",
                                                                         ".gnupg/",
                                                                         ".docker/config.json",
                                                                         ".kube/config",
                                                                         ".azure/",
                                                                         ".cargo/credentials",
                                                                         ".gem/credentials",
                                                                         ".config/gcloud"};
  static constexpr std::array<std::string_view, 7> harmless = {
      "example", "sample", "template", "dist", "known_hosts", "defaults", "schema"};
  // What certificates, which are public, are called.
  static constexpr std::array<std::string_view, 9> certificates = {
      "ca", "cert", "crt", "chain", "pub", "dhparam", "bundle", "root", "trust"};
  const std::string whole = lower_case(path);
  const std::string name(last_name(whole));
  if (name.empty() || contains_any(name, harmless) || name.ends_with(".pub")) return false;
  if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  if (name == ".env" || (name.starts_with(".env.") && name != ".env.test" && name != ".env.ci"))
    return true;
  if (name.ends_with(".pem")) return !contains_any(name, certificates) || name.starts_with("priv");
  if (name.ends_with(".p12") || name.ends_with(".pfx") || name.ends_with(".ppk")) return true;
  if (name.ends_with(".key"))
    return !contains_any(name, std::array<std::string_view, 2>{"pub", "gpg"});
  if (whole.find(".ssh/config") != whole.npos || whole.find(".ssh/authorized_keys") != whole.npos)
    return false;
  return contains_any(whole, folders_of_secrets);
}

// SecretFileCopied.
void check_files(const OwnLine& line, const FileTransfer& transfer, Findings& findings) {
  int told = 0;
  for (const Word& word : transfer.sources) {
    const auto source = literal(word);
    if (!source || source->find("://") != std::string::npos || !is_secret_file(*source)) continue;
    report(findings, "SecretFileCopied", line,
           std::string(last_name(*source)) + " stays in a layer, for everybody who has the image",
           word.span,
           "give it to the RUN that needs it: RUN --mount=type=secret,id=ID,target=" +
               transfer.destination.text + " ..., and --secret id=ID,src=" + *source);
    if (++told == most_findings) return;
  }
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// How many characters of a token stand at `at`.
std::size_t token_length(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && (is_letter_or_digit(text[end]) || text[end] == '_')) ++end;
  return end - at;
}

// Tokens that their issuers mark, so that they are found: a prefix and how much follows at least.
bool has_marked_token(std::string_view text) {
  struct Mark {
    std::string_view prefix;
    std::size_t length;
  };
  static constexpr std::array<Mark, 10> marks = {
      Mark{"ghp_", 36},   Mark{"gho_", 36},     Mark{"ghs_", 36},  Mark{"github_pat_", 40},
      Mark{"glpat-", 20}, Mark{"npm_", 36},     Mark{"xoxb-", 10}, Mark{"xoxp-", 10},
      Mark{"AKIA", 16},   Mark{"dckr_pat_", 20}};
  for (const Mark& mark : marks)
    for (std::size_t at = text.find(mark.prefix); at != text.npos;
         at = text.find(mark.prefix, at + mark.prefix.size())) {
      const bool begins = at == 0 || !is_letter_or_digit(text[at - 1]);
      if (begins && token_length(text, at + mark.prefix.size()) >= mark.length) return true;
    }
  return text.find("PRIVATE KEY-----") != text.npos;
}

// A password as it is and not where to find it.
bool is_password(std::string_view text) {
  static constexpr std::array<std::string_view, 6> examples = {"password", "secret", "xxx",
                                                               "token",    "...",    "changeme"};
  if (text.size() < 3 || text.find('$') != text.npos || text.find('<') != text.npos) return false;
  const std::string name = lower_case(text);
  return std::find(examples.begin(), examples.end(), name) == examples.end();
}

// https://user:password@host
bool has_password_in_url(std::string_view text) {
  for (std::size_t at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
    const std::string_view scheme = text.substr(0, at);
    if (!scheme.ends_with("http") && !scheme.ends_with("https") && !scheme.ends_with("ftp") &&
        !scheme.ends_with("git"))
      continue;
    const std::size_t begin = at + 3;
    const std::size_t end = std::min(text.find_first_of("/ \t\"'", begin), text.size());
    const std::string_view authority = text.substr(begin, end - begin);
    const std::size_t sign = authority.rfind('@');
    const std::size_t colon = authority.find(':');
    if (sign == authority.npos || colon == authority.npos || colon > sign) continue;
    const std::string_view host = authority.substr(sign + 1);
    if (host.starts_with("localhost") || host.starts_with("127.")) continue;
    if (is_password(authority.substr(colon + 1, sign - colon - 1))) return true;
  }
  return false;
}

// curl -u name:password, and the like.
bool is_credential(const Command& command, const ShellWord& word, const ShellWord* before) {
  if (before == nullptr || !word.literal) return false;
  const std::string_view program = command.program();
  const std::string_view option = before->text;
  const std::string_view text = word.text;
  if (program == "curl" && (option == "-u" || option == "--user" || option == "--proxy-user")) {
    const std::size_t colon = text.find(':');
    return colon != text.npos && is_password(text.substr(colon + 1));
  }
  if (program == "curl" && (option == "-H" || option == "--header")) {
    const std::string header = lower_case(text);
    const std::size_t begin = header.find("bearer ");
    return header.starts_with("authorization:") && begin != header.npos &&
           is_password(text.substr(begin + 7));
  }
  if (program == "sshpass" && option == "-p") return is_password(text);
  if (program == "docker" && (option == "-p" || option == "--password"))
    return command.subcommand() != nullptr && command.subcommand()->text == "login" &&
           is_password(text);
  return false;
}

// _authToken=..., _password=... in what is written to a .npmrc.
bool has_npm_token(std::string_view text) {
  for (const std::string_view name : {"_authToken=", "_password=", "_auth="}) {
    const std::size_t at = text.find(name);
    if (at != text.npos && is_password(text.substr(at + name.size()))) return true;
  }
  return false;
}

// SecretInCommand, once a RUN.
void check_commands(const OwnLine& line, Findings& findings) {
  const auto tell = [&](const SourceSpan& span) {
    report(findings, "SecretInCommand", line,
           "this secret stays in the image's history, and in what the command stores", span,
           "give it to the RUN as a secret: --mount=type=secret,id=ID,env=NAME, and $NAME here");
  };
  for (const Command& command : line.commands.list) {
    for (const ShellWord& word : command.shell().assignments)
      if (has_marked_token(word.text) || has_password_in_url(word.text))
        return tell(command.span(word));
    const ShellWord* before = nullptr;
    for (const ShellWord& word : command.shell().words) {
      if (has_marked_token(word.text) || has_password_in_url(word.text) ||
          has_npm_token(word.text) || is_credential(command, word, before))
        return tell(command.span(word));
      before = &word;
    }
  }
}

void check_address(const OwnLine& line, const Add& add, Findings& findings) {
  for (const Word& word : add.sources) {
    const auto source = literal(word);
    if (!source || (!has_password_in_url(*source) && !has_marked_token(*source))) continue;
    report(findings, "SecretInCommand", line,
           "this secret stays in the image's history, and in what the command stores", word.span,
           "download it in a RUN that has the secret: --mount=type=secret,id=ID,env=NAME");
    return;
  }
}

}  // namespace

void check_secrets(const OwnFile& file, Findings& findings) {
  for (const OwnStage& stage : file.stages) {
    for (const OwnLine& line : stage.lines) {
      if (const Copy* copy = line.as<Copy>()) {
        check_files(line, *copy, findings);
      } else if (const Add* add = line.as<Add>()) {
        check_files(line, *add, findings);
        check_address(line, *add, findings);
      } else if (line.as<Run>() != nullptr && line.commands.understood) {
        check_commands(line, findings);
      }
    }
  }
}

}  // namespace slipway
