#include "router/runtime/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/runtime/lock.h"

namespace weir::runtime {
namespace {

Resolver::Addresses ResolveNow(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(absl::StrCat(host, ": ", gai_strerror(error)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(info->ai_addr), info->ai_addrlen, reinterpret_cast<char*>(&storage));
    addresses.push_back(SocketAddress::FromKernel(storage, info->ai_addrlen));
  }
  return addresses;
}

}  // namespace

Resolver::Resolver() : thread_([this] { Run(); }) {}

Resolver::~Resolver() {
  {
    Lock lock(&mutex_);
    is_stopping_ = true;
    has_changed_.Signal();
  }
  thread_.join();
}

void Resolver::Resolve(std::string host, uint16_t port, Answer answer) {
  {
    Lock lock(&mutex_);
    if (waiting_.size() < kMaxWaiting) {
      waiting_.push_back({std::move(host), port, std::move(answer)});
      has_changed_.Signal();
      return;
    }
  }
  answer(absl::ResourceExhaustedError("too many names wait to be resolved"));
}

void Resolver::Run() {
  for (;;) {
    std::vector<Question> questions;
    bool is_stopping;
    {
      Lock lock(&mutex_);
      while (!is_stopping_ && waiting_.empty()) lock.Wait(has_changed_);
      questions.swap(waiting_);
      is_stopping = is_stopping_;
    }
    for (Question& question : questions) {
      if (is_stopping) {
        question.answer(absl::CancelledError("the resolver stops"));
      } else {
        question.answer(ResolveNow(question.host, question.port));
        Lock lock(&mutex_);
        is_stopping = is_stopping_;
      }
    }
    if (is_stopping) return;
  }
}

}  // namespace weir::runtime
