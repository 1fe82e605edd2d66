/* SPDX-License-Identifier: MIT */
#pragma once

/* What the program in the kernel and its reader have agreed upon. */

/* One bit for each inode that may be wanted, by its low bits: inodes are handed out in sequence. */
#define UNWAIT_WANTED_BITS (1u << 20)
#define UNWAIT_WANTED_BYTES (UNWAIT_WANTED_BITS / 8)

struct unwait_socket_fd {
    unsigned long long inode;
    unsigned long long table; /* differs where fd tables do */
    int pid;
    int tid;
    unsigned int fd;
    unsigned int padding;
};
