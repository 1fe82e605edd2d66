/* SPDX-License-Identifier: MIT */
#include "programs.h"

#include <errno.h>
#include <string.h>

#include "fd_calls.skeleton.h"
#include "socket_fds.skeleton.h"

/* A skeleton closes what is not 0. */
static int take(int *fd) {
    const int taken = *fd;
    *fd = 0;
    return taken;
}

int unwait_load_socket_fds(struct unwait_socket_fds *into, unsigned int room) {
    struct socket_fds *skeleton = socket_fds__open();
    if (!skeleton) return -ENOMEM;
    skeleton->maps.found.max_entries = room;
    const int error = socket_fds__load(skeleton);
    if (error == 0) {
        into->program = take(&skeleton->progs.socket_fds.prog_fd);
        into->wanted = take(&skeleton->maps.wanted.map_fd);
        into->walk = take(&skeleton->maps.walk.map_fd);
        into->walkers = take(&skeleton->maps.walkers.map_fd);
        into->found = take(&skeleton->maps.found.map_fd);
    }
    socket_fds__destroy(skeleton);
    return error;
}

int unwait_load_fd_calls(struct unwait_fd_calls *into) {
    struct fd_calls *skeleton = fd_calls__open();
    if (!skeleton) return -ENOMEM;
    const int error = fd_calls__load(skeleton);
    if (error == 0) {
        into->program = take(&skeleton->progs.fd_calls.prog_fd);
        into->wanted = take(&skeleton->maps.wanted.map_fd);
        into->counts = take(&skeleton->maps.counts.map_fd);
    }
    fd_calls__destroy(skeleton);
    return error;
}
