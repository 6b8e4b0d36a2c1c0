#include <ir/lowering/checks.hpp>
#include <ir/lowering/fetch.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/names.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/lowering/stage_state.hpp>
#include <ir/pattern.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// Octal up to 07777, or symbolic: "u=rwX,go=rX".
bool is_mode(std::string_view text) {
  const auto only = [](std::string_view part, std::string_view letters) {
    return part.find_first_not_of(letters) == std::string_view::npos;
  };
  if (only(text, "01234567")) {
    const std::size_t first = std::min(text.find_first_not_of('0'), text.size());
    return !text.empty() && text.size() - first <= 4;
  }
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    std::string_view clause = text.substr(start, comma - start);
    clause.remove_prefix(std::min(clause.find_first_not_of("ugoa"), clause.size()));
    if (clause.empty()) return false;
    while (!clause.empty()) {
      if (!only(clause.substr(0, 1), "+-=")) return false;
      clause.remove_prefix(1);
      const std::size_t end = std::min(clause.find_first_of("+-="), clause.size());
      const std::string_view permissions = clause.substr(0, end);
      if (!only(permissions, "rwxXst") && !(permissions.size() == 1 && only(permissions, "ugo")))
        return false;
      clause.remove_prefix(end);
    }
    start = comma + 1;
  }
  return true;
}

// Against the working directory; what says "a directory" keeps its slash.
std::string destination_of(std::string_view written, const StageState& stage) {
  const bool directory =
      written.empty() || written == "." || written.ends_with('/') || written.ends_with("/.");
  std::string path = joined(stage.working_directory(), written);
  if (directory && path != "/") path += '/';
  return path;
}

// Relative to the input's root, "." for the root itself. With --parents the part in front of "/./"
// is not repeated below the destination, so the mark stays in.
std::string selected_path(std::string_view written, bool parents) {
  const std::size_t pivot = parents ? written.find("/./") : std::string_view::npos;
  if (pivot != std::string_view::npos) {
    const std::string above = rooted(written.substr(0, pivot)).substr(1);
    const std::string below = rooted(written.substr(pivot + 3)).substr(1);
    if (above.empty()) return below.empty() ? "." : below;
    return above + "/./" + below;
  }
  const std::string path = rooted(written).substr(1);
  return path.empty() ? "." : path;
}

// The words of an instruction as they may be shown: URLs without what people put before the @.
std::string without_passwords(std::string_view shown) {
  std::string text;
  for (std::size_t start = 0; start < shown.size();) {
    const std::size_t end = std::min(shown.find(' ', start), shown.size() - 1) + 1;
    const std::string_view word = shown.substr(start, end - start);
    text += is_http_source(word) ? without_credentials(word) : std::string(word);
    start = end;
  }
  return text;
}

// "[build 2/5] ADD a b /" -> "[build 2/5] fetch a"
std::string fetch_name(const std::string& name, std::string_view source) {
  const std::size_t bracket = name.find("] ");
  return (bracket == std::string::npos ? std::string() : name.substr(0, bracket + 2)) + "fetch " +
         without_credentials(source);
}

// What ADD has beyond COPY, and the other way round.
struct Special {
  bool parents = false;
  bool unpack = false;          // archives of the build context
  bool unpack_fetched = false;  // and those that are fetched
  std::string checksum;
  bool from_context = false;  // the sources lie in the build context
};

