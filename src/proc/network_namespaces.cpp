// SPDX-License-Identifier: MIT
#include "network_namespaces.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <map>
#include <utility>

#include "directory.hpp"
#include "file.hpp"
#include "file_identity.hpp"
#include "proc_mount.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

constexpr std::size_t most_paths = 4;
constexpr std::size_t longest_mounts = 1U << 24;

/// Where the tools that make network namespaces mount them under their names.
constexpr std::array<std::string_view, 4> name_directories = {
    "/run/netns/", "/var/run/netns/", "/run/docker/netns/", "/var/run/docker/netns/"};

/// "net:[4026531840]".
std::optional<std::uint64_t> network_inode(std::string_view link) {
    return sys::bracketed_number(link, "net:[");
}

std::string name_of(std::string_view path) {
    for (const std::string_view directory : name_directories) {
        if (path.starts_with(directory)) return std::string(path.substr(directory.size()));
    }
    return "";
}

/// What is found, by inode.
class Collection {
public:
    explicit Collection(Search search) : search_(search) {}

    void add_mounts();
    void add_processes();
    [[nodiscard]] NetworkSearch result() &&;

private:
    using PathParts = std::initializer_list<std::string_view>;

    void add(std::uint64_t inode, pid_t pid, const PathParts& parts);
    void add_process(int proc, pid_t pid);
    void add_threads(int directory, const std::string& process);
    void add_fds(int directory, const std::string& process);

    Search search_;
    std::map<std::uint64_t, NetworkPaths> networks_;
    std::size_t denied_ = 0;
};

void Collection::add(std::uint64_t inode, pid_t pid, const PathParts& parts) {
    NetworkPaths& network = networks_[inode];
    network.inode = inode;
    if (network.pid == 0) network.pid = pid;
    // Of most processes nothing is kept: they are in a namespace that enough others lead to.
    if (network.paths.size() == most_paths) return;
    std::string path;
    for (const std::string_view part : parts) path += part;
    if (network.name.empty()) network.name = name_of(path);
    network.paths.push_back(std::move(path));
}

void Collection::add_mounts() {
    const auto text = sys::read_file(AT_FDCWD, "/proc/thread-self/mountinfo", longest_mounts);
    std::string_view rest = text ? *text : std::string_view{};
    while (!rest.empty()) {
        if (const auto mount = parse_namespace_mount(sys::take_until(rest, '\n'))) {
            add(mount->inode, 0, {mount->path});
        }
    }
}

void Collection::add_threads(int directory, const std::string& process) {
    const auto tasks = sys::open_directory(directory, "task");
    if (!tasks) return;
    sys::for_each_numbered(tasks->get(), [&](const char* tid) {
        struct stat status {};
        const std::string path = std::string(tid) + "/ns/net";
        if (::fstatat(tasks->get(), path.c_str(), &status, 0) == 0 &&
            !networks_.contains(status.st_ino)) {
            add(status.st_ino, 0, {"/proc/", process, "/task/", path});
        }
    });
}

void Collection::add_fds(int directory, const std::string& process) {
    const sys::Fd fds(::openat(directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fds) return;
    sys::for_each_numbered(fds.get(), [&](const char* number) {
        std::array<char, 64> link{};  // that of a namespace is short
        const ssize_t length = ::readlinkat(fds.get(), number, link.data(), link.size());
        if (length <= 0) return;
        const auto inode =
            network_inode(std::string_view(link.data(), static_cast<std::size_t>(length)));
        if (inode && !networks_.contains(*inode))
            add(*inode, 0, {"/proc/", process, "/fd/", number});
    });
}

void Collection::add_process(int proc, pid_t pid) {
    struct stat status {};
    const std::string name = std::to_string(pid);
    const std::string path = name + "/ns/net";
    if (::fstatat(proc, path.c_str(), &status, 0) == 0) {
        add(status.st_ino, pid, {"/proc/", path});
    } else if (Error::is_denial(errno)) {
        ++denied_;
        return;
    }
    if (search_ != Search::everywhere) return;
    const sys::Fd directory(::openat(proc, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return;
    add_threads(directory.get(), name);
    add_fds(directory.get(), name);
}

void Collection::add_processes() {
    const sys::Fd proc = open_proc();
    for (const pid_t pid : list_processes(proc.get())) add_process(proc.get(), pid);
}

NetworkSearch Collection::result() && {
    NetworkSearch search;
    search.denied = denied_;
    for (auto& [_, network] : networks_) search.found.push_back(std::move(network));
    return search;
}

}  // namespace

NetworkSearch find_network_namespaces(Search search) {
    Collection collection(search);
    collection.add_mounts();
    collection.add_processes();
    return std::move(collection).result();
}

std::optional<NamespaceMount> parse_namespace_mount(std::string_view line) {
    // "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS"
    for (int skipped = 0; skipped < 3; ++skipped) static_cast<void>(sys::take_word(line));
    const auto inode = network_inode(sys::take_word(line));
    const std::string_view path = sys::take_word(line);
    if (!inode || path.empty()) return std::nullopt;
    // Blanks, newlines and backslashes stand there as \NNN in octal.
    return NamespaceMount{*inode, sys::unescape(path, "\\", 3, 8)};
}

std::optional<sys::Fd> open_network_namespace(const std::string& path,
                                              std::optional<std::uint64_t> inode) {
    sys::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        if (errno == ENOENT || errno == ESRCH || errno == ENOTDIR) return std::nullopt;
        throw Error(errno, "open of " + path);
    }
    struct statfs filesystem {};
    if (::fstatfs(fd.get(), &filesystem) != 0 || filesystem.f_type != NSFS_MAGIC ||
        ::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
        return std::nullopt;
    }
    if (inode && sys::inode_of(fd.get()) != *inode) return std::nullopt;
    return fd;
}

std::optional<sys::Fd> open_named_network_namespace(const std::string& word) {
    if (word.find('/') != std::string::npos) return open_network_namespace(word);
    for (const std::string_view directory : name_directories) {
        if (auto fd = open_network_namespace(std::string(directory) + word)) return fd;
    }
    return std::nullopt;
}

std::optional<sys::Fd> open_network_namespace(const NetworkPaths& network) {
    for (const std::string& path : network.paths) {
        if (auto fd = open_network_namespace(path, network.inode)) return fd;
    }
    return std::nullopt;
}

}  // namespace unwait::proc
