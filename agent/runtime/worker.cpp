#include "agent/runtime/worker.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>
#include <utility>
#include <vector>

namespace converge::runtime {

using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

struct Worker::Impl {
  boost::asio::io_context io{1};
  std::optional<WorkGuard> guard{boost::asio::make_work_guard(io)};
  std::thread thread;

  // What is posted is taken up by the batch: under load a lock and a wake-up are shared by many
  // tasks. Destroyed before `io`, whose sockets and timers the tasks may hold.
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  ///< in order, none of them taken up
  bool is_called = false;                     ///< run_posted() is in io's queue
  std::vector<std::function<void()>> batch;   ///< worker's thread only

  void run_posted() {
    {
      const std::lock_guard lock(mutex);
      batch.swap(posted);
      is_called = false;
    }
    for (std::function<void()>& task : batch) {
      task();
      task = nullptr;  // what it holds goes now, not with the batch
    }
    batch.clear();
  }
};

Worker::Worker(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get(), name = std::move(name)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    impl->io.run();
  });
}

Worker::~Worker() { stop(); }

void Worker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back(std::move(task));
    if (std::exchange(impl_->is_called, true)) return;
  }
  boost::asio::post(impl_->io, [impl = impl_.get()] { impl->run_posted(); });
}

void Worker::after(std::chrono::steady_clock::duration delay, std::function<void()> task) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(impl_->io, delay);
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error) task();
  });
}

void Worker::stop() {
  if (!impl_->thread.joinable()) return;
  // Behind everything that was posted; timers and sockets that are left do not keep the thread.
  boost::asio::post(impl_->io, [impl = impl_.get()] { impl->io.stop(); });
  impl_->guard.reset();
  impl_->thread.join();
}

boost::asio::io_context& Worker::io() { return impl_->io; }

}  // namespace converge::runtime
