// A git repository: ask what the ref is, look for a record of that commit, else fetch it.
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <utility>

namespace slipway {

GitListener Solver::listener_of(const Step& current) {
  return {[this] { return stopping(); },
          [this, id = current.id](std::string_view text) {
            if (stopping()) return;
            events_.output(id, OutputStream::err, text);
            events_.await_room(id);
          }};
}

void Solver::begin_git(Step& current, const FetchGit& fetch) {
  events_.started(current.id);
  enqueue_beside(current.id, [this, &current, &fetch] {
    FetchGit resolved = git_.resolve(fetch, listener_of(current));
    enqueue(current.id, [this, &current, resolved = std::move(resolved)] {
      if (!stopping()) decide_git(current, resolved);
    });
  });
}

void Solver::decide_git(Step& current, const FetchGit& resolved) {
  // The commit says it all: neither where it is from nor by which name it was found.
  current.git = resolved;
  current.parts = key_parts(GitSources::identity(resolved));
  decide(current, {}, [this, &current, resolved] {
    enqueue_beside(current.id, [this, &current, resolved] {
      current.work_started = now();
      current.staging.emplace(store_.layers().stage());
      git_.check_out(resolved, *current.staging, listener_of(current));
      const BuiltLayer built = index_upper(current.staging->upper(), StackView({}));
      current.work_ended = now();
      keep_layer(current, built);
      settle(current);
    });
  });
}

}  // namespace slipway
