// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace unwait {

namespace sys {
class Fd;
}

/// A file that records are only ever appended to, and that nobody but root and we may write: else
/// anybody could have written what it says. Lines of several runs do not mix.
class AuditFile {
public:
    /// Makes it with mode 0600 when it is not there. A symbolic link in its place is not followed.
    /// Throws Refused.
    [[nodiscard]] static AuditFile open(const std::string& path);

    /// Whole lines, on the disk when this returns, with room there for `reserve` more bytes where
    /// the file system can promise that. Throws Refused when not all of it is.
    void append_durably(std::string_view lines, std::size_t reserve);
    /// Whole lines. Throws Error.
    void append(std::string_view lines);
    /// What was appended is on the disk. Throws Error.
    void sync();

private:
    AuditFile(std::string path, std::shared_ptr<const sys::Fd> fd, bool ended)
        : path_(std::move(path)), fd_(std::move(fd)), ended_(ended) {}

    std::string path_;
    std::shared_ptr<const sys::Fd> fd_;
    bool ended_;  ///< the last line is whole
};

}  // namespace unwait
