// SPDX-License-Identifier: MIT
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <variant>

#include "unavailable.hpp"

namespace unwait::bpf {

struct Close {
    void operator()(bpf_object* object) const noexcept { bpf_object__close(object); }
    void operator()(bpf_link* link) const noexcept { bpf_link__destroy(link); }
};

using Object = std::unique_ptr<bpf_object, Close>;
using Link = std::unique_ptr<bpf_link, Close>;

/// An object file, loaded into the kernel.
[[nodiscard]] std::variant<Object, Unavailable> load(std::span<const std::uint8_t> file);

/// What an errno value of that step means.
[[nodiscard]] Unavailable unavailable(const char* step, int error);

}  // namespace unwait::bpf
