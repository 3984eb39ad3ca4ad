// A declaration in the place of Gloo's header, which libtorch does not carry: c10d's own header calls this, inline.
#pragma once

#include <chrono>

namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};
} // namespace gloo
