// SPDX-License-Identifier: MIT
#include "replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "fd.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// A name that is not taken, beside the file, whose end says to collectors that it is not whole.
class Unfinished {
public:
    explicit Unfinished(const std::string& path)
        : name_(path + ".XXXXXX"), fd_(::mkostemp(name_.data(), O_CLOEXEC)) {
        if (!fd_) throw Error(errno, "making of a file beside " + path);
    }
    ~Unfinished() {
        if (!finished_) ::unlink(name_.c_str());
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    void rename_to(const std::string& path) {
        if (::rename(name_.c_str(), path.c_str()) != 0) throw Error(errno, "renaming to " + path);
        finished_ = true;
    }

private:
    std::string name_;
    sys::Fd fd_;
    bool finished_ = false;
};

}  // namespace

void replace_file(const std::string& path, std::string_view text) {
    Unfinished file(path);
    while (!text.empty()) {
        const ssize_t written = ::write(file.fd(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw Error(errno, "write of " + path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fchmod(file.fd(), 0644) != 0 || ::fsync(file.fd()) != 0) {
        throw Error(errno, "write of " + path);
    }
    file.rename_to(path);
}

}  // namespace unwait
