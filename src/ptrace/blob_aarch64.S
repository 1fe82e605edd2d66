// SPDX-License-Identifier: MIT
//
// The same as blob_x86_64.S, where it says what this does. SVC leaves every register but x0 alone, and
// what SVE has more than the older vectors (aarch64_vectors.cpp). The kernel subtracts 4 from the
// program counter when it repeats a call. Only a branch to a place within 128 MiB needs no register:
// aarch64_blob.cpp writes it where it can be had. Elsewhere the thread waits at the end, a tenth of a
// second, for the surgeon to set its registers, and goes on without x16 when nobody does: a register
// that any function call may change.

        .macro  blob name, replaces
        .balign 16
        .globl  unwait_blob_\name, unwait_blob_\name\()_end, unwait_after_cut_\name
        .globl  unwait_over_\name, unwait_saved_\name, unwait_leaving_\name
        .globl  unwait_leaving_again_\name, unwait_leaving_plain_\name
        .globl  unwait_far_again_\name, unwait_far_plain_\name
        .globl  unwait_begin_\name, unwait_next_\name
        .if \replaces
        .globl  unwait_after_socket_\name, unwait_after_shutdown_\name, unwait_after_last_\name
        .set    entry_size_\name, 8
        .else
        .set    entry_size_\name, 4
        .endif
unwait_blob_\name:
        b       1f                              // restart: four bytes
        mov     x9, #0                          // plain
        b       2f
1:      mov     x9, #1
2:      mov     x10, x0                         // what the kernel put there belongs to the thread
        mov     x11, x8
unwait_saved_\name:
        .if \replaces
        ldr     x12, adopted_\name              // a placeholder of an interrupted run, plus 1
        cbz     x12, 6f
        sub     x12, x12, #1
        b       7f
6:      mov     x0, #2                          // socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        mov     x1, #1
        movk    x1, #8, lsl #16
        mov     x2, #0
        mov     x8, #198
        svc     #0
unwait_after_socket_\name:
        mov     x12, x0                         // on failure an error number: dup3 then fails too
        mov     x1, #2                          // shutdown(it, SHUT_RDWR): reads as end of file
        mov     x8, #210
        svc     #0
unwait_after_shutdown_\name:
7:
        .endif
        ldr     x14, count_\name
        adr     x13, table_\name
unwait_begin_\name:
3:      cbz     x14, 4f
        ldr     x1, mark_\name
        cbz     x1, 9f
        ldr     w0, [x13]
        mov     x1, #9                          // F_GETOWN
        mov     x8, #25                         // fcntl(fd, F_GETOWN)
        svc     #0
        ldr     x1, mark_\name
        sub     x0, x0, x1
        cbnz    x0, 4f
9:
        .if \replaces
        mov     x0, x12
        ldr     w1, [x13]
        ldr     w2, [x13, #4]
        mov     x8, #24                         // dup3(it, fd, O_CLOEXEC or 0)
        .else
        ldr     w0, [x13]
        mov     x8, #57                         // close(fd)
        .endif
        svc     #0
unwait_after_cut_\name:
        .if \replaces
        sub     x0, x0, x1
        cbnz    x0, 4f                          // dup3 answers with the number
        .endif
unwait_next_\name:
        add     x13, x13, #entry_size_\name
        sub     x14, x14, #1
        b       3b
4:
        .if \replaces
        mov     x0, x12
        mov     x8, #57
        svc     #0
unwait_after_last_\name:
        .endif
unwait_over_\name:
        ldr     x12, rounds_\name              // waiting for the surgeon, but not for ever
        cbz     x14, 5f
        ldr     x12, early_rounds_\name
5:      cbz     x12, 6f
        sub     x12, x12, #1
        b       5b
6:      mov     x0, x10
        mov     x8, x11
unwait_leaving_\name:
        ldr     x1, x1_\name
        ldr     x2, x2_\name
        ldr     x10, x10_\name
        ldr     x11, x11_\name
        ldr     x12, x12_\name
        ldr     x13, x13_\name
        ldr     x14, x14_\name
        cbz     x9, 9f
unwait_leaving_again_\name:
        ldr     x9, x9_\name
unwait_far_again_\name:
        movz    x16, #0x1000, lsl #16           // or a branch to the thread's counter less 4
1:      sub     x16, x16, #1
        cbnz    x16, 1b
        ldr     x16, again_\name
        ret     x16
unwait_leaving_plain_\name:
9:      ldr     x9, x9_\name
unwait_far_plain_\name:
        movz    x16, #0x1000, lsl #16           // or a branch to the thread's counter
1:      sub     x16, x16, #1
        cbnz    x16, 1b
        ldr     x16, resume_\name
        ret     x16
        .balign 8
resume_\name:  .quad 0
again_\name:   .quad 0
count_\name:   .quad 0                          // entries in the table
adopted_\name: .quad 0
mark_\name:    .quad 0                          // 0: the files carry none
rounds_\name:  .quad 0
early_rounds_\name: .quad 0
x1_\name:      .quad 0
x2_\name:      .quad 0
x9_\name:      .quad 0
x10_\name:     .quad 0
x11_\name:     .quad 0
x12_\name:     .quad 0
x13_\name:     .quad 0
x14_\name:     .quad 0
table_\name:
unwait_blob_\name\()_end:                       // {u32 fd[, u32 dup3 flags]} follow
        .endm

        .section .rodata
        blob    close, 0
        blob    replace, 1
        .section .note.GNU-stack, "", %progbits
