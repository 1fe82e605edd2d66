/* SPDX-License-Identifier: MIT
 *
 * A victim that is a 32-bit program on x86-64: no library stands between it and the kernel, so that
 * it can be built without one. Its threads make calls that block, each by INT 0x80 and by the
 * vdso's SYSENTER, between registers of known values, and count what is not as it must be. It
 * speaks like the other victim (victim.hpp): a ready line, then an answer to each question.
 */
#include <stddef.h>
#include <stdint.h>

enum {
    sys_read = 3,
    sys_write = 4,
    sys_open = 5,
    sys_close = 6,
    sys_dup3 = 330,
    sys_getpid = 20,
    sys_pause = 29,
    sys_prctl = 172,
    sys_pipe = 42,
    sys_ipc = 117,
    sys_clone = 120,
    sys_poll = 168,
    sys_nanosleep = 162,
    sys_rt_sigaction = 174,
    sys_rt_sigtimedwait = 177,
    sys_rt_sigsuspend = 179,
    sys_pselect6 = 308,
    sys_ppoll = 309,
    sys_mmap2 = 192,
    sys_futex = 240,
    sys_set_thread_area = 243,
    sys_exit_group = 252,
    sys_unshare = 310,
    sys_epoll_create1 = 329,
    sys_epoll_wait = 256,
    sys_socketcall = 102,
    sys_getsockname = 367,
    sys_socket = 359,
    sys_bind = 361,
    sys_connect = 362,
    sys_listen = 363,
    sys_accept4 = 364,
    sys_setsockopt = 366,
    sys_recvfrom = 371,
    minus_eagain = -11,
    minus_etimedout = -110,
    endless = 1 << 30, /* no result that a call could have */
};

/* The assembly below knows these offsets. */
struct Frame {
    uint32_t in[7]; /* eax ebx ecx edx esi edi ebp */
    uint32_t out[7];
    uint32_t flags_in, flags_out;
    uint32_t vector_in[8][4];  /* from 64 on */
    uint32_t vector_out[8][4]; /* from 192 on */
    uint32_t thread_word;      /* %gs:0; 320 */
};

void round_int80(struct Frame* frame);
void round_sysenter(struct Frame* frame);
void round_user(struct Frame* frame);
int start_thread(void (*body)(void*), void* argument, void* stack);
uint32_t entry_of_vdso; /* AT_SYSINFO */

/* clang-format off */
__asm__(
    ".macro round name, call:vararg\n"
    ".globl \\name\n"
    "\\name:\n"
    "  push %ebx; push %esi; push %edi; push %ebp\n"
    "  mov 20(%esp), %eax\n"
    "  push %eax\n"
    "  .irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "  movups 64 + 16 * \\n(%eax), %xmm\\n\n"
    "  .endr\n"
    "  pushl 56(%eax)\n"
    "  mov 4(%eax), %ebx; mov 8(%eax), %ecx; mov 12(%eax), %edx\n"
    "  mov 16(%eax), %esi; mov 20(%eax), %edi; mov 24(%eax), %ebp\n"
    "  mov (%eax), %eax\n"
    "  popf\n"
    "  \\call\n"
    "  pushf\n"
    "  push %eax\n"
    "  mov 8(%esp), %eax\n"
    "  popl 28(%eax)\n"
    "  popl 60(%eax)\n"
    "  cld\n"
    "  mov %ebx, 32(%eax); mov %ecx, 36(%eax); mov %edx, 40(%eax)\n"
    "  mov %esi, 44(%eax); mov %edi, 48(%eax); mov %ebp, 52(%eax)\n"
    "  .irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "  movups %xmm\\n, 192 + 16 * \\n(%eax)\n"
    "  .endr\n"
    "  mov %gs:0, %ecx\n"
    "  mov %ecx, 320(%eax)\n"
    "  add $4, %esp\n"
    "  pop %ebp; pop %edi; pop %esi; pop %ebx\n"
    "  ret\n"
    ".endm\n"
    "round round_int80, int $0x80\n"
    "round round_sysenter, call *entry_of_vdso\n"
    "round round_user, .fill 20000, 1, 0x90\n"
    ".globl start_thread\n"
    "start_thread:\n"
    "  push %ebx\n"
    "  mov 16(%esp), %ecx\n"
    "  lea -8(%ecx), %ecx\n"
    "  mov 8(%esp), %eax; mov %eax, (%ecx)\n"
    "  mov 12(%esp), %eax; mov %eax, 4(%ecx)\n"
    "  mov $0x50f00, %ebx\n" /* CLONE_VM FS FILES SIGHAND THREAD SYSVSEM */
    "  mov $120, %eax\n"
    "  int $0x80\n"
    "  test %eax, %eax\n"
    "  jz 1f\n"
    "  pop %ebx\n"
    "  ret\n"
    "1: pop %eax\n"
    "  call *%eax\n"
    "  ud2\n"
    ".globl _start\n"
    "_start:\n"
    "  mov %esp, %eax\n"
    "  and $-16, %esp\n"
    "  sub $12, %esp\n"
    "  push %eax\n"
    "  call run\n"
    "  ud2\n");
