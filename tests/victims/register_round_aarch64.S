// SPDX-License-Identifier: MIT
// stp or ldp of those that a function must leave as they were.
.macro kept_registers operation
    \operation x19, x20, [sp, #16]
    \operation x21, x22, [sp, #32]
    \operation x23, x24, [sp, #48]
    \operation x25, x26, [sp, #64]
    \operation x27, x28, [sp, #80]
    \operation d8, d9, [sp, #96]
    \operation d10, d11, [sp, #112]
    \operation d12, d13, [sp, #128]
    \operation d14, d15, [sp, #144]
.endm
// Loads every register, goes through the body, stores every register.
.macro victim_round name, body:vararg
    .globl \name
    .hidden \name
    .type \name, %function
\name:
    stp x29, x30, [sp, #-192]!
    kept_registers stp
    str x0, [sp, #160]
    ldr x1, [x0, #248]
    msr nzcv, x1
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ldr q\n, [x0, #512 + 16 * \n]
    .endr
    .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    ldr x\n, [x0, #8 * \n]
    .endr
    ldr x0, [x0]
    \body
    str x0, [sp, #168]
    ldr x0, [sp, #160]
    .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    str x\n, [x0, #256 + 8 * \n]
    .endr
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    str q\n, [x0, #1024 + 16 * \n]
    .endr
    mrs x1, nzcv
    str x1, [x0, #504]
    ldr x1, [sp, #168]
    str x1, [x0, #256]
    kept_registers ldp
    ldp x29, x30, [sp], #192
    ret
.endm
.text
victim_round victim_user, .fill 20000, 4, 0xd503201f
victim_round victim_call, svc #0

// The same for the registers of SVE alone, from x0 and x1 to x2 and x3. Runs anywhere.
    .arch armv8-a+sve
    .globl victim_vectors, victim_vectors_end
    .hidden victim_vectors, victim_vectors_end
    .type victim_vectors, %function
victim_vectors:
    stp d8, d9, [sp, #-64]!
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ldr z\n, [x0, #\n, mul vl]
    .endr
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    ldr p\n, [x1, #\n, mul vl]
    .endr
    .fill 20000, 4, 0xd503201f
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    str z\n, [x2, #\n, mul vl]
    .endr
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    str p\n, [x3, #\n, mul vl]
    .endr
    ldp d10, d11, [sp, #16]
    ldp d12, d13, [sp, #32]
    ldp d14, d15, [sp, #48]
    ldp d8, d9, [sp], #64
    ret
victim_vectors_end:
.section .note.GNU-stack, "", %progbits
