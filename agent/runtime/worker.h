#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace converge::runtime {

/// One thread with a queue of tasks and timers. Tasks run one at a time, in the order they were
/// posted. Everything may be called from any thread, except where it says otherwise.
class Worker {
 public:
  /// The thread starts at once. `name` is shown by ps and debuggers, at most 15 characters.
  explicit Worker(std::string name);
  /// Stops and joins.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::function<void()> task);
  /// Runs the task on the thread after the delay; forgotten when the worker stops first.
  void after(std::chrono::steady_clock::duration delay, std::function<void()> task);

  /// Runs what was posted before the call, then ends the thread. Not from the thread itself.
  void stop();
  boost::asio::io_context& io();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::runtime
