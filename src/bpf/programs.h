/* SPDX-License-Identifier: MIT */
#pragma once

/* The programs, loaded into the kernel. The kernel itself looks up where its structures have their
 * members (Linux 5.17): the code that does so was made when this was built (bpftool-gen(8),
 * skeleton -L), so that its types need not be read by us, which takes ten times as long. */

#ifdef __cplusplus
extern "C" {
#endif

/* Descriptors that are the caller's to close. */
struct unwait_socket_fds {
    int program;
    int wanted;
    int walk;
    int walkers;
    int found;
};
struct unwait_fd_calls {
    int program;
    int wanted;
    int counts;
};

/* 0, or a negative errno value. There will be room to write so many fds down. */
int unwait_load_socket_fds(struct unwait_socket_fds *into, unsigned int room);
int unwait_load_fd_calls(struct unwait_fd_calls *into);

#ifdef __cplusplus
}
#endif
