// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

#include "fd.hpp"

namespace unwait::test {

/// A file whose close() one thread can be held in, for as long as a test likes: it is the whole of
/// a file system of our own (fuse(4)), which is asked at each close(). Its fd is free by then.
class HeldFile {
public:
    HeldFile();
    HeldFile(const HeldFile&) = delete;
    HeldFile& operator=(const HeldFile&) = delete;
    ~HeldFile();

    /// Where any process can open it.
    [[nodiscard]] std::string path() const;

    /// From now on: the next close() by that thread.
    void hold_close_by(pid_t tid) const;
    /// Until the thread has come to it.
    void await_close() const;
    void let_close_end() const;

private:
    sys::Fd mount_;
    sys::Fd orders_;
    pid_t server_ = -1;
};

}  // namespace unwait::test
