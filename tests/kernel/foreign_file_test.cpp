// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fd.hpp"
#include "file.hpp"

namespace unwait::sys {
namespace {

constexpr uid_t somebody = 12345;
constexpr uid_t somebody_else = 12346;
constexpr std::size_t limit = 100;

/// What a container may have put below its root directory, and a secret beside that.
class Container {
public:
    Container() : directory_(make_directory()) {
        std::filesystem::create_directories(root() + "/tmp");
        std::filesystem::create_directories(root() + "/etc");
        write(directory_ + "/secret", "secret");
        write(root() + "/etc/own", "its own");
        fd_ = Fd(::open(root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    ~Container() { std::filesystem::remove_all(directory_); }
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    [[nodiscard]] const std::string& outside() const { return directory_; }
    [[nodiscard]] std::string root() const { return directory_ + "/root"; }
    [[nodiscard]] std::string place() const { return root() + "/tmp/perf-1.map"; }
    void put(const std::string& text, uid_t owner) const {
        write(place(), text);
        REQUIRE(::chown(place().c_str(), owner, owner) == 0);
    }
    void put_link(const std::string& target) const {
        std::filesystem::remove(place());
        std::filesystem::create_symlink(target, place());
    }
    [[nodiscard]] std::string text() const {
        return foreign_text(fd_.get(), "tmp/perf-1.map", somebody, limit);
    }

private:
    static std::string make_directory() {
        std::string name = "/tmp/unwait-foreign-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        return name;
    }
    static void write(const std::string& path, const std::string& text) {
        std::filesystem::remove(path);
        std::ofstream(path) << text;
    }

    std::string directory_;
    Fd fd_;
};

}  // namespace

TEST_CASE("a file of the process itself or of root is read, and not more than asked for") {
    const Container container;
    CHECK(container.text().empty());
    container.put("1000 10 f\n", somebody);
    CHECK(container.text() == "1000 10 f\n");
    container.put("2000 10 g\n", 0);
    CHECK(container.text() == "2000 10 g\n");
    container.put(std::string(2 * limit, 'x'), somebody);
    CHECK(container.text() == std::string(limit, 'x'));
}

TEST_CASE("what somebody else has put there is not read") {
    const Container container;
    container.put("1000 10 lie\n", somebody_else);
    CHECK(container.text().empty());
}

TEST_CASE("a link is not read, not even to a file of the container") {
    const Container container;
    for (const char* target :
         {"../../secret", "../../../../../../etc/passwd", "/etc/passwd",
          "/proc/self/root/etc/passwd", "/dev/watchdog", "/etc/own", "../etc/own"}) {
        CAPTURE(target);
        container.put_link(target);
        CHECK(container.text().empty());
    }
}

TEST_CASE("a link on the way leads nowhere but to directories of the container") {
    const Container container;
    container.put("1000 10 f\n", somebody);
    const std::string way = container.root() + "/tmp";
    std::filesystem::rename(way, container.root() + "/etc/tmp");
    for (const char* target : {"/etc/tmp", "etc/tmp", "../../etc/tmp"}) {
        CAPTURE(target);
        std::filesystem::create_symlink(target, way);
        CHECK(container.text() == "1000 10 f\n");
        std::filesystem::remove(way);
    }
    std::filesystem::rename(container.root() + "/etc/tmp", container.outside() + "/tmp");
    for (const std::string& target : {std::string("../tmp"), container.outside() + "/tmp"}) {
        CAPTURE(target);
        std::filesystem::create_symlink(target, way);
        CHECK(container.text().empty());
        std::filesystem::remove(way);
    }
}

TEST_CASE("neither a FIFO is waited for nor a device opened") {
    const Container container;
    REQUIRE(::mkfifo(container.place().c_str(), 0600) == 0);
    CHECK(container.text().empty());
    std::filesystem::remove(container.place());
    // The null device, where devices may be made at all.
    REQUIRE(::mknod(container.place().c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
    CHECK(container.text().empty());
    std::filesystem::remove(container.place());
    std::filesystem::create_directory(container.place());
    CHECK(container.text().empty());
}

}  // namespace unwait::sys
