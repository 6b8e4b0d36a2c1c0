// Our own checks of what a RUN does, command by command.
#include <frontend/checks/own_stages.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway {
namespace {

using Link = ShellCommand::Link;

// The last command that RUN's own shell runs; null where that is not known or stands in something.
const Command* last_command(const Commands& commands) {
  if (!commands.understood || !commands.shell) return nullptr;
  const auto last = std::find_if(commands.list.rbegin(), commands.list.rend(),
                                 [](const Command& each) { return each.script() == 0; });
  if (last == commands.list.rend() || last->shell().depth > 0) return nullptr;
  return &*last;
}

void check_folder(const OwnLine& line, const Command& last, Findings& findings) {
  if (last.program() != "cd" && last.program() != "pushd") return;
  const ShellWord* folder = last.subcommand();
  const std::string path = folder == nullptr ? "/folder" : folder->text;
  report(findings, "CdLostAfterRun", line,
         "the working directory that " + std::string(last.program()) +
             " sets is lost at the end of this RUN",
         folder == nullptr ? last.program_span() : last.span_to(*folder),
         "write WORKDIR " + path + ", or put cd in front of the commands that need it");
}

// Files that are sourced for the variables they set.
bool sets_variables(std::string_view path) {
  const std::string_view name = last_name(path);
  return name == "activate" || name == ".bashrc" || name == ".profile" || name == ".bash_profile" ||
         name == ".env" || name == "environment" || name == "setenv.sh";
}

void check_variables(const OwnLine& line, const Command& last, Findings& findings) {
  const std::string_view program = last.program();
  const auto& assignments = last.shell().assignments;
  if (last.shell().words.empty() && !assignments.empty()) {
    report(findings, "VariableLostAfterRun", line,
           "a variable of the shell is lost at the end of this RUN", last.span(assignments.front()),
           "write ENV " + assignments.front().text);
    return;
  }
  const ShellWord* operand = last.subcommand();
  if (operand == nullptr) return;
  if (program == "export") {
    const bool value = operand->text.find('=') != std::string::npos;
    report(findings, "VariableLostAfterRun", line,
           "what export sets is lost at the end of this RUN", last.span_to(*operand),
           "write ENV " + operand->text + (value ? "" : "=value"));
  } else if ((program == "source" || program == ".") && sets_variables(operand->text)) {
    report(findings, "VariableLostAfterRun", line,
           "what " + operand->text + " sets is lost at the end of this RUN", last.span_to(*operand),
           "set it with ENV, such as ENV PATH=/venv/bin:$PATH, or source the file in the RUN that "
           "needs it");
  } else if (program == "alias" || program == "ulimit" || program == "umask") {
    report(findings, "VariableLostAfterRun", line,
           "what " + std::string(program) + " sets is lost at the end of this RUN",
           last.span_to(*operand), "put it into the RUN that needs it");
  }
}

void check_daemon(const OwnLine& line, const Command& last, Findings& findings) {
  const auto arguments = last.arguments();
  const auto starts = [](const ShellWord& word) {
    return word.text == "start" || word.text == "restart";
  };
  const auto& words = last.shell().words;
  bool daemon = false;
  if (last.program() == "service") {
    daemon = arguments.size() == 2 && starts(arguments[1]);
  } else if (last.program() == "systemctl") {
    const ShellWord* verb = last.subcommand();
    daemon = verb != nullptr && starts(*verb);
  } else if (!words.empty() && words[0].text.starts_with("/etc/init.d/")) {
    daemon = arguments.size() == 1 && starts(arguments[0]);
  }
  const bool background = last.shell().after == Link::background && !words.empty();
  if (!daemon && !background) return;
  report(findings, "DaemonLostAfterRun", line, "a process does not outlive its RUN",
         last.span_to(words.back()),
         "start it in CMD or ENTRYPOINT; what needs it during the build goes behind it in the same "
         "RUN");
}

// SudoInRun, once a RUN. `root`: whether a USER says so; nothing if none does.
void check_sudo(const OwnLine& line, std::optional<bool> root, Findings& findings) {
  for (const Command& command : line.commands.list) {
    const auto starters = command.starters();
    const auto sudo = std::find_if(starters.begin(), starters.end(),
                                   [](const ShellWord& word) { return word.text == "sudo"; });
    const bool itself = command.program() == "sudo";
    if (sudo == starters.end() && !itself) continue;
    // As another user than root: USER would do, but not in the midst of a RUN.
    const bool other_user =
        std::any_of(starters.begin(), starters.end(), [](const ShellWord& word) {
          return word.text.starts_with("-u") || word.text.starts_with("--user");
        });
    if (other_user) continue;
    report(findings, "SudoInRun", line, "sudo has no use in RUN",
           itself ? command.program_span() : command.span(*sudo),
           root == false ? "write USER root above, and the other user again below"
                         : "RUN runs as root unless USER or the base image says otherwise: leave "
                           "sudo out, or write USER root above");
    return;
  }
}

// PipelineWithoutPipefail, once a RUN.
void check_pipeline(const OwnLine& line, Findings& findings) {
  static constexpr std::array<std::string_view, 7> cannot_fail = {"echo", "printf", "yes", "true",
                                                                  ":",    "cat",    "ls"};
  // What ends before it has read everything, which pipefail would take for a failure.
  static constexpr std::array<std::string_view, 3> ends_early = {"head", "grep", "read"};
  const auto& list = line.commands.list;
  if (line.pipefail || !line.commands.shell) return;
  for (const Command& command : list) {
    const auto arguments = command.arguments();
    if (std::any_of(arguments.begin(), arguments.end(),
                    [](const ShellWord& word) { return word.text == "pipefail"; }))
      return;
  }
  for (std::size_t i = 0; i + 1 < list.size(); ++i) {
    if (list[i].shell().after != Link::pipe || list[i].shell().depth != list[i + 1].shell().depth)
      continue;
    const std::string_view program = list[i].program();
    const std::string_view reader = list[i + 1].program();
    if (program.empty() ||
        std::find(cannot_fail.begin(), cannot_fail.end(), program) != cannot_fail.end() ||
        std::find(ends_early.begin(), ends_early.end(), reader) != ends_early.end())
      continue;
    report(findings, "PipelineWithoutPipefail", line,
           "if " + std::string(program) +
               " fails, the RUN goes on: only the last command of a "
               "pipeline counts",
           list[i].program_span(),
           "write SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] above, or begin with set -o "
           "pipefail where the shell is bash or ash");
    return;
  }
}

bool verifies_a_download(const Commands& commands) {
  static constexpr std::array<std::string_view, 9> programs = {
      "sha256sum", "sha512sum", "sha1sum", "sha384sum", "md5sum",
      "shasum",    "gpgv",      "cosign",  "minisign"};
  return std::any_of(commands.list.begin(), commands.list.end(), [](const Command& command) {
    return std::find(programs.begin(), programs.end(), command.program()) != programs.end() ||
           (command.program() == "gpg" && command.has({"--verify"}));
  });
}

// Whether what curl prints becomes a program or files.
bool unpacks(std::string_view program) {
  static constexpr std::array<std::string_view, 14> programs = {
      "tar",    "bsdtar", "gpg",  "apt-key", "tee", "gunzip", "unzip",
      "funzip", "xz",     "unxz", "zcat",    "dd",  "perl",   "cpio"};
  return is_posix_shell(program) || program.starts_with("python") || program == "node" ||
         std::find(programs.begin(), programs.end(), program) != programs.end();
}

// CurlWithoutFail, once a RUN.
void check_curl(const OwnLine& line, Findings& findings) {
  const auto& list = line.commands.list;
  if (verifies_a_download(line.commands)) return;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Command& curl = list[i];
    if (curl.program() != "curl") continue;
    if (curl.has({"-f", "--fail", "--fail-with-body", "-I", "--head", "-w", "--write-out", "-K",
                  "--config", "-X", "--request", "-d", "--data"}))
      continue;
    const auto arguments = curl.arguments();
    const bool url = std::any_of(arguments.begin(), arguments.end(), [](const ShellWord& word) {
      return word.text.starts_with("http://") || word.text.starts_with("https://");
    });
    const bool unknown_options = std::any_of(
        arguments.begin(), arguments.end(),
        [](const ShellWord& word) { return !word.quoted && word.text.starts_with('$'); });
    if (!url || unknown_options) continue;
    const auto& redirections = curl.shell().redirections;
    const bool to_file =
        curl.has({"-o", "--output", "-O", "--remote-name", "--remote-name-all"}) ||
        std::any_of(redirections.begin(), redirections.end(), [](const ShellRedirection& each) {
          return (each.op == ">" || each.op == ">>") && each.target.text != "/dev/null";
        });
    const bool to_program =
        curl.shell().after == Link::pipe && i + 1 < list.size() && unpacks(list[i + 1].program());
    if (!to_file && !to_program) continue;
    report(findings, "CurlWithoutFail", line,
           "curl takes the page of an HTTP error for what was asked for", curl.program_span(),
           "write curl -f: then the RUN fails instead");
    return;
  }
}

