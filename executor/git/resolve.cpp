// From a branch, a tag or nothing to a commit: what the remote has now.
#include <executor/git/git_sources.hpp>

#include <cache/state_directory.hpp>
#include <executor/git/repository.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// What `git ls-remote --symref` prints.
struct Listing {
  std::map<std::string, std::string, std::less<>> refs;  // name -> object
  std::string head;                                      // the branch that HEAD is; may be empty

  std::string find(std::string_view name) const {
    const auto found = refs.find(name);
    return found == refs.end() ? std::string() : found->second;
  }
};

Listing read_listing(std::string_view text) {
  constexpr std::string_view symref = "ref: ";
  Listing listing;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    const std::string_view value = line.substr(0, tab);
    const std::string_view name = line.substr(tab + 1);
    if (value.starts_with(symref)) {
      if (name == "HEAD") listing.head = value.substr(symref.size());
    } else if (is_object_id(value)) {
      listing.refs[std::string(name)] = value;
    }
  }
  return listing;
}

Listing list(const GitRemote& remote, std::vector<std::string> patterns,
             const GitListener& listener) {
  std::vector<std::string> arguments = {"ls-remote", "--symref", "--", "origin"};
  for (std::string& pattern : patterns) arguments.push_back(std::move(pattern));
  const GitOutcome outcome = remote.run(remote.command(std::move(arguments)), listener);
  if (!outcome.ok()) throw remote.failure(outcome);
  return read_listing(outcome.output);
}

std::string_view without_prefix(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

Error no_such_ref(const GitRemote& remote, const std::string& ref, const GitListener& listener) {
  Error error("the repository " + quoted(remote.shown()) + " does not contain ref " + quoted(ref));
  const bool short_commit = ref.size() >= 4 && ref.size() < 40 &&
                            ref.find_first_not_of("0123456789abcdefABCDEF") == ref.npos;
  const Listing all = list(remote, {}, listener);
  if (all.refs.empty()) {
    return Error("the repository " + quoted(remote.shown()) + " is empty");
  }
  std::vector<std::string> names;
  for (const auto& [name, object] : all.refs) {
    for (const std::string_view prefix : {"refs/heads/", "refs/tags/"}) {
      if (name.starts_with(prefix) && !name.ends_with("^{}"))
        names.emplace_back(without_prefix(name, prefix));
    }
  }
  std::string plain(ref);
  for (const std::string_view prefix : {"refs/heads/", "refs/tags/"})
    plain = without_prefix(plain, prefix);
  // The name may exist as the other kind: "branch=v1" where v1 is a tag.
  for (const auto& [prefix, kind] :
       {std::pair<std::string, std::string>{"refs/heads/", "a branch"}, {"refs/tags/", "a tag"}}) {
    if (plain != ref && !ref.starts_with(prefix) && !all.find(prefix + plain).empty())
      return std::move(error.hint(quoted(plain) + " is " + kind));
  }
  error.hint(did_you_mean(
      plain, names,
      short_commit ? "a commit is named by all of its digits; as ?commit= its beginning does"
                   : ""));
  return error;
}

void require_checksum(const GitRemote& remote, const std::string& checksum,
                      const std::string& object, const std::string& commit,
                      const std::string& what) {
  if (checksum.empty()) return;
  const std::string wanted = lower_case(checksum);
  if (object.starts_with(wanted) || commit.starts_with(wanted)) return;
  const std::string or_commit = commit.empty() ? "" : " (the tag) or " + commit;
  throw Error("expected checksum to match " + checksum + ", got " + object + or_commit + " for " +
              what + " of " + quoted(remote.shown()))
      .hint("the ref has moved, or the checksum is that of another one");
}

}  // namespace

GitSources::GitSources(StateDirectory& state, SecretReader secret, std::filesystem::path agent)
    : state_(state), secret_(std::move(secret)), agent_(std::move(agent)) {}

