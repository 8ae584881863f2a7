#include "agent/runtime/worker.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <pthread.h>
#include <thread>
#include <utility>

namespace converge::runtime {

using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

struct Worker::Impl {
  boost::asio::io_context io{1};
  std::optional<WorkGuard> guard{boost::asio::make_work_guard(io)};
  std::thread thread;
};

Worker::Worker(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get(), name = std::move(name)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    impl->io.run();
  });
}

Worker::~Worker() { stop(); }

void Worker::post(std::function<void()> task) { boost::asio::post(impl_->io, std::move(task)); }

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
