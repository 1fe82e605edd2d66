// SPDX-License-Identifier: MIT
#include "socket_fds.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <utility>

#include "calls.hpp"
#include "fd.hpp"
#include "file_identity.hpp"
#include "parallel.hpp"
#include "programs.h"
#include "socket_fd.h"

namespace unwait::bpf {
namespace {

using Records = std::vector<unwait_socket_fd>;

constexpr std::uint32_t only_key = 0;
constexpr std::uint32_t spare_room = 1024;

/// A socket of ours, in no network. What does not see it does not see others either; and what lies
/// in another filesystem than it is no socket, but a file with the number of one.
class Sample {
public:
    Sample() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        if (socket_) inode_ = sys::inode_of(socket_.get());
    }
    [[nodiscard]] std::uint64_t inode() const noexcept { return inode_; }
    [[nodiscard]] std::optional<std::uint64_t> filesystem(const Records& records) const {
        const auto is_this = [this](const unwait_socket_fd& record) {
            return record.inode == inode_ && record.pid == ::getpid() &&
                   static_cast<int>(record.fd) == socket_.get();
        };
        const auto found = std::ranges::find_if(records, is_this);
        return found == records.end() ? std::nullopt : std::optional(found->filesystem);
    }

private:
    sys::Fd socket_;
    std::uint64_t inode_ = 0;
};

/// Which inodes it is to look for. Returns 0 or an errno value.
int want(int map, std::span<const std::uint64_t> inodes) {
    std::vector<std::uint8_t> bits(UNWAIT_WANTED_BYTES);
    for (const std::uint64_t inode : inodes) {
        const std::uint64_t bit = inode % UNWAIT_WANTED_BITS;
        bits[bit / 8] = static_cast<std::uint8_t>(bits[bit / 8] | 1U << bit % 8);
    }
    return update_map(map, &only_key, bits.data());
}

/// Makes an iterator behind that link run to its end, as that one of the walkers. Returns 0 or an
/// errno value.
int run(int link, int walkers, std::uint32_t walker) {
    const auto thread = static_cast<std::uint32_t>(::gettid());
    if (const int error = update_map(walkers, &thread, &walker); error != 0) return error;
    const sys::Fd iterator = run_iterator(link);
    if (!iterator) return errno;
    ssize_t length = 0;
    do {
        char nothing = 0;
        length = ::read(iterator.get(), &nothing, sizeof nothing);
        // EAGAIN: a million tasks so far.
        if (length < 0 && errno != EAGAIN && errno != EINTR) return errno;
    } while (length != 0);
    return delete_key(walkers, &thread);
}

/// The first records of that map.
std::optional<Records> read_records(int map, std::size_t count) {
    if (count == 0) return Records();
    const std::size_t size = count * sizeof(unwait_socket_fd);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, map, 0);
    if (memory == MAP_FAILED) return std::nullopt;
    const auto* first = static_cast<const unwait_socket_fd*>(memory);
    Records records(first, first + count);
    ::munmap(memory, size);
    return records;
}

/// The program in the kernel, with its maps.
struct Program {
    sys::Fd program;
    sys::Fd wanted;
    sys::Fd walk;
    sys::Fd walkers;
    sys::Fd found;
    std::uint32_t room = 0;  ///< for so many records
};

std::variant<Program, Unavailable> load(std::uint32_t room) {
    unwait_socket_fds loaded{};
    const int error = load_patiently([&] { return unwait_load_socket_fds(&loaded, room); });
    if (error != 0) {
        return unavailable("load of a BPF program (Linux 5.17, on aarch64 5.18)", error);
    }
    return Program{sys::Fd(loaded.program), sys::Fd(loaded.wanted), sys::Fd(loaded.walk),
                   sys::Fd(loaded.walkers), sys::Fd(loaded.found),  room};
}

/// Walks through all tables; with `walk` left as it was at the end.
std::variant<Records, Unavailable> walk_once(const Program& program, unwait_walk& walk) {
    const sys::Fd link = attach_iterator(program.program.get());
    if (!link) return unavailable("start of the BPF iterator task", errno);
    walk = {};
    walk.walkers = static_cast<std::uint32_t>(
        std::min<std::size_t>(sys::idle_processors(), UNWAIT_MOST_WALKERS));
    do {
        walk.longer = 0;
        if (const int error = update_map(program.walk.get(), &only_key, &walk); error != 0) {
            return unavailable("write of a BPF map", error);
        }
        std::atomic<int> failure = 0;
        sys::in_parallel(walk.walkers, 1, [&](std::size_t walker) {
            const int error =
                run(link.get(), program.walkers.get(), static_cast<std::uint32_t>(walker));
            if (error != 0) failure = error;
        });
        if (failure != 0) return unavailable("read of the BPF iterator task", failure);
        if (!look_up(program.walk.get(), &only_key, &walk)) {
            return unavailable("read of a BPF map", errno);
        }
        walk.first += UNWAIT_FDS_OF_A_WALK;
    } while (walk.longer > 0);
    auto records = read_records(program.found.get(), std::min(walk.found, program.room));
    if (!records) return unavailable("mmap of a BPF map", errno);
    return std::move(*records);
}

