/* SPDX-License-Identifier: MIT */
#pragma once

/* What the program that counts system calls and its reader have agreed upon. */

#define UNWAIT_MOST_FDS 65536
#define UNWAIT_FD_ARGUMENTS 3 /* no call has an fd behind its third argument */

struct unwait_traced_fd {
    int pid;
    int fd; /* -1: any of the process */
};

struct unwait_fd_call {
    int pid;
    int fd;
    int number;
    int argument; /* which of them the fd was, from 0 on */
};