GitSources::~GitSources() = default;

GitRemote GitSources::remote_of(const FetchGit& fetch) const {
  return GitRemote(fetch.remote, secret_, {known_hosts(state_), agent_});
}

FetchGit GitSources::resolve(const FetchGit& wanted, const GitListener& listener) {
  if (!wanted.commit.empty()) return wanted;
  const GitRemote remote = remote_of(wanted);
  FetchGit resolved = wanted;
  if (!wanted.ref.empty()) require_ref(wanted.ref);
  if (wanted.by_commit && !is_object_id(wanted.ref)) {
    if (!is_object_id(wanted.checksum)) {
      throw Error(wanted.checksum.empty()
                      ? std::string("fetch-by-commit needs a checksum or a whole commit as the ref")
                      : "fetch-by-commit needs a whole commit, not " + quoted(wanted.checksum))
          .hint("add checksum= with all digits of the commit");
    }
    resolved.commit = wanted.checksum;
    // A name without more is a branch's.
    if (!wanted.ref.empty() && !wanted.ref.starts_with("refs/"))
      resolved.ref = "refs/heads/" + wanted.ref;
    return resolved;
  }
  if (is_object_id(wanted.ref)) {
    require_checksum(remote, wanted.checksum, wanted.ref, "", "the commit");
    resolved.commit = wanted.ref;
    return resolved;
  }

  std::shared_ptr<Answer> answer;
  {
    const std::lock_guard lock(mutex_);
    auto& place = answers_[{wanted.remote, wanted.ref}];
    if (!place) place = std::make_shared<Answer>();
    answer = place;
  }
  Found found;
  {
    const std::lock_guard lock(answer->mutex);
    if (!answer->known) {
      answer->found = ask(remote, wanted.ref, listener);
      answer->known = true;
    }
    found = answer->found;
  }
  require_checksum(remote, wanted.checksum, found.object, found.commit,
                   wanted.ref.empty() ? "HEAD" : "ref " + quoted(wanted.ref));
  resolved.ref = found.ref;
  // Only .git tells a tag from what it tags.
  resolved.commit = found.commit.empty() || wanted.keep_git_dir ? found.object : found.commit;
  return resolved;
}

GitSources::Found GitSources::ask(const GitRemote& remote, const std::string& ref,
                                  const GitListener& listener) {
  if (ref.empty()) {
    const Listing listing = list(remote, {"HEAD"}, listener);
    const std::string object = listing.find("HEAD");
    if (object.empty()) throw no_such_ref(remote, "HEAD", listener);
    if (!listing.head.empty()) require_ref(listing.head);
    return {listing.head, object, {}};
  }
  const Listing listing = list(remote, {ref, ref + "^{}"}, listener);
  const std::string any = "refs/" + std::string(without_prefix(ref, "refs/"));
  const std::string branch = "refs/heads/" + std::string(without_prefix(ref, "refs/heads/"));
  const std::string tag = "refs/tags/" + std::string(without_prefix(ref, "refs/tags/"));
  // What was written in full, a branch, a tag: as git's checkout has it.
  for (const std::string& name : {any, branch, tag}) {
    const std::string object = listing.find(name);
    if (!object.empty()) return {name, object, listing.find(name + "^{}")};
  }
  throw no_such_ref(remote, ref, listener);
}

FetchGit GitSources::identity(const FetchGit& resolved) {
  FetchGit identity;
  identity.commit = resolved.commit;
  identity.subdir = rooted(resolved.subdir).substr(1);
  identity.submodules = resolved.submodules;
  // Beside the files only .git says where they are from.
  identity.keep_git_dir = resolved.keep_git_dir && rooted(resolved.subdir) == "/";
  if (identity.keep_git_dir) {
    identity.remote = GitRemote(resolved.remote, nullptr, {}).url();
    identity.ref = resolved.ref;
  }
  return identity;
}

}  // namespace slipway