/* clang-format on */

static int32_t call(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) {
    int32_t result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return result;
}

static uint32_t address(const volatile void* object) { return (uint32_t)object; }

/* The compiler calls these. */
void* memset(void* to, int value, size_t size) {
    for (volatile char* at = to; size > 0; --size) *at++ = (char)value;
    return to;
}
void* memcpy(void* to, const void* from, size_t size) {
    volatile char* at = to;
    for (const char* source = from; size > 0; --size) *at++ = *source++;
    return to;
}

static char* put_text(char* at, const char* text) {
    while (*text != 0) *at++ = *text++;
    return at;
}
static char* put_number(char* at, uint32_t value) {
    if (value >= 10) at = put_number(at, value / 10);
    *at++ = (char)('0' + value % 10);
    return at;
}
static void say(char* line, char* end) {
    *end++ = '\n';
    call(sys_write, 1, address(line), (uint32_t)(end - line), 0, 0);
}

static uint32_t must(int32_t result) {
    if (result < 0 && result > -4096) {
        static char line[32];
        call(sys_write, 2, address(line), (uint32_t)(put_number(line, (uint32_t)-result) - line), 0,
             0);
        call(sys_exit_group, 1, 0, 0, 0, 0);
    }
    return (uint32_t)result;
}

struct Timeout {
    int32_t seconds, nanoseconds;
};

/* A call that a thread repeats, and what it must return. */
struct Job {
    const char* name;
    void (*round)(struct Frame*);
    int32_t number; /* -1: none, registers only */
    uint32_t arguments[6];
    int32_t expected;
    volatile uint32_t rounds, errors;
    volatile int32_t last;
    volatile int started;
};

static volatile uint32_t started;
static uint32_t error_count;
static const char* volatile first_error = "";

static void note(struct Job* job) {
    ++job->errors;
    __atomic_fetch_add(&error_count, 1, __ATOMIC_SEQ_CST);
    first_error = job->name;
}

static void own_thread_area(uint32_t* word) {
    uint32_t description[4] = {(uint32_t)-1, address(word), 4096, 0x51};
    must(call(sys_set_thread_area, address(description), 0, 0, 0, 0));
    const uint16_t selector = (uint16_t)(description[0] * 8 + 3);
    __asm__ volatile("mov %0, %%gs" : : "r"(selector));
}

static void work(void* argument) {
    enum { flags_kept = 0xcd5 }; /* carry parity adjust zero sign direction overflow */
    struct Job* job = argument;
    struct Frame frame;
    uint32_t word = address(job) * 31;
    own_thread_area(&word);
    job->started = 1;
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    for (uint32_t seed = 1;; ++seed) {
        for (uint32_t i = 0; i < 7; ++i) frame.in[i] = seed * 0x9e3779b9U + i;
        for (uint32_t i = 0; i < 32; ++i) frame.vector_in[i / 4][i % 4] = seed * 0x85ebca6bU + i;
        frame.flags_in = 0x202 | ((seed & 1) != 0 ? flags_kept : 0);
        if (job->number >= 0) {
            frame.in[0] = (uint32_t)job->number;
            for (uint32_t i = 0; i < 6; ++i) frame.in[i + 1] = job->arguments[i];
        }
        job->round(&frame);
        job->last = (int32_t)frame.out[0];
        uint32_t broken =
            ((frame.flags_in ^ frame.flags_out) & flags_kept) | (frame.thread_word ^ word);
        for (uint32_t i = job->number < 0 ? 0 : 1; i < 7; ++i) broken |= frame.in[i] ^ frame.out[i];
        for (uint32_t i = 0; i < 32; ++i) {
            broken |= frame.vector_in[i / 4][i % 4] ^ frame.vector_out[i / 4][i % 4];
        }
        if (broken != 0 || (job->number >= 0 && job->last != job->expected)) note(job);
        ++job->rounds;
    }
}

static struct Timeout short_time = {0, 20 * 1000 * 1000};
static uint32_t futex_word;
static uint32_t no_signal[2];
static char buffer[64];
static int32_t silent_pipe[2];
static struct Job jobs[32];
static uint32_t job_count;