/// Walks again while tables change under it, or there is not enough room.
std::variant<Records, Unavailable> walk_all(Program& program,
                                            std::span<const std::uint64_t> inodes) {
    constexpr int attempts = 5;
    auto expected = static_cast<std::uint32_t>(inodes.size() + inodes.size() / 4) + spare_room;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        if (expected > program.room) {
            auto larger = load(expected);
            if (auto* why = std::get_if<Unavailable>(&larger)) return std::move(*why);
            program = std::get<Program>(std::move(larger));
        }
        if (const int error = want(program.wanted.get(), inodes); error != 0) {
            return unavailable("write of a BPF map", error);
        }
        unwait_walk walk{};
        auto records = walk_once(program, walk);
        if (std::holds_alternative<Unavailable>(records)) return records;
        if (walk.torn == 0 && walk.found <= program.room) return records;
        expected = std::max(expected, walk.found + spare_room);
    }
    return Unavailable{"fd tables change faster than a BPF program can read them"};
}

/// The kernel leaves out threads that share the table of their leader. Where that has exited, each
/// of its threads tells of the same table; and where one exits meanwhile, some of the walkers have
/// still seen it, and others only its siblings.
std::vector<sys::KnownFd> one_for_each_table(const Records& records, std::uint64_t filesystem,
                                             std::span<const std::uint64_t> inodes) {
    std::vector<std::uint64_t> wanted(inodes.begin(), inodes.end());
    std::ranges::sort(wanted);
    std::map<std::pair<pid_t, std::uint64_t>, pid_t> first_thread;
    for (const auto& record : records) {
        const auto thread = first_thread.try_emplace({record.pid, record.table}, record.tid).first;
        thread->second = std::min(thread->second, record.tid);
    }
    std::vector<sys::KnownFd> fds;
    fds.reserve(records.size());
    for (const auto& record : records) {
        if (record.filesystem == filesystem && std::ranges::binary_search(wanted, record.inode)) {
            fds.push_back({record.pid, first_thread.at({record.pid, record.table}),
                           static_cast<int>(record.fd), std::uint64_t{record.inode}});
        }
    }
    std::ranges::sort(fds);
    fds.erase(std::unique(fds.begin(), fds.end()), fds.end());
    return fds;
}

}  // namespace

struct SocketFdSearch::Impl {
    Program program;
};

SocketFdSearch::SocketFdSearch(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SocketFdSearch::~SocketFdSearch() = default;
SocketFdSearch::SocketFdSearch(SocketFdSearch&& other) noexcept = default;
SocketFdSearch& SocketFdSearch::operator=(SocketFdSearch&& other) noexcept = default;

std::variant<SocketFdSearch, Unavailable> SocketFdSearch::prepare() {
    if (auto obstacle = known_obstacle()) return std::move(*obstacle);
    auto program = load(usual_room);
    if (auto* why = std::get_if<Unavailable>(&program)) return std::move(*why);
    return SocketFdSearch(std::make_unique<Impl>(Impl{std::get<Program>(std::move(program))}));
}

std::variant<std::vector<sys::KnownFd>, Unavailable> SocketFdSearch::find(
    std::span<const std::uint64_t> inodes) {
    const Sample sample;
    std::vector<std::uint64_t> sought(inodes.begin(), inodes.end());
    sought.push_back(sample.inode());
    auto records = walk_all(impl_->program, sought);
    if (auto* why = std::get_if<Unavailable>(&records)) return std::move(*why);
    const auto filesystem = sample.filesystem(std::get<Records>(records));
    if (!filesystem) return Unavailable{"a BPF program does not see a socket of ours"};
    return one_for_each_table(std::get<Records>(records), *filesystem, inodes);
}

std::optional<Unavailable> obstacle() {
    auto search = SocketFdSearch::prepare();
    if (auto* why = std::get_if<Unavailable>(&search)) return std::move(*why);
    auto found = std::get<SocketFdSearch>(search).find({});
    if (auto* why = std::get_if<Unavailable>(&found)) return std::move(*why);
    return std::nullopt;
}

}  // namespace unwait::bpf
