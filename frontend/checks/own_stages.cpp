#include <frontend/checks/own_stages.hpp>

#include <frontend/checks/own.hpp>
#include <frontend/fragment.hpp>
#include <frontend/statements.hpp>

#include <ir/letter_case.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

namespace slipway {
namespace {

constexpr std::size_t longest_path = 4096;
// Each path of a RUN is compared with each of its mounts; nobody writes more.
constexpr std::size_t most_mounts = 64;

// What a stage takes over from the one it is built on.
struct Inherited {
  std::optional<std::string> workdir;
  bool posix = true;      // the shell
  bool pipefail = false;  // its options
};

// Statements by where they stand, to find the text of an instruction.
class Texts {
 public:
  explicit Texts(const Dockerfile& dockerfile) {
    Report ignored;  // read before, and told then
    list_ = read_statements(whole_text(dockerfile.source), ignored).list;
    for (const Statement& statement : list_) places_[place(statement.name.span())] = &statement;
  }

  const Statement* find(const Instruction& instruction) const {
    const auto found = places_.find(place(instruction.keyword.span));
    return found == places_.end() ? nullptr : found->second;
  }

 private:
  static std::pair<std::uint32_t, std::uint32_t> place(const SourceSpan& span) {
    return {span.line, span.column};
  }

  std::vector<Statement> list_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, const Statement*> places_;
};

OwnLine own_line(const Instruction& instruction, const Texts& texts, Inherited& state) {
  OwnLine line;
  line.instruction = &instruction;
  line.workdir = state.workdir;
  line.pipefail = state.pipefail;
  if (const Run* run = line.as<Run>()) {
    std::vector<Diagnostic> ignored;  // told by lower_case()
    for (const RunMount& mount : run->mounts)
      line.mounts.push_back(mount_values(mount, literal, ignored));
    const Statement* statement = texts.find(instruction);
    if (statement != nullptr) {
      line.commands = commands_of(*statement, state.posix);
    }
    if (statement == nullptr || line.mounts.size() > most_mounts)
      line.commands = {.understood = false};
  } else if (const Workdir* workdir = line.as<Workdir>()) {
    const auto path = literal(workdir->path);
    state.workdir = path ? absolute(state.workdir, *path) : std::nullopt;
  } else if (const Shell* shell = line.as<Shell>()) {
    state.posix = !shell->arguments.empty() && is_posix_shell(shell->arguments.front());
    state.pipefail = std::find(shell->arguments.begin(), shell->arguments.end(), "pipefail") !=
                     shell->arguments.end();
  }
  return line;
}

}  // namespace

bool OwnLine::has_cache_mount() const {
  return std::any_of(mounts.begin(), mounts.end(), [](const MountValues& mount) {
    return mount.type == RunProcess::Mount::Type::cache;
  });
}

OwnFile own_file(const Dockerfile& dockerfile) {
  const Texts texts(dockerfile);
  OwnFile file;
  file.dockerfile = &dockerfile;
  std::map<std::string, std::size_t> names;
  std::vector<Inherited> ends;
  for (const Stage& stage : dockerfile.stages) {
    OwnStage own;
    own.stage = &stage;
    const auto base = literal(stage.from.image);
    if (const auto found = names.find(lower_case(base.value_or(""))); base && found != names.end())
      own.base = found->second;
    Inherited state;
    // Where the escape character is another one, the shell is Windows's until SHELL says which.
    if (own.base) {
      state = ends[*own.base];
    } else {
      state.posix = dockerfile.escape == '\\';
      if (base && lower_case(*base) == "scratch") state.workdir = "/";
    }
    for (const Instruction& instruction : stage.instructions)
      own.lines.push_back(own_line(instruction, texts, state));
    ends.push_back(std::move(state));
    if (stage.from.alias) names[lower_case(stage.from.alias->text)] = file.stages.size();
    file.stages.push_back(std::move(own));
  }
  if (!file.stages.empty()) {
    std::optional<std::size_t> at = file.stages.size() - 1;
    while (at) {
      file.stages[*at].in_image = true;
      at = file.stages[*at].base;
    }
  }
  return file;
}

std::optional<std::string> literal(const Word& word) {
  std::string text;
  for (const WordPart& part : word.parts) {
    const Literal* piece = std::get_if<Literal>(&part);
    if (piece == nullptr) return std::nullopt;
    text += piece->text;
  }
  return text;
}

std::optional<std::string> absolute(const std::optional<std::string>& folder,
                                    std::string_view path) {
  if (!path.starts_with('/') && !folder) return std::nullopt;
  const std::string whole =
      path.starts_with('/') ? std::string(path) : *folder + "/" + std::string(path);
  std::string result;
  for (std::size_t start = 0; start < whole.size();) {
    const std::size_t end = std::min(whole.find('/', start), whole.size());
    const std::string_view name = std::string_view(whole).substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      result.resize(result.empty() ? 0 : result.rfind('/'));
    } else {
      result += '/';
      result += name;
    }
  }
  // Relative ones may add up: no path is longer, and none that is has to be compared.
  if (result.size() > longest_path) return std::nullopt;
  return result.empty() ? "/" : result;
}

std::string_view last_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash != path.npos) path.remove_prefix(slash + 1);
  return path == "." || path == ".." ? std::string_view() : path;
}

bool is_inside(std::string_view path, std::string_view folder) {
  if (folder == "/" || path == folder) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

void report(Findings& findings, std::string_view rule, const OwnLine& line, std::string message,
            const SourceSpan& span, std::string hint) {
  findings.add(rule, line.instruction->comments,
               {nullptr, std::move(message), span, line.instruction->span, std::move(hint)});
}

void check_own(const Dockerfile& dockerfile, Findings& findings) {
  if (!findings.settings().own && !findings.settings().taste) return;
  const OwnFile file = own_file(dockerfile);
  check_base_images(file, findings);
  check_copies(file, findings);
  check_layers(file, findings);
  check_packages(file, findings);
  check_secrets(file, findings);
  check_shell(file, findings);
}

}  // namespace slipway
