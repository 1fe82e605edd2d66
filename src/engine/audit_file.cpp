// SPDX-License-Identifier: MIT
#include "audit_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fd.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

struct stat status_of(int fd, const std::string& path) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) throw Error(errno, "fstat of " + path);
    return info;
}

/// Whether the last line is whole: a full disk may have cut it off.
bool ends_a_line(int fd, const std::string& path) {
    const off_t size = status_of(fd, path).st_size;
    char last = '\n';
    return size == 0 || ::pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

}  // namespace

AuditFile AuditFile::open(const std::string& path) {
    // Readable too, to see how it ends; O_NONBLOCK: nobody may read from a FIFO that stands there.
    sys::Fd fd(::open(path.c_str(),
                      O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                      0600));
    if (!fd) {
        const std::string why = errno == ELOOP ? "it is a symbolic link" : std::strerror(errno);
        throw Refused("the audit file " + path + " cannot be opened: " + why);
    }
    const struct stat info = status_of(fd.get(), path);
    if (!S_ISREG(info.st_mode)) throw Refused("the audit file " + path + " is no regular file");
    if (info.st_nlink > 1) {
        throw Refused("the audit file " + path +
                      " has another name too (a hard link): it may be a file that was not meant to "
                      "be written to");
    }
    const bool foreign = info.st_uid != 0 && info.st_uid != ::geteuid();
    if (foreign || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw Refused("the audit file " + path +
                      " can be written by others, who could make it say anything: let it belong to "
                      "root with mode 0600");
    }
    const bool ended = ends_a_line(fd.get(), path);
    return {path, std::make_shared<const sys::Fd>(std::move(fd)), ended};
}

void AuditFile::append(std::string_view lines) {
    // In one call, which local file systems do not mix with others at the end of a file. A lock
    // would be for everybody to keep who may read it.
    std::string text = ended_ ? "" : "\n";
    text.append(lines);
    ended_ = false;
    for (std::string_view rest = text; !rest.empty();) {
        const ssize_t written = ::write(fd_->get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw Error(errno, "write of the audit file " + path_);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ended_ = true;
}

void AuditFile::sync() {
    if (::fsync(fd_->get()) != 0) throw Error(errno, "fsync of the audit file " + path_);
}

void AuditFile::append_durably(std::string_view lines, std::size_t reserve) {
    try {
        append(lines);
        const off_t end = status_of(fd_->get(), path_).st_size;
        const bool reserved =
            ::fallocate(fd_->get(), FALLOC_FL_KEEP_SIZE, end, static_cast<off_t>(reserve)) == 0;
        if (!reserved && (errno == ENOSPC || errno == EFBIG || errno == EDQUOT)) {
            throw Error(errno, "room for outcomes in the audit file " + path_);
        }
        sync();
    } catch (const Error& error) {
        throw Refused(std::string(error.what()) + ": what cannot be recorded is not done");
    }
}

}  // namespace unwait