// The word that switches a check off, and what to do instead.
std::optional<std::pair<const ShellWord*, std::string_view>> unchecked(const Command& command,
                                                                       bool verified) {
  static constexpr std::string_view certificates =
      "install ca-certificates, or copy the certificate in and run update-ca-certificates";
  static constexpr std::string_view signature = "import the key that the packages are signed with";
  const std::string_view program = command.program();
  const auto arguments = command.arguments();
  for (const ShellWord& word : arguments)
    if (word.text.find("://localhost") != std::string::npos ||
        word.text.find("://127.0.0.1") != std::string::npos)
      return std::nullopt;
  const bool local_package =
      std::any_of(arguments.begin(), arguments.end(), [](const ShellWord& word) {
        return word.text.ends_with(".apk") || word.text.ends_with(".rpm");
      });
  const ShellWord* before = nullptr;
  for (const ShellWord& word : arguments) {
    const std::string_view text = word.text;
    const bool letters = text.size() > 1 && text[0] == '-' && text[1] != '-';
    const std::pair found(&word, certificates);
    if (program == "curl" && !verified &&
        (text == "--insecure" || (letters && text.find('k') != text.npos && text.size() < 8)))
      return found;
    if (program == "wget" && !verified && text == "--no-check-certificate") return found;
    if (program == "git" && (text == "http.sslVerify=false" || text == "http.sslverify=false"))
      return found;
    if (program == "git" && (text == "false" || text == "0") && before != nullptr &&
        (before->text == "http.sslVerify" || before->text == "http.sslverify"))
      return found;
    if ((program == "npm" || program == "yarn") &&
        (text == "--strict-ssl=false" ||
         (text == "false" && before != nullptr && before->text == "strict-ssl")))
      return found;
    if (program.starts_with("pip") &&
        (text == "--trusted-host" || text.starts_with("--trusted-host=")))
      return found;
    if ((program == "apt-get" || program == "apt") &&
        (text == "--allow-unauthenticated" || text == "--force-yes" ||
         text == "--allow-insecure-repositories"))
      return std::pair(&word, signature);
    if (((program == "yum" || program == "dnf") && text == "--nogpgcheck" && !local_package) ||
        (program == "apk" && text == "--allow-untrusted" && !local_package))
      return std::pair(&word, signature);
    before = &word;
  }
  return std::nullopt;
}

