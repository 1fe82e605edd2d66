/* SPDX-License-Identifier: MIT */
#pragma once

/* What the program in the kernel and its reader have agreed upon. */

/* One bit for each inode that may be wanted, by its low bits: inodes are handed out in sequence. */
#define UNWAIT_WANTED_BITS (1u << 20)
#define UNWAIT_WANTED_BYTES (UNWAIT_WANTED_BITS / 8)

/* How many numbers of each table one walk looks at: the kernel does nothing else on that processor
 * before it comes to the next table. */
#define UNWAIT_FDS_OF_A_WALK (1u << 13)

/* How many threads may share a walk. */
#define UNWAIT_MOST_WALKERS 8

/* One walk through all tables, by so many threads at the same time, each for a part of the numbers
 * of every table. */
struct unwait_walk {
    unsigned int walkers;
    unsigned int first;  /* the number to begin with, a multiple of UNWAIT_FDS_OF_A_WALK */
    unsigned int found;  /* goes on counting where there is room for no more */
    unsigned int torn;   /* whether a table was replaced or changed as it was looked at */
    unsigned int longer; /* whether a table goes on behind the last number of this walk */
};

struct unwait_socket_fd {
    unsigned long long inode;
    unsigned long long filesystem; /* the same for all sockets, and for nothing else */
    unsigned long long table;      /* differs where fd tables do */
    int pid;
    int tid;
    unsigned int fd;
    unsigned int padding;
};
