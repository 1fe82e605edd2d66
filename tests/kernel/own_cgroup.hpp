// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace unwait::test {

/// A cgroup of our own with a freezer, gone when the object is: what was in it must have ended by
/// then, or be thawed to be able to.
class Cgroup {
public:
    enum class Version { v1, v2 };

    /// Absent where the kernel, or the machine, has no such freezer.
    [[nodiscard]] static std::optional<Cgroup> make(Version version);
    /// One of each version that there is.
    [[nodiscard]] static std::vector<Cgroup> make_all();

    ~Cgroup();
    Cgroup(Cgroup&& other) noexcept;
    Cgroup& operator=(Cgroup&&) = delete;

    /// From now on the process belongs to it.
    void take(pid_t pid) const;

    /// Asks for it; what is in it comes to rest soon.
    void freeze() const;
    void thaw() const;
    [[nodiscard]] bool is_frozen() const;

    [[nodiscard]] Version version() const noexcept { return version_; }

private:
    Cgroup(Version version, std::string path) : version_(version), path_(std::move(path)) {}

    Version version_;
    std::string path_;
};

/// Frozen from the end of the constructor until the end of the block.
class Frozen {
public:
    explicit Frozen(const Cgroup& cgroup);
    ~Frozen() { cgroup_.thaw(); }
    Frozen(Frozen&&) = delete;
    Frozen& operator=(Frozen&&) = delete;

private:
    const Cgroup& cgroup_;
};

}  // namespace unwait::test
