// SPDX-License-Identifier: MIT
#include "runtime.hpp"

#include <doctest/doctest.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fd.hpp"

namespace unwait::proc {
namespace {

using namespace std::string_literals;

/// A file that begins as an ELF program with one note segment, or one named section, does.
class Program {
public:
    Program() : file_(::memfd_create("program", MFD_CLOEXEC)) {
        std::ranges::copy(std::string_view(ELFMAG), header_.e_ident);
        header_.e_ident[EI_CLASS] = ELFCLASS64;
        header_.e_ident[EI_DATA] =
            std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
        header_.e_phentsize = sizeof(Elf64_Phdr);
        header_.e_shentsize = sizeof(Elf64_Shdr);
    }

    void add_note(std::string_view owner) {
        const Elf64_Nhdr note{static_cast<Elf64_Word>(owner.size()), 4, 4};
        Elf64_Phdr segment{};
        segment.p_type = PT_NOTE;
        segment.p_offset = append(note);
        const std::string text = std::string(owner) + "uuid";
        for (const char byte : text) append(byte);
        segment.p_filesz = sizeof note + text.size();
        header_.e_phoff = append(segment);
        header_.e_phnum = 1;
    }

    void add_section(const std::string& name) {
        Elf64_Shdr section{};
        section.sh_offset = sizeof header_ + bytes_.size();
        for (const char byte : name) append(byte);
        append('\0');
        section.sh_size = name.size() + 1;
        header_.e_shoff = append(section);
        header_.e_shnum = 1;
    }

    /// Cut after so many bytes.
    [[nodiscard]] int file(std::size_t size = std::string::npos) {
        const auto* begin = reinterpret_cast<const char*>(&header_);
        const std::string all = (std::string(begin, sizeof header_) + bytes_).substr(0, size);
        REQUIRE(::ftruncate(file_.get(), 0) == 0);
        REQUIRE(::pwrite(file_.get(), all.data(), all.size(), 0) ==
                static_cast<ssize_t>(all.size()));
        return file_.get();
    }
    [[nodiscard]] std::size_t size() const { return sizeof header_ + bytes_.size(); }

private:
    template <typename Value>
    std::size_t append(const Value& value) {
        const std::size_t at = sizeof header_ + bytes_.size();
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return at;
    }

    Elf64_Ehdr header_{};
    std::string bytes_;
    sys::Fd file_;
};

}  // namespace

TEST_CASE("only a whole program of the Go linker bears its mark") {
    Program note;
    note.add_note("Go\0\0"s);
    Program section;
    section.add_section(".go.buildinfo");
    for (Program* program : {&note, &section}) {
        CHECK(has_go_mark(program->file()));
        for (std::size_t size = 0; size < program->size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(has_go_mark(program->file(size)));
        }
    }
    Program other;
    other.add_note("GNU\0"s);
    other.add_section(".go.buildinfo2");
    CHECK_FALSE(has_go_mark(other.file()));
    const sys::Fd own(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    CHECK_FALSE(has_go_mark(own.get()));
}

TEST_CASE("a runtime is known by a library that is mapped") {
    const sys::Fd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK(runtime_of(self.get(), "/usr/bin/service") == Runtime::native);
    std::string directory = "/tmp/unwait-proc-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const std::string library = directory + "/libjvm.so";
    const sys::Fd file(::open(library.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::ftruncate(file.get(), 4096) == 0);
    void* mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file.get(), 0);
    REQUIRE(mapped != MAP_FAILED);
    CHECK(runtime_of(self.get(), "/usr/bin/service") == Runtime::jvm);
    CHECK(runtime_of(self.get(), "/usr/bin/python3.11") == Runtime::cpython);
    CHECK(::munmap(mapped, 4096) == 0);
    CHECK(::unlink(library.c_str()) == 0);
    CHECK(::rmdir(directory.c_str()) == 0);
}

}  // namespace unwait::proc
