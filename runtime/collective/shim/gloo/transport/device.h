// Declarations in the place of Gloo's header, which libtorch does not carry: c10d's own header points to them.
#pragma once

namespace gloo {
namespace transport {
class Device;
class UnboundBuffer;
} // namespace transport
} // namespace gloo
