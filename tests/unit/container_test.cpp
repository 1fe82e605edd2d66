// SPDX-License-Identifier: MIT
#include "container.hpp"

#include <doctest/doctest.h>

#include <string>

#include "network_namespaces.hpp"
#include "process.hpp"

using namespace unwait::proc;

namespace {

const std::string id = "3f2a9c1e5b7d4f60812a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80";

Container of(const std::string& path) { return container_of_cgroup(path); }

}  // namespace

TEST_CASE("a container by the path of its cgroup") {
    const Container docker{"docker", id};
    CHECK(of("/docker/" + id) == docker);
    CHECK(of("/system.slice/docker-" + id + ".scope") == docker);
    CHECK(of("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id + ".scope") ==
          docker);
    CHECK(of("/docker/" + id + "/system.slice/api.service") == docker);
    const Container podman{"podman", id};
    CHECK(of("/machine.slice/libpod-" + id + ".scope") == podman);
    CHECK(of("/machine.slice/libpod-" + id + ".scope/container") == podman);
    CHECK(of("/libpod_parent/libpod-" + id) == podman);
    const std::string pod =
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice";
    CHECK(of(pod + "/cri-containerd-" + id + ".scope") == Container{"containerd", id});
    CHECK(of(pod + "/crio-" + id + ".scope") == Container{"cri-o", id});
    CHECK(of("/kubepods/besteffort/pod12-34/" + id) == Container{"kubepods", id});
    CHECK(of("/system.slice/nerdctl-" + id + ".scope") == Container{"containerd", id});
    CHECK(of("/k8s.io/" + id) == Container{"containerd", id});
    CHECK(of("/lxc/web1") == Container{"lxc", "web1"});
    CHECK(of("/lxc.payload.web1/system.slice/nginx.service") == Container{"lxc", "web1"});
    CHECK(of("/lxc.payload/web1") == Container{"lxc", "web1"});
    CHECK(of("/machine.slice/systemd-nspawn@web\\x2d1.service/payload") ==
          Container{"nspawn", "web-1"});
    CHECK(of("/docker/" + id + "/docker/" + std::string(64, 'a')) ==
          Container{"docker", std::string(64, 'a')});
}

TEST_CASE("what is beside a container is in none") {
    for (const std::string& path :
         {std::string(), std::string("/"), std::string("/system.slice/docker.service"),
          std::string("/system.slice/docker-proxy.service"), "/system.slice/libpod-conmon-" + id,
          "/machine.slice/libpod-conmon-" + id + ".scope", "/crio-conmon-" + id + ".scope",
          std::string("/lxc.monitor.web1"), std::string("/docker/short"), "/other/" + id,
          std::string("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope"),
          std::string("/kubepods/besteffort/pod12-34")}) {
        CAPTURE(path);
        CHECK(of(path) == Container{});
    }
}

TEST_CASE("the pid in the innermost namespace") {
    CHECK(parse_inner_pid("4711") == 0);
    CHECK(parse_inner_pid("4711\t12") == 12);
    CHECK(parse_inner_pid("4711\t12\t1") == 1);
    CHECK(parse_inner_pid("") == 0);
    CHECK(parse_inner_pid("4711\tx") == 0);
}

TEST_CASE("a mounted network namespace in mountinfo") {
    const auto mount = parse_namespace_mount(
        "353 27 0:4 net:[4026532261] /run/netns/blue rw shared:187 - nsfs nsfs rw");
    REQUIRE(mount);
    CHECK(mount->inode == 4026532261);
    CHECK(mount->path == "/run/netns/blue");
    const auto blank = parse_namespace_mount("1 2 0:4 net:[7] /tmp/a\\040b\\134 rw - nsfs nsfs rw");
    REQUIRE(blank);
    CHECK(blank->path == "/tmp/a b\\");
    for (const char* line :
         {"", "1 2 0:4", "1 2 0:4 net:[7]", "1 2 0:4 mnt:[7] /x rw - nsfs nsfs rw",
          "1 2 0:4 net:[] /x rw - nsfs nsfs rw", "1 2 0:4 net:[x] /x rw - nsfs nsfs rw",
          "1 2 8:1 / / rw - ext4 /dev/sda1 rw"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_namespace_mount(line));
    }
}
