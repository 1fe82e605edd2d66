// SPDX-License-Identifier: MIT
#include "fd_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <climits>
#include <string>
#include <utility>

#include "directory.hpp"
#include "fd.hpp"
#include "parallel.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

FdTable::Reading reading_after(int error, const char* path) {
    switch (error) {
        case 0:
            return FdTable::Reading::complete;
        case ENOENT:
        case ESRCH:
            return FdTable::Reading::gone;
        case EACCES:
        case EPERM:
            return FdTable::Reading::denied;
        default:
            throw Error(error, std::string("read of the fd table ") + path + " below /proc/PID");
    }
}

/// How many fds were open when the directory was looked at; 0 before Linux 6.2.
std::uint64_t count_of(int fds) {
    struct stat status {};
    return ::fstat(fds, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Reads the links of one open /proc/PID/fd.
class Reader {
public:
    Reader(int fds, const InodeSet& wanted, std::span<const sys::KnownFd> known) noexcept
        : fds_(fds), wanted_(wanted), known_(known) {}

    /// Tries the numbers from `first` on, but not `end`, as long as most are open and fewer than
    /// `expected` have been found, and returns the first that was not tried. A table with few gaps
    /// is read faster than by listing it, which costs the kernel another look at each entry.
    [[nodiscard]] int probe(int first, int end, std::uint64_t expected);

    /// Lists the entries from that number on. Never left out: lower numbers that were opened
    /// meanwhile have been counted in place of the last ones. Returns 0 or an errno value.
    [[nodiscard]] int list_from(int first);

    /// What another has read of the same table, behind what this one has.
    void append(const Reader& other);

    [[nodiscard]] FdTable table() && { return std::move(table_); }

private:
    /// False when there is no such fd.
    bool read(const char* name, int fd);
    void note(std::string_view target, int fd);

    int fds_;
    const InodeSet& wanted_;
    std::span<const sys::KnownFd> known_;
    FdTable table_{.reading = FdTable::Reading::complete, .matches = {}, .epolls = {}, .rings = {}};
};

int Reader::probe(int first, int end, std::uint64_t expected) {
    std::uint64_t gaps = 0;
    int fd = first;
    for (; fd < end && table_.open_fds < expected && gaps <= 8 + table_.open_fds / 4; ++fd) {
        std::array<char, 16> name{};
        std::to_chars(name.data(), name.data() + name.size() - 1, fd);
        if (!read(name.data(), fd)) ++gaps;
        if (table_.reading == FdTable::Reading::denied) break;
    }
    return fd;
}

int Reader::list_from(int first) {
    if (table_.reading == FdTable::Reading::denied) return 0;
    constexpr off_t own_entries = 2;  // "." and "..", then each entry stands at its number
    if (::lseek(fds_, first + own_entries, SEEK_SET) < 0) return errno;
    return sys::for_each_numbered(fds_, [this, first](const char* name) {
        const int fd = sys::to_number<int>(name).value_or(-1);
        if (fd >= first && table_.reading != FdTable::Reading::denied) read(name, fd);
    });
}

void Reader::append(const Reader& other) {
    const FdTable& theirs = other.table_;
    if (theirs.reading == FdTable::Reading::denied) table_.reading = theirs.reading;
    table_.matches.insert(table_.matches.end(), theirs.matches.begin(), theirs.matches.end());
    table_.epolls.insert(table_.epolls.end(), theirs.epolls.begin(), theirs.epolls.end());
    table_.rings.insert(table_.rings.end(), theirs.rings.begin(), theirs.rings.end());
    table_.open_fds += theirs.open_fds;
}

/// Probes a large table in blocks, which several threads can do at once. Returns the first number
/// that was not tried.
int probe_blocks(Reader& reader, std::uint64_t expected) {
    constexpr std::uint64_t large = 1024;
    constexpr std::uint64_t worth_a_thread = 256;
    const auto blocks = expected < large ? 0 : expected / worth_a_thread;
    const auto begin_of = [&](std::uint64_t block) {
        return static_cast<int>(expected * block / blocks);
    };
    std::vector<Reader> readers(blocks, reader);
    std::vector<int> untried(blocks);
    sys::in_parallel(blocks, 1, [&](std::size_t block) {
        untried[block] = readers[block].probe(begin_of(block), begin_of(block + 1), expected);
    });
    for (std::size_t block = 0; block < blocks; ++block) {
        reader.append(readers[block]);
        if (untried[block] < begin_of(block + 1)) return untried[block];
    }
    return blocks == 0 ? 0 : untried.back();
}

bool Reader::read(const char* name, int fd) {
    const auto known = std::ranges::lower_bound(known_, fd, {}, &sys::KnownFd::fd);
    if (known != known_.end() && known->fd == fd) {
        ++table_.open_fds;
        table_.matches.push_back({fd, known->inode});
        return true;
    }
    std::array<char, 40> link;  // longer ones are the paths of other files
    const ssize_t length = ::readlinkat(fds_, name, link.data(), link.size());
    if (length >= 0) {
        ++table_.open_fds;
        note({link.data(), static_cast<std::size_t>(length)}, fd);
    } else if (Error::is_denial(errno)) {
        table_.reading = FdTable::Reading::denied;
    }
    return length >= 0;
}

void Reader::note(std::string_view target, int fd) {
    if (target.starts_with('s')) {
        const auto inode = parse_socket_link(target);
        if (inode && wanted_.contains(*inode)) table_.matches.push_back({fd, *inode});
    } else if (target == sys::epoll_link) {
        table_.epolls.push_back(fd);
    } else if (target == "anon_inode:[io_uring]") {
        table_.rings.push_back(fd);
    }
}

}  // namespace

InodeSet::InodeSet(std::span<const std::uint64_t> inodes)
    : slots_(std::bit_ceil(inodes.size() * 2 + 2)) {
    for (const std::uint64_t inode : inodes) {
        std::uint64_t& slot = slots_[slot_of(inode)];
        if (slot == inode) continue;  // known already, or 0: the inode of nothing
        slot = inode;
        ++size_;
    }
}

std::size_t InodeSet::slot_of(std::uint64_t inode) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    // Inodes are handed out in sequence: the low bits alone spread them well.
    std::size_t slot = inode & mask;
    while (slots_[slot] != 0 && slots_[slot] != inode) slot = (slot + 1) & mask;
    return slot;
}

bool InodeSet::contains(std::uint64_t inode) const noexcept {
    return inode != 0 && slots_[slot_of(inode)] == inode;
}

std::optional<std::uint64_t> parse_socket_link(std::string_view link) {
    return sys::bracketed_number(link, "socket:[");
}

std::optional<std::uint64_t> socket_at(int fds, const char* name) {
    std::array<char, 40> link;
    const ssize_t length = ::readlinkat(fds, name, link.data(), link.size());
    if (length <= 0) return std::nullopt;
    return parse_socket_link({link.data(), static_cast<std::size_t>(length)});
}

FdTable read_fd_table(int directory, const char* path, const InodeSet& wanted,
                      std::span<const sys::KnownFd> known) {
    const sys::Fd fds(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fds) {
        FdTable table;
        table.reading = reading_after(errno, path);
        return table;
    }
    Reader reader(fds.get(), wanted, known);
    const std::uint64_t expected = count_of(fds.get());
    const int tried = probe_blocks(reader, expected);
    const int error = reader.list_from(reader.probe(tried, INT_MAX, expected));
    FdTable table = std::move(reader).table();
    if (table.reading != FdTable::Reading::denied) table.reading = reading_after(error, path);
    return table;
}

}  // namespace unwait::proc