struct Arguments {
    uint32_t values[6]; /* ebx ecx edx esi edi ebp */
};
#define ARGUMENTS(...) ((struct Arguments){{__VA_ARGS__}})

static void add(const char* name, int32_t number, int32_t expected, struct Arguments arguments) {
    for (int i = 0; i < 2; ++i) {
        struct Job* job = &jobs[job_count++];
        job->name = name;
        job->round = i == 0 ? round_int80 : round_sysenter;
        job->number = number;
        memcpy(job->arguments, arguments.values, sizeof arguments.values);
        job->expected = expected;
    }
}

static int32_t new_socket(void) { return (int32_t)must(call(sys_socket, 2, 1, 0, 0, 0)); }

struct Address {
    uint16_t family, port;
    uint32_t host;
    char zero[8];
};

/* Both ends of a connection; `peer` stays open. */
static uint32_t connected_socket(uint32_t* peer) {
    struct Address here = {2, 0, 0x0100007f, {0}};
    uint32_t size = sizeof here;
    const uint32_t listener = (uint32_t)new_socket();
    must(call(sys_bind, listener, address(&here), sizeof here, 0, 0));
    must(call(sys_listen, listener, 1, 0, 0, 0));
    must(call(sys_getsockname, listener, address(&here), address(&size), 0, 0));
    *peer = (uint32_t)new_socket();
    must(call(sys_connect, *peer, address(&here), sizeof here, 0, 0));
    const uint32_t fd = must(call(sys_accept4, listener, 0, 0, 0, 0));
    call(sys_close, listener, 0, 0, 0, 0);
    return fd;
}

static uint32_t first_masked_job;
static void on_signal(int number) { (void)number; }

/* Calls that keep SIGUSR2 off by a mask of their own, and a handler for it. */
static void add_masked_jobs(void) {
    enum { sigusr2 = 12 };
    static const uint32_t mask[2] = {1 << (sigusr2 - 1), 0};
    static uint32_t sized[2];
    const struct {
        uint32_t handler, flags, restorer, mask[2];
    } action = {(uint32_t)on_signal, 0x10000000, 0, {0, 0}}; /* SA_RESTART */
    must(call(sys_rt_sigaction, sigusr2, address(&action), 0, 8, 0));
    sized[0] = address(mask);
    sized[1] = sizeof mask;
    first_masked_job = job_count;
    add("rt_sigsuspend", sys_rt_sigsuspend, endless, ARGUMENTS(address(mask), sizeof mask));
    add("ppoll", sys_ppoll, endless, ARGUMENTS(0, 0, 0, address(mask), sizeof mask));
    add("pselect6", sys_pselect6, endless, ARGUMENTS(0, 0, 0, 0, 0, address(sized)));
}

static void add_jobs(void) {
    uint32_t peer;
    static struct {
        int32_t fd;
        uint32_t events;
    } polled;
    static uint32_t receive[4];
    static struct {
        uint16_t number;
        int16_t change, flags;
    } down = {0, -1, 0};
    must(call(sys_pipe, address(silent_pipe), 0, 0, 0, 0));
    polled.fd = silent_pipe[0];
    polled.events = 1;
    const uint32_t socket = connected_socket(&peer);
    must(call(sys_setsockopt, socket, 1, 20, address(&(struct Timeout){0, 20000}), 8));
    receive[0] = socket;
    receive[1] = address(buffer);
    receive[2] = sizeof buffer;
    const uint32_t epoll = must(call(sys_epoll_create1, 0, 0, 0, 0, 0));
    must(call(sys_unshare, 0x08000000, 0, 0, 0, 0)); /* CLONE_NEWIPC: it ends with us */
    const uint32_t semaphore = must(call(sys_ipc, 2, 0, 1, 0600, 0));
    const uint32_t in = (uint32_t)silent_pipe[0];

    jobs[job_count++] = (struct Job){"user mode", round_user, -1, {0}, 0, 0, 0, 0, 0};
    add("read", sys_read, endless, ARGUMENTS(in, address(buffer), 1));
    add("pause", sys_pause, endless, ARGUMENTS(0));
    add("futex", sys_futex, endless, ARGUMENTS(address(&futex_word)));
    add("futex with timeout", sys_futex, minus_etimedout,
        ARGUMENTS(address(&futex_word), 0, 0, address(&short_time)));
    add("nanosleep", sys_nanosleep, 0, ARGUMENTS(address(&short_time)));
    add("poll", sys_poll, 0, ARGUMENTS(address(&polled), 1, 20));
    add("epoll_wait", sys_epoll_wait, 0, ARGUMENTS(epoll, address(buffer), 1, 20));
    add("rt_sigtimedwait", sys_rt_sigtimedwait, minus_eagain,
        ARGUMENTS(address(no_signal), 0, address(&short_time), 8));
    add("recvfrom with SO_RCVTIMEO", sys_recvfrom, minus_eagain,
        ARGUMENTS(socket, address(buffer), 1));
    add("recv by socketcall", sys_socketcall, minus_eagain, ARGUMENTS(10, address(receive)));
    add("semtimedop", sys_ipc, minus_eagain,
        ARGUMENTS(4, semaphore, 1, 0, address(&down), address(&short_time)));
    add_masked_jobs();
}