// DownloadNotVerified, once a RUN.
void check_verification(const OwnLine& line, Findings& findings) {
  const bool verified = verifies_a_download(line.commands);
  for (const Command& command : line.commands.list) {
    const auto found = unchecked(command, verified);
    if (!found) continue;
    report(findings, "DownloadNotVerified", line,
           "with " + found->first->text + " anybody on the way can put another file in its place",
           command.span(*found->first), std::string(found->second));
    return;
  }
}

// Whether USER names root; nothing for a variable.
std::optional<bool> names_root(const User& user) {
  const auto text = literal(user.user);
  if (!text) return std::nullopt;
  const std::string name = text->substr(0, text->find(':'));
  return name == "root" || name == "0";
}

}  // namespace

void check_shell(const OwnFile& file, Findings& findings) {
  std::vector<std::optional<bool>> roots;
  for (const OwnStage& stage : file.stages) {
    std::optional<bool> root = stage.base ? roots[*stage.base] : std::nullopt;
    for (const OwnLine& line : stage.lines) {
      if (const User* user = line.as<User>()) root = names_root(*user);
      if (!line.commands.understood) continue;
      if (const Command* last = last_command(line.commands)) {
        check_folder(line, *last, findings);
        check_variables(line, *last, findings);
        check_daemon(line, *last, findings);
      }
      check_sudo(line, root, findings);
      check_pipeline(line, findings);
      check_curl(line, findings);
      check_verification(line, findings);
    }
    roots.push_back(root);
  }
}

}  // namespace slipway
