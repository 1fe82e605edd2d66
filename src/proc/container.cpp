// SPDX-License-Identifier: MIT
#include "container.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

struct Spelling {
    std::string_view text;
    std::string_view runtime;
};

/// Scopes of systemd and groups named after the container: what stands before its id.
constexpr std::array prefixes = {
    Spelling{"docker-", "docker"},
    Spelling{"libpod-", "podman"},
    Spelling{"cri-containerd-", "containerd"},
    Spelling{"nerdctl-", "containerd"},
    Spelling{"crio-", "cri-o"},
    Spelling{"lxc.payload.", "lxc"},
    Spelling{"systemd-nspawn@", "nspawn"},
};

/// Groups that hold one group for each container.
constexpr std::array parents = {
    Spelling{"docker", "docker"},   Spelling{"libpod_parent", "podman"}, Spelling{"lxc", "lxc"},
    Spelling{"lxc.payload", "lxc"}, Spelling{"k8s.io", "containerd"},
};

bool is_id(std::string_view text) {
    constexpr std::size_t id_length = 64;
    return text.size() == id_length && std::ranges::all_of(text, [](char letter) {
               return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
           });
}

std::string_view without_suffix(std::string_view component) {
    for (const std::string_view suffix : {".scope", ".service"}) {
        if (component.ends_with(suffix)) component.remove_suffix(suffix.size());
    }
    return component;
}

std::optional<Container> by_prefix(std::string_view component) {
    for (const auto& [text, runtime] : prefixes) {
        if (!component.starts_with(text)) continue;
        const std::string_view id = without_suffix(component.substr(text.size()));
        const bool has_ids = runtime != "lxc" && runtime != "nspawn";
        const bool is_unit = component.size() != text.size() + id.size();
        if (id.empty() || id.starts_with("conmon-")) return Container{};
        if (has_ids ? is_id(id) : runtime == "lxc" || is_unit) {
            // systemd writes "-" and others as \xNN.
            return Container{std::string(runtime), sys::unescape(id, "\\x", 2, 16)};
        }
    }
    return std::nullopt;
}

}  // namespace

Container container_of_cgroup(std::string_view path) {
    Container container;
    std::string_view parent;
    bool in_pod = false;
    while (!path.empty()) {
        const std::string_view component = sys::take_until(path, '/');
        in_pod = in_pod || component.starts_with("kubepods");
        const auto* const known = std::ranges::find(parents, parent, &Spelling::text);
        if (auto found = by_prefix(component)) {
            if (!found->runtime.empty()) container = std::move(*found);
        } else if (known != parents.end() && !component.empty() &&
                   (known->runtime == "lxc" || is_id(component))) {
            container = {std::string(known->runtime), std::string(component)};
        } else if (in_pod && is_id(component)) {
            container = {"kubepods", std::string(component)};
        }
        parent = component;
    }
    return container;
}

}  // namespace unwait::proc