static uint32_t number_in(const char* text) {
    uint32_t value = 0;
    while (*text >= '0' && *text <= '9') value = value * 10 + (uint32_t)(*text++ - '0');
    return value;
}

static void answer(char* question) {
    static char line[256];
    char* end = line;
    if (question[0] == 'o') { /* open */
        end = put_number(end, must(call(sys_open, address("/dev/null"), 0, 0, 0, 0)));
    } else if (question[0] == 'c') { /* close */
        const uint32_t fd = number_in(question + 6);
        end = put_number(end, must(call(sys_close, fd, 0, 0, 0, 0)));
    } else if (question[0] == 'e') { /* errors */
        end = put_number(end, error_count);
        end = put_text(put_text(end, " "), first_error);
    } else if (question[0] == 'r') { /* rounds: the fewest of a job that ends at all */
        uint32_t fewest = UINT32_MAX;
        for (uint32_t i = 0; i < job_count; ++i) {
            const struct Job* job = &jobs[i];
            if (job->started && job->expected != endless && job->rounds < fewest) {
                fewest = job->rounds;
            }
        }
        end = put_number(end, fewest);
    } else {
        end = put_text(end, "unknown");
    }
    say(line, end);
}

/* From here on a seccomp filter of the main thread fails every close and dup3. */
static void refuse_calls(void) {
    static const struct {
        uint16_t code;
        uint8_t if_equal, otherwise;
        uint32_t value;
    } program[] = {
        {0x20, 0, 0, 0}, /* the call's number */
        {0x15, 1, 0, sys_close},  {0x15, 0, 1, sys_dup3}, {0x06, 0, 0, 0x00050001}, /* EPERM */
        {0x06, 0, 0, 0x7fff0000},                                                   /* allowed */
    };
    const struct {
        uint16_t length;
        uint32_t program;
    } filter = {5, address(program)};
    must(call(sys_prctl, 38, 1, 0, 0, 0));                /* PR_SET_NO_NEW_PRIVS */
    must(call(sys_prctl, 22, 2, address(&filter), 0, 0)); /* PR_SET_SECCOMP */
}

/* With a number only that job's thread is there, and no other can be made to close anything. */
void run(uint32_t* stack) {
    uint32_t* at = stack + 1;
    while (*at++ != 0) {
    }
    while (*at++ != 0) {
    }
    for (; at[0] != 0; at += 2) {
        if (at[0] == 32) entry_of_vdso = at[1]; /* AT_SYSINFO */
    }
    call(sys_prctl, 1, 9, 0, 0, 0); /* PR_SET_PDEATHSIG, SIGKILL */
    uint32_t peer;
    const uint32_t fd = connected_socket(&peer);
    call(sys_close, peer, 0, 0, 0, 0);
    add_jobs();
    const uint32_t only = stack[0] > 1 ? number_in((const char*)stack[2]) : UINT32_MAX;
    for (uint32_t i = 0; i < job_count; ++i) {
        if (only != UINT32_MAX && i != only) continue;
        enum { stack_size = 65536 };
        const uint32_t memory =
            must(call(sys_mmap2, 0, stack_size, 3, 0x22, (uint32_t)-1)); /* anonymous */
        must(start_thread(work, &jobs[i], (void*)(memory + stack_size - 16)));
    }
    while (started < (only == UINT32_MAX ? job_count : 1)) __asm__ volatile("pause");
    if (only != UINT32_MAX) refuse_calls();
    static char line[128];
    char* end = put_text(line, "pid=");
    end = put_number(end, (uint32_t)call(sys_getpid, 0, 0, 0, 0, 0));
    end = put_number(put_text(end, " fd="), fd);
    end = put_number(put_text(end, " jobs="), job_count);
    end = put_number(put_text(end, " masked="), first_masked_job);
    say(line, end);
    static char question[128];
    while (call(sys_read, 0, address(question), sizeof question, 0, 0) > 0) answer(question);
    call(sys_exit_group, 0, 0, 0, 0, 0);
}
