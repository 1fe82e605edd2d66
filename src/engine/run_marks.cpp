// SPDX-License-Identifier: MIT
#include "run_marks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "fd.hpp"
#include "process.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// A service of systemd without a user that logs in has a directory of its own instead.
std::string directory_path() {
    const uid_t uid = ::geteuid();
    if (uid == 0) return "/run/unwait";
    const char* const of_service = std::getenv("RUNTIME_DIRECTORY");
    if (of_service != nullptr && *of_service == '/') return std::string(of_service) + "/unwait";
    return "/run/user/" + std::to_string(uid) + "/unwait";
}

std::string name_of(const ProcessId& id) {
    return std::to_string(id.pid) + "-" + std::to_string(id.start_time);
}

std::optional<ProcessId> id_of(const std::string& name) {
    ProcessId id;
    const char* const end = name.data() + name.size();
    const auto pid = std::from_chars(name.data(), end, id.pid);
    if (pid.ec != std::errc{} || pid.ptr == end || *pid.ptr != '-') return std::nullopt;
    const auto start = std::from_chars(pid.ptr + 1, end, id.start_time);
    if (start.ec != std::errc{} || start.ptr != end) return std::nullopt;
    return id;
}

/// The directory, if it is there; one that others could have written into is an error.
std::optional<sys::Fd> open_marks(const std::string& path) {
    sys::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw Error(errno, "open of " + path);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) throw Error(errno, "fstat of " + path);
    if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw Refused(path +
                      ", which tells when processes were operated on, could have been "
                      "written by others: remove it");
    }
    return fd;
}

void forget_ended(int directory, const std::string& path) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(path, failure)) {
        const std::string name = entry.path().filename();
        const auto id = id_of(name);
        if (id && proc::read_id(id->pid) != *id) ::unlinkat(directory, name.c_str(), 0);
    }
}

}  // namespace

std::map<ProcessId, std::chrono::milliseconds> time_since_runs(
    const std::set<ProcessId>& processes) {
    using std::chrono::milliseconds;
    std::map<ProcessId, milliseconds> times;
    const auto directory = open_marks(directory_path());
    if (!directory) return times;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    for (const ProcessId& id : processes) {
        struct stat info {};
        if (::fstatat(directory->get(), name_of(id).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        const auto seconds = static_cast<std::int64_t>(now.tv_sec - info.st_mtim.tv_sec);
        const auto nanoseconds = static_cast<std::int64_t>(now.tv_nsec - info.st_mtim.tv_nsec);
        const milliseconds since{seconds * 1000 + nanoseconds / 1'000'000};
        times[id] = std::max(since, milliseconds{0});
    }
    return times;
}

void mark_runs(const std::set<ProcessId>& processes) {
    const std::string path = directory_path();
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw Error(errno, "mkdir of " + path);
    const auto directory = open_marks(path);
    if (!directory) throw Error(ENOENT, "open of " + path);
    forget_ended(directory->get(), path);
    for (const ProcessId& id : processes) {
        const std::string name = name_of(id);
        const sys::Fd mark(::openat(directory->get(), name.c_str(),
                                    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                                    0600));
        if (!mark || ::futimens(mark.get(), nullptr) != 0) {
            throw Error(errno, std::string("write of ").append(path).append("/").append(name));
        }
    }
}

}  // namespace unwait
