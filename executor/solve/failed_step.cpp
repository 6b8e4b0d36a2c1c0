// The first RUN that failed: what it left is kept, and shown to whoever asked for it.
#include <executor/solve/failed_step.hpp>
#include <executor/solve/solver.hpp>

#include <chrono>
#include <thread>
#include <utility>

namespace slipway {

// Everything of the solve has ended: nothing here is shared with another thread.
class Solver::Failure final : public FailedStep {
 public:
  Failure(Solver& solver, Step& step) : solver_(solver), step_(step) {}

  const Vertex& vertex() const override { return solver_.graph_[step_.id]; }

  StackView files() override {
    StackView below = solver_.view_of(vertex().inputs[0]);
    const RunResult exit = step_.exit.value_or(RunResult{});
    BuiltLayer own = index_upper(upper(), below, {exit.uid, exit.gid});
    std::vector<StackView::Layer> layers = below.layers();
    layers.push_back({upper(), LayerIndex::from_bytes(std::move(own.index))});
    return StackView(std::move(layers));
  }

  std::unique_ptr<RunningProcess> start(std::vector<std::string> arguments,
                                        const std::vector<std::string>& more_environment,
                                        TerminalSize size,
                                        const std::function<void(const std::string&)>& told,
                                        std::function<void(RunResult)> finished) override {
    operation_ = std::get<RunProcess>(vertex().operation);
    operation_.arguments = std::move(arguments);
    operation_.environment.insert(operation_.environment.end(), more_environment.begin(),
                                  more_environment.end());
    step_.locks.clear();
    lock_mounts(told);

    RunRequest request;
    request.operation = &operation_;
    request.mounts = step_.mounts;
    // The overlay that the step had is not mounted a second time: its working directory is spent.
    work_.emplace(solver_.store_.layers().stage());
    request.upper = upper();
    request.goes_on = true;
    request.work = work_->work();
    request.terminal = size;
    request.lowers = mountable(solver_.step(vertex().inputs[0]).result);
    return solver_.runner_.start(
        request, [](OutputStream, std::string_view) {}, std::move(finished));
  }

  bool cancelled() override {
    cancelled_ = cancelled_ || cancel_requested();
    return cancelled_;
  }

 private:
  std::filesystem::path upper() const {
    return solver_.kept_ ? solver_.kept_->upper() : step_.staging->upper();
  }

  void lock_mounts(const std::function<void(const std::string&)>& told) {
    const auto file = solver_.store_.state().root() / "locks" / "steps";
    bool announced = false;
    for (const Digest& key : solver_.mount_locks(operation_)) {
      for (;;) {
        if (auto lock = KeyLock::attempt(file, key)) {
          step_.locks.push_back(std::move(*lock));
          break;
        }
        if (cancelled()) throw Error("the build was interrupted");
        if (!std::exchange(announced, true)) {
          told("waiting for another slipway process that uses the step's cache mount");
        }
        std::this_thread::sleep_for(lock_patience);
      }
    }
  }

  Solver& solver_;
  Step& step_;
  RunProcess operation_;
  std::optional<Staging> work_;
  bool cancelled_ = false;
};

void Solver::keep_failed(Step& current) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || failed_ != nullptr || !current.staging) return;
    failed_ = &current;
  }
  if (options_.place.empty()) return;
  kept_ = store_.failed_steps().keep(options_.place, *current.staging, graph_[current.id].name,
                                     step(graph_[current.id].inputs[0]).result.layers);
}

void Solver::show_failed() {
  // Whoever asked for the end wants no shell.
  if (failed_ == nullptr || !options_.failed || interrupted_ || cancel_requested()) return;
  Failure failure(*this, *failed_);
  options_.failed(failure, collected_errors());
  failed_->locks.clear();
  forget_mounts(*failed_);
}

}  // namespace slipway
