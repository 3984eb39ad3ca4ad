// A declaration in the place of Gloo's header, which libtorch does not carry: c10d's own header includes it.
#pragma once
