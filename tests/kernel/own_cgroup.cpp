// SPDX-License-Identifier: MIT
#include "own_cgroup.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "hitting.hpp"

namespace unwait::test {
namespace {

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    CHECK_MESSAGE(file.good(), path);
}

}  // namespace

std::optional<Cgroup> Cgroup::make(Version version) {
    static int made = 0;
    const std::string name = "/unwait-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
    const bool is_v1 = version == Version::v1;
    using Places = std::vector<std::string>;
    for (const auto& place : is_v1 ? Places{"/sys/fs/cgroup/freezer"}
                                   : Places{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        if (!std::filesystem::exists(place + (is_v1 ? "/tasks" : "/cgroup.subtree_control"))) {
            continue;
        }
        Cgroup cgroup(version, place + name);
        std::error_code error;
        if (!std::filesystem::create_directory(cgroup.path_, error)) continue;
        if (std::filesystem::exists(cgroup.path_ + (is_v1 ? "/freezer.state" : "/cgroup.freeze"))) {
            return cgroup;
        }
    }
    MESSAGE("not on this machine: the freezer of cgroup v" << (is_v1 ? 1 : 2));
    return std::nullopt;
}

std::vector<Cgroup> Cgroup::make_all() {
    std::vector<Cgroup> all;
    for (const auto version : {Version::v1, Version::v2}) {
        if (auto cgroup = make(version)) all.push_back(std::move(*cgroup));
    }
    return all;
}

Cgroup::Cgroup(Cgroup&& other) noexcept
    : version_(other.version_), path_(std::exchange(other.path_, {})) {}

Cgroup::~Cgroup() {
    if (path_.empty()) return;
    // A process that was reaped just now may still be counted.
    static_cast<void>(eventually([this] { return ::rmdir(path_.c_str()) == 0 || errno != EBUSY; }));
}

void Cgroup::take(pid_t pid) const { write(path_ + "/cgroup.procs", std::to_string(pid)); }

void Cgroup::freeze() const {
    const bool is_v1 = version_ == Version::v1;
    write(path_ + (is_v1 ? "/freezer.state" : "/cgroup.freeze"), is_v1 ? "FROZEN" : "1");
}

void Cgroup::thaw() const {
    const bool is_v1 = version_ == Version::v1;
    write(path_ + (is_v1 ? "/freezer.state" : "/cgroup.freeze"), is_v1 ? "THAWED" : "0");
}

bool Cgroup::is_frozen() const {
    return version_ == Version::v1
               ? text_of(path_ + "/freezer.state") == "FROZEN\n"
               : text_of(path_ + "/cgroup.events").find("frozen 1\n") != std::string::npos;
}

Frozen::Frozen(const Cgroup& cgroup) : cgroup_(cgroup) {
    cgroup.freeze();
    CHECK(eventually([&cgroup] { return cgroup.is_frozen(); }));
}

}  // namespace unwait::test