// The fields that COPY and ADD share. `from` is the vertex the named sources lie in; it is asked
// for only if there are any.
template <class From>
void lower_transfer(Lowering& lowering, StageState& stage, const FileTransfer& transfer,
                    const Instruction& instruction, std::string history, const Special& special,
                    const From& from) {
  const Scope& scope = stage.environment.scope();
  CopyFiles copy;
  copy.parents = special.parents;
  // A mistake in one word does not hide those in the others.
  const auto attempt = [&](const Word& word, const auto& action) {
    lowering.mistakes.attempt(word.span, action);
  };
  if (transfer.chown)
    attempt(*transfer.chown, [&] { copy.chown = value_of(lowering, stage, *transfer.chown); });
  if (transfer.chmod) {
    attempt(*transfer.chmod, [&] {
      copy.chmod = value_of(lowering, stage, *transfer.chmod);
      if (copy.chmod.empty() || is_mode(copy.chmod)) return;
      throw Error("mode " + slipway::quoted(copy.chmod) + " is not one")
          .hint("write octal digits up to 07777, or symbols as in u=rwX,go=rX");
    });
  }
  for (const Word& pattern : transfer.exclude) {
    attempt(pattern, [&] {
      try {
        IgnoreRules({pattern.text});
      } catch (const Error&) {
        throw Error("--exclude pattern " + slipway::quoted(pattern.text) + " is malformed");
      }
      copy.exclude.push_back(pattern.text);
    });
  }

  if (copy.parents) history += " --parents";
  if (!copy.chown.empty()) history += " --chown=" + copy.chown;
  if (!copy.chmod.empty()) history += " --chmod=" + copy.chmod;
  const std::string shown = shown_text(instruction.text, scope);
  const std::size_t step = stage.step;
  const std::string name = next_step_name(stage, without_passwords(shown));
  // With --chmod BuildKit copies in place also where --link asks for a layer of its own, and
  // Dockerfiles count on it: COPY --link --chmod=755 x /bin/ must not replace Debian's /bin link.
  copy.link = transfer.link && copy.chmod.empty();

  std::vector<VertexId> inputs = {stage.root};
  if (copy.link) {
    inputs[0] = add_vertex(lowering, stage, Scratch{}, {}, instruction.span, "FROM scratch");
  }
  const auto input = [&](VertexId vertex) {
    const auto found = std::find(inputs.begin() + 1, inputs.end(), vertex);
    if (found == inputs.end()) {
      inputs.push_back(vertex);
      return static_cast<std::uint32_t>(inputs.size() - 1);
    }
    return static_cast<std::uint32_t>(found - inputs.begin());
  };
  for (const Word& source : transfer.sources) {
    attempt(source, [&] {
      const std::string written = value_of(lowering, stage, source);
      history += " " + written;
      CopyFiles::Selection selection;
      selection.origin = {source.span, written};
      if (auto fetch = fetched(written, instruction, special.checksum)) {
        selection.path = std::move(fetch->path);
        selection.unpack = special.unpack_fetched;
        selection.input = input(add_vertex(lowering, stage, std::move(fetch->operation), {},
                                           source.span, fetch_name(name, written)));
        copy.sources.push_back(std::move(selection));
        return;
      }
      if (special.from_context) check_copy_source(lowering, stage, written, source.span);
      selection.input = input(from());
      selection.path = selected_path(written, copy.parents);
      selection.wildcards = has_wildcards(selection.path);
      selection.unpack = special.unpack;
      copy.sources.push_back(std::move(selection));
    });
  }
  for (const Heredoc& heredoc : transfer.heredocs) {
    history += " <<" + heredoc.name;
    attempt(heredoc.word, [&] {
      copy.sources.push_back(CopyFiles::InlineFile{
          heredoc.name,
          heredoc.expand ? value_of(lowering, stage, heredoc.word) : heredoc.content});
    });
  }
  const std::string destination = value_of(lowering, stage, transfer.destination);
  history += " " + destination + " # buildkit";
  copy.destination = destination_of(destination, stage);

  const bool link = copy.link;
  const VertexId copied =
      add_vertex(lowering, stage, std::move(copy), std::move(inputs), instruction.span, name);
  if (link) {
    stage.step = step;  // two vertices of one step
    std::string link_name = next_step_name(stage, "LINK " + shown);
    stage.root = add_vertex(lowering, stage, StackLayers{}, {stage.root, copied}, instruction.span,
                            std::move(link_name));
  } else {
    stage.root = copied;
  }
  add_history(stage.config, std::move(history), true);
}

}  // namespace

void lower_copy(Lowering& lowering, const std::vector<StageState>& states, StageState& stage,
                const Copy& copy, const Instruction& instruction) {
  Special special;
  special.parents = copy.parents;
  special.from_context = !copy.from;
  lower_transfer(lowering, stage, copy, instruction, "COPY", special, [&] {
    const Source source =
        copy.from ? lowering.stages.copy_source(*copy.from) : Source{Source::Kind::context, 0, {}};
    return source_vertex(lowering, states, source, stage.plan->platform,
                         copy.from ? copy.from->span : instruction.span);
  });
}

void lower_add(Lowering& lowering, StageState& stage, const Add& add,
               const Instruction& instruction) {
  Special special;
  special.from_context = true;
  // What is fetched stays as it is unless it is asked for otherwise.
  special.unpack = add.unpack.value_or(true);
  special.unpack_fetched = add.unpack.value_or(false);
  if (add.checksum) {
    lowering.mistakes.attempt(add.checksum->span, [&] {
      special.checksum = value_of(lowering, stage, *add.checksum);
      if (special.checksum.empty()) return;
      if (add.sources.size() != 1) throw Error("--checksum is that of one source");
      require_fetched(value_of(lowering, stage, add.sources.front()));
    });
  }
  lower_transfer(lowering, stage, add, instruction, "ADD", special, [&] {
    return source_vertex(lowering, {}, {Source::Kind::context, 0, {}}, stage.plan->platform,
                         instruction.span);
  });
}

void lower_workdir(Lowering& lowering, StageState& stage, const Workdir& workdir,
                   const Instruction& instruction) {
  const Scope& scope = stage.environment.scope();
  const std::string written = value_of(lowering, stage, workdir.path);
  check_workdir(lowering, stage, written, workdir.path.span);
  // An absolute path is kept as it was written, "/w/" with its slash, as in BuildKit's images.
  std::string path = stage.working_directory();
  if (written.starts_with('/')) {
    path = written;
  } else if (!written.empty()) {
    path = joined(path, written);
  }
  if (written.starts_with('/')) stage.unknown_workdir = false;
  stage.config.working_dir = path;
  const bool layer = path != "/";
  if (layer) {
    MakeDirectory make;
    make.path = rooted(path);
    make.owner = stage.config.user;
    std::string name = next_step_name(stage, shown_text(instruction.text, scope));
    stage.root = add_vertex(lowering, stage, std::move(make), {stage.root}, instruction.span,
                            std::move(name));
  }
  add_history(stage.config, "WORKDIR " + path, layer);
}

}  // namespace slipway
